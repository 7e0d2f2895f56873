"""What the docs say of names is what the program has."""

import json
import re
from pathlib import Path

from proxy.config import OPTIONS, flag, load
from proxy.conversation import HELD_LIMIT, IN_FLIGHT, JUDGED_LIMIT, PIPELINE_LIMIT
from proxy.events import ACTIONS, LOGIN_FAILURES, STATES, TEXT_LIMIT
from proxy.interpreter import PREPARED_LIMIT, PREPARED_TEXT_LIMIT
from proxy.metrics import SETTLED, VERDICTS, Metrics
from proxy.relay import LINGER
from proxy.statement_log import QUEUE_BYTES
from proxy.wire.template import BYTES_LIMIT, PACKETS_LIMIT
from rules.catalogue import ALL
from rules.digest import digest
from rules.engine import LEARNED_LIMIT, MAX_SILENCE, REPLIES_LIMIT, SAMPLE
from rules.session import PATIENCE
from rules.watch import REMEMBERED

DOCS = Path(__file__).parents[2] / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text()


def test_every_metric_is_described_and_no_other() -> None:
    families = list(Metrics(version="1", compiled=False).collect())
    suffix = {"counter": "_total", "info": "_info"}
    exposed = {family.name + suffix.get(family.type, "") for family in families}
    assert set(re.findall(r"^\| `(hushql_\w+)`", page("metrics.md"), re.MULTILINE)) == exposed
    for word in (*LOGIN_FAILURES, *STATES, *VERDICTS.values()):
        assert f"`{word}`" in page("metrics.md")
    for action in (*ACTIONS, SETTLED):
        assert f"\n| {action} | " in page("metrics.md")


def test_every_action_in_the_log_is_described() -> None:
    [row] = re.findall(r"^\| `action` \| (.*) \|$", page("statement-log.md"), re.MULTILINE)
    assert re.findall(r"`(\w+)`", row) == list(ACTIONS)


def test_every_field_of_the_log_is_described_and_no_other() -> None:
    schema = json.loads(page("statement-log.schema.json"))
    fields = schema["$defs"]["LoggedStatement"]["properties"]
    described = [
        name for row in re.findall(r"^\| (`.*?) \|", page("statement-log.md"), re.MULTILINE) for name in row.split(", ")
    ]
    assert sorted(name.strip("`") for name in described) == sorted(fields)


def test_examples_of_normalised_statements() -> None:
    examples = re.findall(r"^([A-Z].*?\S) {3,}(\S.*)$", page("statement-log.md"), re.MULTILINE)
    assert len(examples) == 2
    for text, normalised in examples:
        assert digest(text.encode()).text == normalised


def test_bounds_are_as_described() -> None:
    operations = page("operations.md")
    assert f"the first {TEXT_LIMIT // 1024} KiB" in operations
    assert f"{PIPELINE_LIMIT:,}; with more" in operations
    assert f"{PREPARED_LIMIT:,}, and {PREPARED_TEXT_LIMIT >> 20} MiB" in operations
    assert f"{QUEUE_BYTES >> 20} MiB; further ones" in operations
    assert f"none of them for {LINGER:g} s" in operations
    assert f"before it is sent | {JUDGED_LIMIT >> 10} KiB; a longer one" in operations
    assert f"| {LEARNED_LIMIT:,}, the oldest goes; and {REPLIES_LIMIT} replies a session, " in operations
    assert f"of {BYTES_LIMIT >> 10} KiB and {PACKETS_LIMIT} packets at most" in operations
    assert f"| {HELD_LIMIT >> 10} KiB wait" in operations
    assert f"at most {IN_FLIGHT} commands are then under way" in operations
    assert f"which only reports remembers | {REMEMBERED} a connection" in operations


def test_defaults_are_as_described() -> None:
    settings = load({"upstream": "db"}, environment={})
    operations = page("operations.md")
    assert (settings.sample, settings.max_silence) == (SAMPLE, MAX_SILENCE)
    assert f"`--max-silence` ({settings.max_silence:g} s)" in operations
    assert f"`--sample` ({settings.sample:,})" in operations
    assert f"| `{settings.mode}` | the default: " in operations
    assert PATIENCE == 4
    assert "by a fourth of it" in operations


def test_options_and_rules_that_are_named_are_there() -> None:
    flags = {flag(name) for name in OPTIONS} | {"--config", "--help", "--user", "--password-file"}
    folder = DOCS.parent
    for path in (*DOCS.glob("*.md"), folder / "README.md", folder / "CHANGELOG.md"):
        text = path.read_text()
        assert set(re.findall(r"(?<![\w`-])`(--[a-z-]+)", text)) <= flags, path.name
        assert set(re.findall(r"--rule ([a-z-]+)=", text)) <= set(ALL), path.name


def test_every_error_of_our_own_is_described() -> None:
    sources = [path.read_text() for path in (DOCS.parent / "proxy").glob("*.py")]
    constants = (DOCS.parent / "proxy" / "wire" / "constants.py").read_text()
    codes = dict(re.findall(r"^((?:ER|CR)_\w+): Final = (\d+)", constants, re.MULTILINE))
    del codes["CR_SERVER_LOST"]  # a client library's; never sent
    used = {code for name, code in codes.items() if any(name in source for source in sources)}
    assert set(re.findall(r"^\| (\d{4}) \|", page("operations.md"), re.MULTILINE)) == used


def test_links_lead_somewhere() -> None:
    for path in (*DOCS.glob("*.md"), DOCS.parent / "README.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)", path.read_text()):
            assert (path.parent / target).exists(), (path.name, target)
