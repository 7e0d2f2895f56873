"""The `mariadb` command line: what it prints, and its exit code."""

import hashlib
import os
import pty
import re
import select
import subprocess
import termios
from io import RawIOBase

from ..servers import find_program
from ..targets import Account, Target
from .scenario import LOGIN, STATEMENTS, TABLES, Material, Observations, every_type

TIMEOUT = 90

_VARYING = (
    (re.compile(r"\(\d+(?:\.\d+)? (?:sec|min)[^)]*\)"), "(time)"),
    (re.compile(r"(?i)(connection id(?: is)?:? +)\d+"), r"\1N"),
)

SCRIPT = """\
select 1;
warnings
insert into things (word) values ('again'), ('and again');
nowarning
insert into things (word) values ('again');
selekt 1;
select * from things\\G
use information_schema
select database();
use no_such_schema
use {schema}
delimiter //
create or replace procedure counted() begin select 1; select 2; end//
delimiter ;
source {folder}/sourced.sql
select 'after source';
"""

MYSQL_SCRIPT = SCRIPT.replace("create or replace", "drop procedure if exists counted// create")

SOURCED = """\
create table loaded (n int, word varchar(10));
load data local infile '{rows}' into table loaded (n, word);
select count(*), sum(n) from loaded;
load data local infile '{rows}.missing' into table loaded (n, word);
select * from every_type order by id\\G
call several(4, @total);
select @total;
call counted();
call fails();
connect
select database();
"""


TYPED = ("select 1;", "use information_schema", "use {schema}", "rehash", "select * from digits;", "exit")


class CommandLine:
    """Debian's mariadb-client, as a script is fed to it and as a person types at it."""

    name = "mariadb"

    def login(self, target: Target, account: Account) -> Observations:
        """Log in, say who one is, and leave."""
        return {"login": self._run(target, account, f"{LOGIN};")}

    def everything(self, target: Target, account: Account, material: Material) -> Observations:
        """Scripts in several formats, a quick (unbuffered) read, and a terminal with completion."""
        folder = material.rows_file.parent
        script = SCRIPT if material.kind == "mariadb" else MYSQL_SCRIPT
        (folder / "sourced.sql").write_text(SOURCED.format(rows=material.rows_file))
        tables = ";\n".join([f"DROP TABLE IF EXISTS {table}" for table in TABLES])
        statements = ";\n".join([*STATEMENTS, *every_type(material.kind)])
        second = script.format(schema=target.schema, folder=folder)
        prepared = self._run(target, account, f"{tables};\n")
        return {
            "prepared": prepared,
            "statements": self._run(target, account, f"{statements};\n", "--table", "-vvv", "--show-warnings"),
            "types": self._run(target, account, "SELECT * FROM every_type;\n", "--column-type-info", "--table"),
            "script": self._run(target, account, second, "--force", "-v"),
            "quick": self._run(target, account, "SELECT * FROM loaded;\n", "--quick"),
            "error stops": self._run(target, account, "SELECT 1; SELEKT 2; SELECT 3;\n"),
            "terminal": self._type(target, account),
        }

    def rows(self, target: Target, account: Account, sql: str) -> tuple[int, str]:
        """The number and the checksum of the rows of a large result, which it prints as they come."""
        command = self._command(target, account, "--quick", "--skip-column-names", f"--execute={sql}")
        digest, count = hashlib.sha256(), 0
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=_environment(account)) as process:
            assert process.stdout is not None
            while chunk := process.stdout.read(1 << 20):
                digest.update(chunk)
                count += chunk.count(b"\n")
        return count, digest.hexdigest()

    def _command(self, target: Target, account: Account, *options: str) -> list[str]:
        where = [f"--host={target.host}", f"--port={target.port}", "--protocol=tcp"]
        if target.socket:
            where = [f"--socket={target.socket}", "--protocol=socket"]
        tls = ["--skip-ssl"]
        if target.ca:
            verify = "--ssl-verify-server-cert" if target.checks_name else "--skip-ssl-verify-server-cert"
            tls = ["--ssl", f"--ssl-ca={target.ca}", verify]
        fixed = ["--no-defaults", "--default-character-set=utf8mb4", "--local-infile=1", f"--user={account.user}"]
        return [find_program("mariadb"), *fixed, *where, *tls, *options, target.schema]

    def _run(self, target: Target, account: Account, script: str, *options: str) -> Observations:
        done = subprocess.run(
            self._command(target, account, *options),
            input=script.encode(),
            env=_environment(account),
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
        return _outcome(done)

    def _type(self, target: Target, account: Account) -> Observations:
        """Only at a terminal does it build the completion of names, which sends COM_FIELD_LIST."""
        master, slave = pty.openpty()
        # The program echoes what it reads by itself; the terminal's own echo would come earlier or later.
        attributes = termios.tcgetattr(slave)
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        lines = [f"{line}\n".format(schema=target.schema).encode() for line in TYPED]
        command = self._command(target, account, "--auto-rehash", "--prompt=ready> ", "--disable-pager")
        with os.fdopen(master, "r+b", buffering=0) as terminal:
            process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=_environment(account))
            os.close(slave)
            try:
                seen = b"".join(_typed(terminal, line) for line in lines)
                code = process.wait(TIMEOUT)
            finally:
                process.kill()
                process.wait()
        return {"code": code, "out": _steady(seen)}


def _typed(terminal: RawIOBase, line: bytes) -> bytes:
    """What the terminal shows until it is ready, after which the line is typed."""
    seen = b""
    while not seen.endswith(b"ready> "):
        if not select.select([terminal], [], [], TIMEOUT)[0]:
            raise TimeoutError(f"no prompt: {seen!r}")
        seen += terminal.read(4096) or b""
    terminal.write(line)
    return seen


def _environment(account: Account) -> dict[str, str]:
    return {
        "MYSQL_PWD": account.password,
        "PATH": os.environ["PATH"],
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
        "HOME": "/nonexistent",
    }


def _outcome(done: subprocess.CompletedProcess[bytes]) -> Observations:
    return {"code": done.returncode, "out": _steady(done.stdout), "errors": _steady(done.stderr)}


def _steady(output: bytes) -> list[str]:
    text = output.decode("utf-8", "backslashreplace")
    for pattern, replacement in _VARYING:
        text = pattern.sub(replacement, text)
    return text.splitlines()


COMMAND_LINE = CommandLine()
