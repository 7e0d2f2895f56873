"""The command line. Each command imports its own parts when it is run."""

import sys
from collections.abc import Callable
from typing import Any

import click

from proxy.config import OPTIONS, ConfigError, flag, load, variable
from proxy.version import VERSION


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="hushql")
def main() -> None:
    """Observe MySQL statements on their way, and find those that change nothing."""


def _settings_options(command: Callable[..., None]) -> Callable[..., None]:
    for name, option in reversed(OPTIONS.items()):
        text = f"{option.help}  [{variable(name)}]"
        if option.metavar:
            command = click.option(flag(name), name, metavar=option.metavar, help=text)(command)
        else:
            command = click.option(flag(name), name, flag_value="true", default=None, help=text)(command)
    return command


@main.command()
@_settings_options
@click.option("--config", metavar="FILE", help="YAML file with any of these options.  [HUSHQL_CONFIG]")
def serve(config: str | None, **flags: str | None) -> None:
    """Run the proxy: listen for clients, pass them on to the server, observe what they say.

    Each option may also come from the environment or from the YAML file; a flag wins over the environment, the
    environment over the file.
    """
    try:
        settings = load({name: text for name, text in flags.items() if text is not None}, config)
        _serve(settings)
    except ConfigError as problem:
        print(f"hushql: {problem}", file=sys.stderr)  # noqa: T201 - the one line
        sys.exit(2)


def _serve(settings: Any) -> None:
    import uvloop  # noqa: PLC0415 - only for this command

    from proxy.server import Server  # noqa: PLC0415

    uvloop.run(Server(settings).run())


@main.command()
@click.option("--seconds", type=click.FloatRange(1, 3600), default=8, show_default=True, help="How long the load runs.")
@click.option("--stay", is_flag=True, help="Stay up afterwards, until Ctrl-C.")
def demo(seconds: float, stay: bool) -> None:
    """Show it all on this machine: a database, the proxy in front of it, an ORM-like load, and what it costs."""
    from proxy.demo import run  # noqa: PLC0415

    sys.exit(run(seconds, stay))


if __name__ == "__main__":
    main()
