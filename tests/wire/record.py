"""Play the scenarios on a real server and keep the bytes of both sides.

python -m tests.wire.record NAME HOST PORT USER PASSWORD    writes tests/wire/recordings/NAME.json; the schema sbtest
must be there and is written to.
"""

import json
import sys
from pathlib import Path

import pymysql

from proxy.wire.commands import LAST_PREPARED, statement_id
from proxy.wire.constants import (
    COM_CHANGE_USER,
    COM_QUIT,
    COM_STMT_BULK_EXECUTE,
    COM_STMT_CLOSE,
    COM_STMT_EXECUTE,
    COM_STMT_FETCH,
    COM_STMT_PREPARE,
    COM_STMT_RESET,
    COM_STMT_SEND_LONG_DATA,
)
from proxy.wire.handshake import AUTH_SWITCH, AuthSwitch
from proxy.wire.packet import packets
from proxy.wire.replies import OK
from tests.raw import RawClient, scramble
from tests.wire.scenarios import CAPABILITIES, EXTRA, SCENARIOS, SETUP, Step

WITH_STATEMENT_ID = (
    COM_STMT_BULK_EXECUTE,
    COM_STMT_CLOSE,
    COM_STMT_EXECUTE,
    COM_STMT_FETCH,
    COM_STMT_RESET,
    COM_STMT_SEND_LONG_DATA,
)

RECORDINGS = Path(__file__).parent / "recordings"
SCHEMA = "sbtest"


class Recorder(RawClient):
    """A raw client that keeps what it says and hears, in the order of it."""

    def __init__(self, host: str, port: int, user: str, password: str, capabilities: int) -> None:
        self.said: list[list[str]] = []
        self.credentials = (user, password.encode())
        self.statement_ids: list[bytes] = []
        super().__init__(host, port, user, password, SCHEMA, capabilities)

    def send(self, payload: bytes, sequence_id: int = 0) -> None:
        self.send_bytes(packets(payload, sequence_id))

    def send_bytes(self, data: bytes) -> None:
        self._keep("client", data)
        self.socket.sendall(data)

    def read(self) -> tuple[int, bytes]:
        sequence_id, payload = super().read()
        self._keep("server", packets(payload, sequence_id))
        return sequence_id, payload

    def _keep(self, side: str, data: bytes) -> None:
        if self.said and self.said[-1][0] == side:
            self.said[-1][1] += data.hex()
        else:
            self.said.append([side, data.hex()])

    def play(self, step: Step) -> None:
        """Send a step's commands and hear all that the server says to them."""
        if step.sent[0] == COM_CHANGE_USER:
            self.change_user()
            return
        payloads = [self.with_statement_id(payload) for payload in (step.sent, *(more for more, _ in step.more))]
        self.send_bytes(b"".join(packets(payload, 0) for payload in payloads))
        if step.sent[0] == COM_QUIT:
            return
        replies = self.read_all()
        if step.sent[0] == COM_STMT_PREPARE and replies[0][0] == OK:
            self.statement_ids.append(replies[0][1:5])
        if step.upload is not None:
            assert replies[-1][:1] == b"\xfb", replies
            if step.upload:
                self.send(step.upload, 2)
            self.send(b"", 3 if step.upload else 2)
            self.read_all()

    def with_statement_id(self, payload: bytes) -> bytes:
        """Put in the server's id for the n-th statement prepared: MariaDB counts on in a thread that it uses again."""
        if payload[0] not in WITH_STATEMENT_ID or statement_id(payload) == LAST_PREPARED:
            return payload
        return payload[:1] + self.statement_ids[statement_id(payload) - 1] + payload[5:]

    def change_user(self) -> None:
        """Change to the same user, answering one AuthSwitch."""
        user, password = self.credentials
        plugin = self.greeting.plugin
        auth = scramble(plugin, password, self.greeting.nonce)
        self.send(
            bytes([COM_CHANGE_USER])
            + user.encode()
            + b"\0"
            + bytes([len(auth)])
            + auth
            + SCHEMA.encode()
            + b"\0"
            + b"\x2d\0"
            + plugin
            + b"\0"
        )
        for payload in self.read_all():
            if payload[0] == AUTH_SWITCH:
                switch = AuthSwitch(payload)
                self.send(scramble(switch.plugin, password, switch.nonce), 2)
                self.read_all()


def record(host: str, port: int, user: str, password: str) -> dict[str, list[list[str]]]:
    """Return what was said, by scenario and set of capability flags, on one server."""
    # A raw client knows only the fast part of caching_sha2_password, which needs a full login before it.
    pymysql.connect(host=host, port=port, user=user, password=password).close()
    setup = RawClient(host, port, user, password, SCHEMA)
    recordings = {}
    for scenario, steps in SCENARIOS.items():
        for name, flags in CAPABILITIES.items():
            for text in SETUP:
                setup.query(text)
                setup.read()
            wanted = flags | EXTRA.get(scenario, 0)
            recorder = Recorder(host, port, user, password, wanted)
            if recorder.capabilities & wanted == wanted:
                for step in steps:
                    recorder.play(step)
                recordings[f"{scenario}/{name}"] = recorder.said
            recorder.close()
    setup.close()
    return recordings


def main() -> None:
    """Record one server."""
    name, host, port, user, password = sys.argv[1:]
    recordings = record(host, int(port), user, password)
    RECORDINGS.mkdir(exist_ok=True)
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(said)}" for key, said in recordings.items())
    (RECORDINGS / f"{name}.json").write_text(f"{{\n{lines}\n}}\n")
    print(f"{len(recordings)} conversations")


if __name__ == "__main__":
    main()
