"""Settings: where they come from, which wins, and what is said of one that cannot be used."""

from pathlib import Path

import msgspec
import pytest

from proxy.config import OPTIONS, Address, ConfigError, Settings, flag, load, reference, variable
from rules.catalogue import REPORTING, RULES


def loaded(**flags: str) -> Settings:
    return load({"upstream": "db", **flags}, environment={})


def test_defaults_are_safe() -> None:
    settings = loaded()
    assert settings.upstream == Address(host="db", port=3306)
    assert settings.listen.host == "127.0.0.1"
    assert settings.admin is not None
    assert settings.admin.host == "127.0.0.1"
    assert settings.log_literals is False
    assert settings.mode == "observe"
    assert settings.trust_server is False


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "hushql.yaml"
    file.write_text("upstream: file:1\nslow: 1s\nmax-connections: 7\ndigests: 3\n")
    environment = {"HUSHQL_CONFIG": str(file), "HUSHQL_UPSTREAM": "environment:2", "HUSHQL_SLOW": "2s"}
    settings = load({"slow": "3s"}, environment=environment)
    assert str(settings.upstream) == "environment:2"
    assert settings.slow == 3.0
    assert (settings.max_connections, settings.digests) == (7, 3)
    other = tmp_path / "other.yaml"
    other.write_text("")
    assert load({}, str(other), environment).max_connections == 2000


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("db:3307", Address(host="db", port=3307)),
        ("db", Address(host="db", port=3306)),
        ("10.0.0.1:1", Address(host="10.0.0.1", port=1)),
        ("[::1]:3306", Address(host="::1", port=3306)),
        ("[fe80::1%eth0]", Address(host="fe80::1%eth0", port=3306)),
        ("unix:/run/mysqld/mysqld.sock", Address(path="/run/mysqld/mysqld.sock")),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert loaded(upstream=text).upstream == address
    assert loaded(upstream=str(address)).upstream == address


def test_durations() -> None:
    for text, seconds in (("0s", 0.0), ("100ms", 0.1), ("250us", 0.00025), ("1.5m", 90.0), ("2h", 7200.0)):
        assert loaded(slow=text).slow == pytest.approx(seconds)


def test_yaml_words_are_what_they_look_like(tmp_path: Path) -> None:
    """YAML 1.1 reads off as false."""
    file = tmp_path / "hushql.yaml"
    file.write_text("upstream: db\nadmin: off\nlog: off\nlog_literals: yes\ntls-client: off\ndigests: 12\n")
    settings = load({}, str(file), {})
    assert (settings.admin, settings.log, settings.log_literals, settings.tls_client) == (None, None, True, "off")
    assert settings.digests == 12


def test_what_is_done_about_redundant_statements() -> None:
    settings = loaded(mode="suppress", sample="0", max_silence="250ms", trust_server="true")
    assert (settings.mode, settings.sample, settings.max_silence, settings.trust_server) == ("suppress", 0, 0.25, True)
    assert loaded().sample == 1000
    assert loaded().max_silence == 1.0


def test_rules_are_decided_about_one_by_one() -> None:
    assert loaded().rule == {}
    assert loaded(rule="").rule == {}
    settings = loaded(rule="liveness=suppress,deferred-begin=off, n-plus-one=observe,liveness=observe")
    assert settings.rule == {"liveness": "observe", "deferred-begin": "off", "n-plus-one": "observe"}


@pytest.mark.parametrize(
    "written",
    [
        "rule: liveness=suppress,deferred-begin=off\n",
        "rule: [liveness=suppress, deferred-begin=off]\n",
        "rule:\n  - liveness=suppress\n  - deferred-begin=off\n",
        "rule:\n  liveness: suppress\n  deferred-begin: off\n",
        "rule: {liveness: suppress, deferred-begin: 'off'}\n",
    ],
)
def test_rules_in_a_file(tmp_path: Path, written: str) -> None:
    file = tmp_path / "hushql.yaml"
    file.write_text(f"upstream: db\nmode: off\n{written}")
    settings = load({}, str(file), {})
    assert settings.mode == "off"
    assert settings.rule == {"liveness": "suppress", "deferred-begin": "off"}
    environment = {"HUSHQL_RULE": "empty-commit=observe"}
    assert load({}, str(file), environment).rule == {"empty-commit": "observe"}


@pytest.mark.parametrize("rule", [rule.name for rule in REPORTING])
def test_a_rule_that_only_reports_is_on_unless_it_is_told_otherwise(rule: str) -> None:
    everything = {rule.name for rule in REPORTING}
    assert loaded(mode="observe").reporting == everything
    assert loaded(mode="suppress").reporting == everything
    assert loaded(mode="off").reporting == set()
    assert loaded(rule=f"{rule}=off").reporting == everything - {rule}
    assert loaded(mode="off", rule=f"{rule}=observe").reporting == {rule}
    with pytest.raises(ConfigError) as caught:
        loaded(rule=f"{rule}=suppress")
    assert str(caught.value) == f"--rule: '{rule}=suppress': {rule} only reports"


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
@pytest.mark.parametrize("mode", ["off", "observe", "suppress"])
def test_a_rule_that_can_withhold_may_do_each(rule: str, mode: str) -> None:
    assert loaded(rule=f"{rule}={mode}").rule == {rule: mode}
    assert rule not in loaded(rule=f"{rule}={mode}").reporting


def test_the_example_of_a_sidecar() -> None:
    settings = load({}, str(Path(__file__).parents[2] / "deploy" / "hushql.yaml"), {})
    assert (str(settings.listen), str(settings.admin)) == ("127.0.0.1:3307", "0.0.0.0:9307")
    assert settings.upstream_tls == "verify-identity"
    assert settings.mode == "observe"
    assert settings.drain_timeout == 25.0


def test_a_certificate_turns_tls_on(tmp_path: Path) -> None:
    file = tmp_path / "cert.pem"
    file.touch()
    assert loaded().tls_client == "off"
    assert loaded(tls_cert=str(file)).tls_client == "optional"
    assert loaded(tls_cert=str(file), tls_client="off").tls_client == "off"


def test_the_grace_is_part_of_the_drain() -> None:
    assert loaded(drain_grace="30s", drain_timeout="2s").drain_grace == 2.0


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ({"upstream": "db:"}, "--upstream: 'db:': give HOST:PORT, [IPV6]:PORT or unix:/path"),
        ({"upstream": "db:0"}, "--upstream: 'db:0': give HOST:PORT, [IPV6]:PORT or unix:/path"),
        ({"upstream": "db:99999"}, "--upstream: 'db:99999': give HOST:PORT, [IPV6]:PORT or unix:/path"),
        ({"upstream": "mysql://db"}, "--upstream: 'mysql://db': give HOST:PORT, [IPV6]:PORT or unix:/path"),
        ({"upstream": "unix:run"}, "--upstream: 'unix:run': a Unix socket is given as unix:/absolute/path"),
        ({"listen": "3307"}, "--listen: '3307': give HOST:PORT, [IPV6]:PORT or unix:/path"),
        ({"admin": "unix:/a"}, "--admin: 'unix:/a': give HOST:PORT, [IPV6]:PORT or off"),
        ({"slow": "100"}, "--slow: '100': give a number and its unit"),
        ({"connect_timeout": "0s"}, "--connect-timeout: '0s': give more than 0"),
        ({"max_connections": "0"}, "--max-connections: '0': give a whole number"),
        ({"mode": "on"}, "--mode: 'on': give one of off, observe, suppress"),
        ({"sample": "-1"}, "--sample: '-1': give a whole number"),
        ({"max_silence": "1"}, "--max-silence: '1': give a number and its unit"),
        (
            {"rule": "empty-comit=off"},
            "--rule: 'empty-comit=off': there is no rule 'empty-comit'; `hushql rules` lists",
        ),
        ({"rule": "empty-commit"}, "--rule: 'empty-commit': give NAME=off or NAME=observe or NAME=suppress"),
        ({"rule": "empty-commit=on"}, "--rule: 'empty-commit=on': give NAME=off or NAME=observe or NAME=suppress"),
        ({"rule": "liveness=off,=off"}, "--rule: 'liveness=off,=off': there is no rule ''"),
        ({"upstream_tls": "yes"}, "--upstream-tls: 'yes': give one of disabled, preferred"),
        ({"log": ""}, "--log: '': give a path"),
        ({"tls_client": "required"}, "--tls-client required needs --tls-cert"),
        ({"upstream": "unix:/s", "upstream_tls": "verify-ca"}, "--upstream-tls verify-ca is for servers on a network"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(flags: dict[str, str], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(**flags)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_the_line_names_where_the_setting_came_from(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^HUSHQL_SLOW: 'x': "):
        load({"upstream": "db"}, environment={"HUSHQL_SLOW": "x"})
    file = tmp_path / "hushql.yaml"
    for content, said in (
        ("upstream: db\nslow: x\n", f"{file}: slow: 'x': give a number"),
        ("upstraem: db\n", f"{file}: upstraem: there is no such option"),
        ("upstream: [a, b]\n", f"{file}: upstream: give a single value"),
        ("- upstream\n", f"--config {file}: give one 'option: value' a line"),
        ("upstream: 'db\n", f"--config {file}: line "),
    ):
        file.write_text(content)
        with pytest.raises(ConfigError) as caught:
            load({}, str(file), {})
        assert str(caught.value).startswith(said)
    file.write_bytes(b"upstream: \xff\xfe\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load({}, str(file), {})


def test_other_variables_are_left_alone() -> None:
    """Kubernetes sets HUSHQL_PORT and the like in every pod of a namespace with a Service of that name."""
    environment = {"HUSHQL_UPSTREAM": "db", "HUSHQL_PORT": "tcp://10.0.0.1:3307", "HUSHQL_SERVICE_HOST": "10.0.0.1"}
    assert load({}, environment=environment).upstream.host == "db"


def test_the_reference_page_is_current() -> None:
    """`python -m proxy.config > docs/configuration.md` makes it."""
    assert (Path(__file__).parents[2] / "docs" / "configuration.md").read_text() == reference()
    for name in OPTIONS:
        assert f"| `{flag(name)}` | `{variable(name)}` |" in reference()
    without_default = ("upstream", "tls_client", "rule")
    assert {name: getattr(loaded(), name) for name in OPTIONS if name not in without_default} == {
        field.name: field.default for field in msgspec.structs.fields(Settings) if field.name not in without_default
    }
