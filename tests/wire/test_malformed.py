"""Bytes that no MySQL sends: nothing raises, nothing is held, and what can be passed on is."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.authentication import PLAIN, TLS
from proxy.conversation import COMMAND_LIMIT, JUDGED_LIMIT, REPLY_LIMIT, Conversation
from proxy.events import Event, Peer
from proxy.login import PACKET_LIMIT, Terms
from proxy.wire.commands import query_text
from proxy.wire.exchange import SHAPES, Reply
from proxy.wire.fields import Malformed
from proxy.wire.handshake import AuthSwitch, ChangeUser, Greeting, HandshakeResponse
from proxy.wire.packet import HEADER_SIZE, Framer, packets
from proxy.wire.replies import Eof, Err, Ok
from tests.wire.conversations import NOW, Table, engine, logged_in
from tests.wire.test_recordings import RECORDINGS

CAPABILITIES = st.integers(0, (1 << 38) - 1)
PARSERS: list[Callable[[bytes, int], object]] = [
    lambda data, _: Greeting(data),
    lambda data, _: HandshakeResponse(data),
    ChangeUser,
    lambda data, _: AuthSwitch(data),
    Ok,
    lambda data, _: Eof(data),
    lambda data, _: Err(data),
    query_text,
]


@given(st.binary(max_size=200), CAPABILITIES)
def test_parsers_raise_malformed_and_nothing_else(data: bytes, capabilities: int) -> None:
    for parse in PARSERS:
        try:
            parse(data, capabilities)
        except Malformed:
            continue


@given(
    st.integers(0, 255),
    CAPABILITIES,
    st.booleans(),
    st.booleans(),
    st.lists(st.one_of(st.binary(max_size=20), st.sampled_from([b"\0\0\0\2\0\0\0", b"\xfe\0\0\2\0", b"\1", b"\xfbx"]))),
)
def test_no_reply_raises(command: int, capabilities: int, cursor: bool, after: bool, payloads: list[bytes]) -> None:
    reply = Reply(command, capabilities, cursor, after)
    for payload in payloads:
        reply.take(payload, len(payload))
        reply.end_if_doubtful()


def conversation(events: list[Event], capabilities: int = 0, secure: bool = False) -> Conversation:
    peer = Peer(id=1, client="test", opened=0.0)
    login = logged_in(capabilities=capabilities, client_channel=TLS if secure else PLAIN)
    return Conversation(peer, login, events.append, engine())


def held(core: Conversation) -> int:
    """Return how many bytes a conversation keeps."""
    framers = sum(
        len(f._data) - f._pos + len(f._prefix) + len(f._header) + len(f.payload) for f in (core._client, core._server)
    )
    return framers + sum(map(len, core._behind)) + sum(p.size for p in core._interpreter._prepared.values())


PIECES = st.one_of(
    st.binary(max_size=40),
    st.builds(packets, st.binary(max_size=40), st.integers(0, 3)),
    st.sampled_from([packets(bytes([command]) + b"\1\0\0\0\0\1\0\0\0x", 0) for command in range(256)]),
    st.sampled_from([packets(p, 1) for p in (b"\0\0\0\2\0\0\0", b"\xfe\0\0\2\0", b"\1", b"\xfbx", b"\xff\1\0", b"")]),
)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.booleans(), PIECES), max_size=30), CAPABILITIES)
def test_a_conversation_passes_on_whatever_comes(said: list[tuple[bool, bytes]], capabilities: int) -> None:
    events: list[Event] = []
    core = conversation(events, capabilities)
    for from_client, data in said:
        (core.from_client if from_client else core.from_server)(data, NOW)
    core.server_lost("gone", NOW)
    core.closed(NOW)
    begun = core._client.untaken()  # a command that has not come whole
    assert len(begun) <= JUDGED_LIMIT + HEADER_SIZE
    assert b"".join(core.to_server) + begun == b"".join(data for from_client, data in said if from_client)
    assert b"".join(core.to_client).startswith(b"".join(data for from_client, data in said if not from_client))
    assert not [event for event in events if getattr(event, "reason", "") == "internal-error"]


@settings(max_examples=300)
@given(st.lists(st.tuples(st.booleans(), PIECES), max_size=30), CAPABILITIES)
def test_a_mixed_conversation_survives_whatever_comes(said: list[tuple[bool, bytes]], capabilities: int) -> None:
    events: list[Event] = []
    core = conversation(events, capabilities, secure=True)
    for from_client, data in said:
        (core.from_client if from_client else core.from_server)(data, NOW)
        assert held(core) < 4 * PACKET_LIMIT
    assert not [event for event in events if getattr(event, "reason", "") == "internal-error"]


@settings(max_examples=300)
@given(
    st.sampled_from(sorted(RECORDINGS)),
    st.lists(st.tuples(st.booleans(), PIECES), max_size=10),
    st.sampled_from(["off", "optional", "required"]),
    st.integers(0, 6),
)
def test_no_login_raises(name: str, said: list[tuple[bool, bytes]], client_tls: str, honest: int) -> None:
    table = Table(Terms(client_tls=client_tls))
    for side, data in RECORDINGS[name][:honest]:
        table.feed(side, data)
    for from_client, data in said:
        table.feed("client" if from_client else "server", data)


def test_a_bug_of_ours_makes_blind_and_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Event] = []
    core = conversation(events)
    monkeypatch.setattr(core, "_command", lambda *_, **__: 1 / 0)
    core.from_client(packets(b"\x0e", 0), NOW)
    core.from_server(packets(b"\0\0\0\2\0\0\0", 1), NOW)
    core.from_client(packets(b"\x0e", 0), NOW)
    assert core.blind
    assert [getattr(event, "reason", "") for event in events] == ["internal-error"]
    assert "ZeroDivisionError at test_malformed.py" in getattr(events[0], "detail", "")
    assert b"".join(core.to_server) == packets(b"\x0e", 0) * 2
    assert b"".join(core.to_client) == packets(b"\0\0\0\2\0\0\0", 1)


@pytest.mark.parametrize("secure", [False, True])
def test_a_flood_is_not_kept(secure: bool) -> None:
    """Neither endless packets, nor garbage, nor prepared statements without end grow what a connection holds."""
    chaos = random.Random(1)
    for flood in (b"\xff\xff\xff\0\x03" + bytes(65536), chaos.randbytes(65536), packets(b"\x11" + bytes(65536), 0)):
        core = conversation([], secure=secure)
        for _ in range(200):
            core.from_client(flood, NOW)
            core.from_server(flood, NOW)
            core.to_client.clear()
            core.to_server.clear()
            assert held(core) < 4 * PACKET_LIMIT + COMMAND_LIMIT + REPLY_LIMIT
    core = conversation([])
    for number in range(20_000):
        core.from_client(packets(b"\x16SELECT " + b"x" * 1000, 0), NOW)
        core.from_server(packets(b"\0" + number.to_bytes(4, "little") + bytes(7), 1), NOW)
    assert not core.blind
    assert held(core) < 2 * 1024 * 1024


def test_the_table_of_shapes_is_total() -> None:
    assert len(SHAPES) == 256
    assert all(Reply(command, 0).shape == shape for command, shape in enumerate(SHAPES))


def test_a_login_holds_little() -> None:
    for flood in (bytes(65536), b"\xff\xff\xff\0" + bytes(65536), random.Random(1).randbytes(65536)):
        for side in ("client", "server"):
            table = Table()
            for _ in range(100):
                table.feed(side, flood)
            assert table.logins[0].failure == "protocol" if table.logins else True
            core = table.core
            lines = (core._client._framer, core._server._framer)  # type: ignore[attr-defined] # Login's
            assert all(
                isinstance(line, Framer) and len(line._data) + len(line._prefix) < 4 * PACKET_LIMIT for line in lines
            )
