"""MariaDB Connector/J (Debian's libmariadb-java): one JVM, which is asked line by line."""

import json
import select
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlencode

import pytest

from ..targets import Account, Target
from .scenario import FAILING, LOGIN, STATEMENTS, TABLES, Material, Observations, every_type

TIMEOUT = 90

_JARS = [Path("/usr/share/java") / name for name in ("mariadb-java-client.jar", "jna.jar", "jna-platform.jar")]
_MISSING = (
    "these tests need Connector/J and a JDK: "
    "apt-get install default-jdk-headless libmariadb-java libjna-java libjna-platform-java"
)

_OPTIONS = {
    "login": {},
    "rows": {"useServerPrepStmts": "true"},
    "text": {"useResetConnection": "true", "allowMultiQueries": "true"},
    "binary": {
        "useResetConnection": "true",
        "useServerPrepStmts": "true",
        "useBulkStmts": "true",
        "usePipelineAuth": "true",
    },
}


class ConnectorJ:
    """The driver, and its JVM from the first question on."""

    name = "Connector/J"

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="hushql-java-")

    def login(self, target: Target, account: Account) -> Observations:
        """Log in, say who one is, and leave."""
        return self._ask("login", target, account, self._file("login.sql", [LOGIN]))

    def everything(self, target: Target, account: Account, material: Material) -> Observations:
        """The long scenario, in the text and in the binary protocol."""
        drop = [f"DROP TABLE IF EXISTS {table}" for table in TABLES]
        failing = [f"error {statement}" for statement in FAILING if statement]
        table = "CREATE TABLE loaded (n INT, word VARCHAR(10))"
        kept = [statement for statement in STATEMENTS if "by_text" not in statement]
        sql = [*drop, *kept, *every_type(material.kind), "SELECT * FROM every_type ORDER BY id", *failing, table]
        statements = self._file("statements.sql", sql)
        return {scenario: self._ask(scenario, target, account, statements, material) for scenario in ("text", "binary")}

    def rows(self, target: Target, account: Account, sql: str) -> Observations:
        """The number and the checksum of the rows of a large result with two columns, in the binary protocol."""
        return self._ask("rows", target, account, self._file("rows.sql", [sql]))

    def close(self) -> None:
        """End the JVM."""
        if self._process is not None:
            self._process.communicate(timeout=TIMEOUT)
            self._process = None
        self._folder.cleanup()

    def _file(self, name: str, statements: list[str]) -> Path:
        path = Path(self._folder.name) / name
        path.write_text(";\n".join(statements))
        return path

    def _ask(
        self, scenario: str, target: Target, account: Account, statements: Path, material: Material | None = None
    ) -> Observations:
        rows, size = (material.rows_file, material.parameter_bytes) if material else ("", 0)
        address = _address(target, _OPTIONS[scenario])
        question = (scenario, address, account.user, account.password, statements, rows, size, target.schema)
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\t".join(map(str, question)) + "\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], TIMEOUT)[0]:
            process.kill()
            raise TimeoutError(f"Connector/J says nothing: {question}")
        answer: Observations = json.loads(process.stdout.readline() or "null")
        if answer is None:
            raise RuntimeError(f"Connector/J ended at {question}")
        return answer

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            java = shutil.which("java")
            if java is None or shutil.which("javac") is None or not all(jar.exists() for jar in _JARS):
                pytest.fail(_MISSING, pytrace=False)
            source = Path(__file__).with_name("Observe.java")
            path = ":".join(map(str, _JARS))
            command = [java, "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", path, str(source)]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", bufsize=1
            )
        return self._process


def _address(target: Target, extra: dict[str, str]) -> str:
    options = {"allowPublicKeyRetrieval": "true", "allowLocalInfile": "true", "connectTimeout": "10000", **extra}
    if target.socket:
        options["localSocket"] = target.socket
    if target.ca:
        options |= {"useSsl": "true", "serverSslCert": target.ca}
        options["disableSslHostnameVerification"] = "false" if target.checks_name else "true"
    port = target.port or 3306
    return f"jdbc:mariadb://{target.host}:{port}/{target.schema}?{urlencode(options, safe='/')}"


CONNECTOR_J = ConnectorJ()
