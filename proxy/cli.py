"""The command line. Each command imports its own parts when it is run.

Exit codes: 0 fine, 1 a command found a problem, 2 wrong usage or settings. Errors are one line on stderr.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

import click

from proxy.config import OPTIONS, ConfigError, Settings, flag, load, variable
from proxy.version import VERSION


def main() -> None:
    """Run the command line of this process."""
    try:
        sys.exit(hushql(standalone_mode=False, prog_name="hushql"))
    except click.exceptions.NoArgsIsHelpError as wanted:
        wanted.show()
        sys.exit(2)
    except click.ClickException as problem:
        where = problem.ctx.command_path if isinstance(problem, click.UsageError) and problem.ctx else "hushql"
        _fail(f"{problem.format_message()} See {where} --help")
    except ConfigError as problem:
        _fail(str(problem))
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)


def _fail(line: str) -> None:
    print(f"hushql: {line}", file=sys.stderr)  # noqa: T201 - the one line
    sys.exit(2)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="hushql")
def hushql() -> None:
    """See the MySQL statements of an application on their way, and find and withhold those that change nothing."""


def _settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, option in reversed(OPTIONS.items()):
        text = f"{option.help}  [{variable(name)}]"
        if option.metavar:
            command = click.option(
                flag(name), name, metavar=option.metavar, help=text, multiple=option.repeats, default=None
            )(command)
        else:
            command = click.option(flag(name), name, flag_value="true", default=None, help=text)(command)
    return command


@hushql.command()
@_settings_options
@click.option("--config", metavar="FILE", help="YAML file with any of these options.  [HUSHQL_CONFIG]")
def serve(config: str | None, **flags: str | tuple[str, ...] | None) -> None:
    """Run the proxy: listen for clients, pass on what they say, tell of what changes nothing, or withhold it.

    Each option may also come from the environment or from the YAML file; a flag wins over the environment, the
    environment over the file.
    """
    settings = _settings(config, flags)

    import uvloop  # noqa: PLC0415 - only for this command

    from proxy.server import Server  # noqa: PLC0415

    uvloop.run(Server(settings).run())


def _settings(config: str | None, flags: dict[str, str | tuple[str, ...] | None]) -> Settings:
    given = {name: ",".join(text) if isinstance(text, tuple) else text for name, text in flags.items() if text}
    return load(given, config)


@hushql.command()
@_settings_options
@click.option("--config", metavar="FILE", help="YAML file with any of these options.  [HUSHQL_CONFIG]")
@click.option("--user", metavar="NAME", default="", help="The account to log in with; without one, only the greeting.")
@click.option("--password-file", metavar="FILE", help="Where its password is; else in the variable HUSHQL_PASSWORD.")
def doctor(config: str | None, user: str, password_file: str | None, **flags: str | tuple[str, ...] | None) -> int:
    """Examine the server: can it be reached, is its word trusted, which facts can be tracked, what will be withheld.

    Takes the options of serve. Exits with 1 where it found a problem.
    """
    from proxy.doctor import read_password, run  # noqa: PLC0415 - only for this command

    settings = _settings(config, flags)
    return run(settings, user, read_password(password_file, os.environ) if user else "")


@hushql.command("rules")
@click.argument("name", required=False)
def explain(name: str | None) -> None:
    """List the rules by which a statement is found to be redundant, or explain the one called NAME."""
    from rules import manual  # noqa: PLC0415 - only for this command
    from rules.catalogue import ALL  # noqa: PLC0415

    if name is None:
        click.echo(manual.overview(_columns(otherwise=1000)), nl=False)
    elif name in ALL:
        click.echo(manual.explained(ALL[name], min(_columns(otherwise=80), 100)), nl=False)
    else:
        raise click.UsageError(f"there is no rule {name!r}; the nearest are {', '.join(manual.nearest(name))}.")


def _columns(*, otherwise: int) -> int:
    """Return how wide the terminal is, or what to take where standard output is none."""
    try:
        return max(os.get_terminal_size(sys.stdout.fileno()).columns, 60)
    except OSError:
        return otherwise


@hushql.command()
@click.option("--seconds", type=click.FloatRange(1, 3600), default=8, show_default=True, help="How long the load runs.")
@click.option("--stay", is_flag=True, help="Stay up afterwards, until Ctrl-C.")
def demo(seconds: float, stay: bool) -> int:
    """Show it all on this machine: a database, the proxy in front of it, an ORM-like load, and what it costs."""
    from proxy.demo import run  # noqa: PLC0415

    return run(seconds, stay)


if __name__ == "__main__":
    main()
