"""Settings of `hushql serve`: declared once, read from flags, environment and a YAML file, in that order.

Each option is a field of Settings; its annotation says how a text becomes its value and what the help says. The command
line, the names in the environment (HUSHQL_<NAME>), the keys of the file and docs/configuration.md all follow from it.
This is the only module that reads the environment.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, get_type_hints

import msgspec

from rules.catalogue import ALL, REPORTING, Report
from rules.verdict import MODES

MYSQL_PORT: Final = 3306


class ConfigError(Exception):
    """A setting that cannot be used; its text is one line for the user: where, what, and what would do."""


class Address(msgspec.Struct, frozen=True):
    """Where to listen or to dial: a host and port, or a Unix socket's path."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Option(NamedTuple):
    """How a field of Settings is given and explained."""

    parse: Callable[[str], Any]
    """Makes the value of a text; raises ValueError with what would do."""
    metavar: str
    help: str
    repeats: bool = False
    """Whether it may be given several times: the texts are joined by commas."""


def _address(text: str, default_port: int | None = None) -> Address:
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if not path.startswith("/") or len(os.fsencode(path)) > 107:  # sun_path, unix(7)
            raise ValueError("a Unix socket is given as unix:/absolute/path of at most 107 bytes")
        return Address(path=path)
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\[\]:\s/@]+))(?::(\d{1,5}))?", text)
    port = int(match[3]) if match and match[3] else default_port
    if match is None or port is None or port > 65535:
        raise ValueError("give HOST:PORT, [IPV6]:PORT or unix:/path")
    return Address(host=match[1] or match[2], port=port)


def _upstream(text: str) -> Address:
    address = _address(text, MYSQL_PORT)
    if not address.path and address.port == 0:
        raise ValueError("give HOST:PORT, [IPV6]:PORT or unix:/path")
    return address


def _admin(text: str) -> Address | None:
    if text == "off":
        return None
    address = _address(text)
    if address.path:
        raise ValueError("give HOST:PORT, [IPV6]:PORT or off")
    return address


_UNITS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def _duration(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)", text)
    if match is None:
        raise ValueError("give a number and its unit, such as 100ms, 25s or 1.5m")
    return float(match[1]) * _UNITS[match[2]]


def _positive_duration(text: str) -> float:
    seconds = _duration(text)
    if not seconds:
        raise ValueError("give more than 0")
    return seconds


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,6}", text):
        raise ValueError("give a whole number from 1 to 9999999")
    return int(text)


def _yes_or_no(text: str) -> bool:
    word = text.lower()
    if word not in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        raise ValueError("give true or false")
    return word in ("1", "true", "yes", "on")


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"give one of {', '.join(words)}")
        return text

    return parse


def _file(text: str) -> str:
    if not Path(text).is_file():
        raise ValueError("there is no such file")
    return text


def _sample(text: str) -> int:
    return 0 if text == "0" else _count(text)


def _rules(text: str) -> dict[str, str]:
    modes = {}
    for item in text.split(",") if text else []:
        name, _, mode = item.strip().partition("=")
        if name not in ALL:
            raise ValueError(f"there is no rule {name!r}; `hushql rules` lists them")
        if mode not in MODES:
            raise ValueError(f"give NAME={' or NAME='.join(MODES)}")
        if mode == "suppress" and isinstance(ALL[name], Report):
            raise ValueError(f"{name} only reports")
        modes[name] = mode
    return modes


def _log(text: str) -> str | None:
    if not text:
        raise ValueError("give a path, - for standard output, or off")
    return None if text == "off" else text


_MODES: Final = ("off", "observe", "suppress")
_CLIENT_TLS: Final = ("off", "optional", "required")
_UPSTREAM_TLS: Final = ("disabled", "preferred", "required", "verify-ca", "verify-identity")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that `hushql serve` can be told. Durations are in seconds."""

    upstream: Annotated[Address, Option(_upstream, "HOST:PORT|unix:PATH", "The database server.")]
    listen: Annotated[
        Address, Option(_address, "HOST:PORT|unix:PATH", "Where clients connect to; port 0 takes a free one.")
    ] = Address(host="127.0.0.1", port=3307)
    admin: Annotated[
        Address | None, Option(_admin, "HOST:PORT|off", "Where /metrics, /healthz and /readyz are served.")
    ] = Address(host="127.0.0.1", port=9307)
    mode: Annotated[
        str,
        Option(
            _one_of(*_MODES),
            "|".join(_MODES),
            "What is done about statements that change nothing: observe forwards all and tells; suppress withholds.",
        ),
    ] = "observe"
    rule: Annotated[
        dict[str, str],
        Option(_rules, "NAME=MODE", "Off, observe or suppress for one rule; may be given several times.", repeats=True),
    ] = msgspec.field(default_factory=dict)
    sample: Annotated[
        int, Option(_sample, "N", "One in N withheld statements is forwarded and compared after all; 0: none.")
    ] = 1000
    max_silence: Annotated[
        float,
        Option(_duration, "TIME", "How long after the server's last word on a connection statements are withheld."),
    ] = 1.0
    trust_server: Annotated[
        bool,
        Option(_yes_or_no, "", "Withhold also on servers that are, by their greeting, neither MySQL nor MariaDB."),
    ] = False
    log: Annotated[str | None, Option(_log, "PATH|-|off", "The statement log, JSON lines; - is standard output.")] = "-"
    log_literals: Annotated[
        bool, Option(_yes_or_no, "", "Log statements with their values. Passwords stay masked.")
    ] = False
    slow: Annotated[
        float, Option(_duration, "TIME", "Log only statements that took at least this long, or failed.")
    ] = 0.0
    digests: Annotated[
        int, Option(_count, "N", "How many different statements have metrics of their own; the rest are one.")
    ] = 200
    tls_cert: Annotated[str | None, Option(_file, "FILE", "Certificate chain shown to clients, PEM.")] = None
    tls_key: Annotated[str | None, Option(_file, "FILE", "Its private key, PEM, if it is in a file of its own.")] = None
    tls_client: Annotated[
        str,
        Option(
            _one_of(*_CLIENT_TLS), "|".join(_CLIENT_TLS), "TLS towards clients; optional where --tls-cert is given."
        ),
    ] = ""
    upstream_tls: Annotated[
        str,
        Option(
            _one_of(*_UPSTREAM_TLS),
            "|".join(_UPSTREAM_TLS),
            "TLS towards the server: preferred takes what is offered, the last two check its certificate.",
        ),
    ] = "preferred"
    upstream_ca: Annotated[
        str | None, Option(_file, "FILE", "CAs for the server's certificate, PEM; else the system's.")
    ] = None
    upstream_cert: Annotated[
        str | None, Option(_file, "FILE", "Certificate and key shown to a server that asks for one, PEM.")
    ] = None
    upstream_server_name: Annotated[
        str | None, Option(str, "NAME", "The name in the server's certificate, where it is not --upstream's host.")
    ] = None
    max_connections: Annotated[int, Option(_count, "N", "Clients at one time; further ones get error 1040.")] = 2000
    connect_timeout: Annotated[
        float, Option(_positive_duration, "TIME", "How long dialling the server and its greeting may take.")
    ] = 10.0
    login_timeout: Annotated[float, Option(_positive_duration, "TIME", "How long a client may take to log in.")] = 10.0
    drain_grace: Annotated[
        float, Option(_duration, "TIME", "After SIGTERM: how long everything goes on, only /readyz says 503.")
    ] = 5.0
    drain_timeout: Annotated[
        float, Option(_duration, "TIME", "After SIGTERM: when transactions still open are cut off.")
    ] = 25.0

    @property
    def reporting(self) -> frozenset[str]:
        """The names of the rules that only report and are on: all, unless the mode or they themselves are off."""
        usual = "off" if self.mode == "off" else "observe"
        return frozenset(rule.name for rule in REPORTING if self.rule.get(rule.name, usual) != "off")


OPTIONS: Final[dict[str, Option]] = {
    name: hint.__metadata__[0] for name, hint in get_type_hints(Settings, include_extras=True).items()
}
"""The options by field name; `flag` and `variable` make the other names of it."""


def flag(name: str) -> str:
    """Return an option's name on the command line."""
    return "--" + name.replace("_", "-")


def variable(name: str) -> str:
    """Return an option's name in the environment."""
    return "HUSHQL_" + name.upper()


def load(flags: Mapping[str, str], config: str | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Make the settings of flags, else environment, else file, else defaults; raises ConfigError."""
    config = config or environment.get("HUSHQL_CONFIG")
    texts = _read_file(config) if config else {}
    for name in OPTIONS:
        if name in flags:
            texts[name] = (flag(name), flags[name])
        elif variable(name) in environment:
            texts[name] = (variable(name), environment[variable(name)])
    if "upstream" not in texts:
        raise ConfigError("--upstream is missing: which server is this a proxy for? For example --upstream db:3306")
    return _consistent(Settings(**{name: _parse(name, *given) for name, given in texts.items()}))


def _parse(name: str, where: str, text: str) -> Any:
    try:
        return OPTIONS[name].parse(text)
    except ValueError as problem:
        raise ConfigError(f"{where}: {text!r}: {problem}") from None


def _consistent(settings: Settings) -> Settings:
    """Check what spans several settings, and fill in what follows from others."""
    if not settings.tls_client:
        settings = msgspec.structs.replace(settings, tls_client="optional" if settings.tls_cert else "off")
    if settings.tls_client != "off" and not settings.tls_cert:
        raise ConfigError(f"--tls-client {settings.tls_client} needs --tls-cert")
    if settings.upstream.path and settings.upstream_tls in ("verify-ca", "verify-identity"):
        raise ConfigError(f"--upstream-tls {settings.upstream_tls} is for servers on a network, not on a Unix socket")
    if settings.drain_grace > settings.drain_timeout:
        settings = msgspec.structs.replace(settings, drain_grace=settings.drain_timeout)
    return settings


def _read_file(path: str) -> dict[str, tuple[str, str]]:
    """Return what a YAML file says: by field name, where it is said and the text."""
    import yaml  # noqa: PLC0415 - only for who has a file

    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"--config {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"--config {path}: not UTF-8 text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise ConfigError(f"--config {path}: {line}{getattr(error, 'problem', None) or 'not YAML'}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"--config {path}: give one 'option: value' a line")
    return dict(_read_entry(path, *entry) for entry in content.items())


def _joined(value: object) -> object:
    """Make one text of the list or mapping that a repeated option may be in a file."""
    if isinstance(value, dict):
        # YAML 1.1 reads off as a boolean
        return ",".join(f"{name}={'off' if mode is False else mode}" for name, mode in value.items())
    return ",".join(map(str, value)) if isinstance(value, list) else value


def _read_entry(path: str, key: object, value: object) -> tuple[str, tuple[str, str]]:
    name = str(key).replace("-", "_")
    where = f"{path}: {key}"
    if name not in OPTIONS:
        raise ConfigError(f"{where}: there is no such option; `hushql serve --help` lists them")
    if OPTIONS[name].repeats:
        value = _joined(value)
    if isinstance(value, bool):
        # YAML 1.1 reads on, off, yes and no as booleans; the options that know the word off mean it
        text = "off" if value is False and name in ("admin", "log", "mode", "tls_client") else str(value).lower()
    elif isinstance(value, str | int | float):
        text = str(value)
    else:
        raise ConfigError(f"{where}: give a single value")
    return name, (where, text)


def reference() -> str:
    """Return docs/configuration.md; `python -m proxy.config` prints it."""
    lines = [
        "# Configuration of `hushql serve`",
        "",
        "Each option can be given as a flag, as a variable in the environment, or as a key of the YAML file named by",
        "`--config` (or `HUSHQL_CONFIG`); a flag wins over the environment, the environment over the file. The keys of",
        "the file are the names of the flags without the dashes in front: `max-connections: 500`.",
        "",
        "Times are a number and a unit: `250us`, `100ms`, `25s`, `1.5m`, `2h`.",
        "",
        "| flag | environment | value | default | |",
        "|---|---|---|---|---|",
    ]
    defaults = {field.name: field.default for field in msgspec.structs.fields(Settings)}
    defaults["rule"] = None
    for name, option in OPTIONS.items():
        value = f"`{option.metavar}`".replace("|", "`, `") if option.metavar else "`true`, `false`"
        default = _as_text(defaults[name], off=name in ("admin", "log"))
        lines.append(f"| `{flag(name)}` | `{variable(name)}` | {value} | {default} | {option.help} |")
    return "\n".join(lines) + "\n"


def _as_text(default: object, *, off: bool) -> str:
    match default:
        case msgspec.NODEFAULT.__class__():
            return "required"
        case bool():
            return f"`{str(default).lower()}`"
        case float():
            return f"`{default:g}s`"
        case None | "":
            return "`off`" if off else "none"
    return f"`{default}`"


if __name__ == "__main__":
    print(reference(), end="")  # noqa: T201 - the page
