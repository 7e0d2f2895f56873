"""Play the fixtures on a real server and keep what it replied, for tests/unit/test_catalogue.py.

python -m tests.catalogue.record NAME DSN    writes tests/catalogue/recordings/NAME.json, from a server that is named as
in HUSHQL_TEST_SERVER. What is made there is dropped again.

The server is asked to track what the rules want to know, as hushql asks it, and all lines are sent: what the rules
withhold can be compared with what the server said.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

import pymysql

from proxy.judge import Judge
from proxy.wire.constants import CLIENT_SESSION_TRACK, COM_QUERY
from proxy.wire.packet import packets
from proxy.wire.replies import OK, Ok
from rules.catalogue import RULES
from rules.engine import Engine
from rules.statement import PLAIN, Statement
from rules.verdict import OFF, SUPPRESS
from tests.catalogue import shop
from tests.catalogue.fixtures import Session, load
from tests.catalogue.player import Player
from tests.live.servers import Server, outside_server
from tests.wire.conversations import logged_in

RECORDINGS: Final = Path(__file__).parent / "recordings"
SCHEMA: Final = "hushql_00000000"
"""What the schema is called in recordings: as long as its real name, so that no length changes."""


def engine(rule: str) -> Engine:
    """An engine that withholds by the rules that are on by default, and by this one."""
    modes = {one.name: SUPPRESS if one.on_by_default or one.name == rule else OFF for one in RULES}
    return Engine(modes, sample=0, chance=lambda: 1.0)


def wishes(session: Session, version: str, capabilities: int) -> list[bytes]:
    """Return what hushql itself asks of a server ahead of a session; `capabilities` are those on the server's side."""
    hidden = CLIENT_SESSION_TRACK & ~session.capabilities
    login = logged_in(capabilities=capabilities & ~hidden, server_capabilities=capabilities)
    ahead = Judge(engine(session.rule), version, login).settle(Statement(PLAIN, b"SELECT 1", b"select"))
    return [settlement.statement.text for settlement in ahead]


def record(server: Server, session: Session, asked: dict[str, str]) -> dict[str, Any]:
    """Return what one session was told: at login, and line by line; adds to what the server was `asked` beforehand."""
    account = server.account
    with Player(
        session, server.host, server.port, account.user, account.password, server.schema, CLIENT_SESSION_TRACK
    ) as player:
        login = Ok(player.login_ok, player.capabilities)
        assert login.schema == server.schema.encode(), login.state
        for wish in wishes(session, server.version, player.capabilities):
            [(_, answer)] = player.ask(bytes([COM_QUERY]) + wish)
            assert answer[0] == OK, answer
            asked[wish.decode()] = answer.hex()
        return {
            "capabilities": player.capabilities,
            "status": login.status,
            "replies": [[line.text, _bytes(server, player.play(line)).hex()] for line in session.lines],
        }


def _bytes(server: Server, reply: list[tuple[int, bytes]]) -> bytes:
    data = b"".join(packets(packet, sequence_id) for sequence_id, packet in reply)
    return data.replace(server.schema.encode(), SCHEMA.encode())


def _lines(recordings: dict[str, dict[str, Any]]) -> str:
    """Return JSON with one statement a line."""
    sessions = []
    for name, found in recordings.items():
        head = f'"capabilities": {found["capabilities"]}, "status": {found["status"]}'
        replies = ",\n   ".join(json.dumps(reply) for reply in found["replies"])
        sessions.append(f'  {json.dumps(name)}: {{{head}, "replies": [\n   {replies}]}}')
    return ",\n".join(sessions)


def main() -> None:
    """Record one server."""
    name, dsn = sys.argv[1:]
    with outside_server(dsn) as server:
        account = server.account
        # A raw client knows only the fast part of caching_sha2_password, which needs a full login before it.
        pymysql.connect(host=server.host, port=server.port, user=account.user, password=account.password).close()
        server.run(f"USE {server.schema}", *shop.FURNISH)
        recordings, asked = {}, dict[str, str]()
        for session in (session for rule in RULES for session in load(rule.name, server.kind, server.version)):
            server.run(f"USE {server.schema}", *shop.PUT_BACK)
            recordings[session.name] = record(server, session, asked)
        RECORDINGS.mkdir(exist_ok=True)
        head = f'"version": "{server.version}", "kind": "{server.kind}", "asked": {json.dumps(asked)}'
        text = f'{{{head}, "sessions": {{\n{_lines(recordings)}\n}}}}\n'
        (RECORDINGS / f"{name}.json").write_text(text)
        print(f"{len(recordings)} sessions")


if __name__ == "__main__":
    main()
