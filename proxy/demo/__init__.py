"""`hushql demo`: a database, hushql in front of it, a load as an ORM makes it, and what hushql saw of that.

Everything runs on this machine, in a temporary folder, on loopback and Unix sockets, and is gone afterwards. All
figures are the proxy's own: its /metrics and its statement log.

    programs   the programs that are started: a database server, hushql serve
    embedded   the database server where there is no mariadbd: mysql-mimic, in a process of its own
    shop       the tables that both have
    load       the application: workers with one connection each
    figures    what /metrics and the statement log say
    screen     the live view and the summary
    play       all of these, from beginning to end
"""

import asyncio
from importlib.util import find_spec

import click


def run(seconds: float, stay: bool) -> int:
    """Run the demo for so many seconds of load, and with `stay` until it is interrupted; return the exit code.

    It is 1 where a part failed, 2 where a package is missing, 130 where it was interrupted before its end.
    """
    if lacking := [name for name in ("aiomysql", "mysql_mimic", "rich") if find_spec(name) is None]:
        click.echo(f"hushql: the demo needs {', '.join(lacking)}: pip install 'hushql[demo]'", err=True)
        return 2
    from proxy.demo.play import play  # noqa: PLC0415 - needs those packages
    from proxy.demo.programs import DemoError  # noqa: PLC0415

    try:
        asyncio.run(play(seconds, stay))
    except (DemoError, OSError) as error:
        click.echo(f"hushql: {error}", err=True)
        return 1
    except asyncio.CancelledError:
        click.echo("hushql: interrupted", err=True)
        return 130
    return 0
