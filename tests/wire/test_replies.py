"""Replies that a server could send, made by Hypothesis: each is seen to end at its end, with what it held."""

import itertools
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from proxy.conversation import Conversation
from proxy.events import Event, Peer, StatementDone
from proxy.wire.constants import (
    CLIENT_DEPRECATE_EOF,
    CLIENT_OPTIONAL_RESULTSET_METADATA,
    COM_QUERY,
    SERVER_MORE_RESULTS_EXISTS,
)
from proxy.wire.fields import lenenc, lenenc_bytes
from proxy.wire.packet import packets
from tests.wire.conversations import NOW, engine, logged_in

DEFINITION = b"\x03def" + b"\0" * 18


@dataclass(frozen=True)
class Result:
    """One result: rows of text fields (None is NULL), or only how many rows a statement changed."""

    columns: int
    rows: list[list[bytes | None]]
    affected: int

    def payloads(self, old_eof: bool, optional_metadata: bool, metadata: bool, more: bool) -> list[bytes]:
        status = (2 | (SERVER_MORE_RESULTS_EXISTS if more else 0)).to_bytes(2, "little")
        if not self.columns:
            return [b"\0" + lenenc(self.affected) + b"\0" + status + b"\3\0"]
        count = lenenc(self.columns) + (bytes([metadata]) if optional_metadata else b"")
        definitions = [DEFINITION] * self.columns if metadata or not optional_metadata else []
        rows = [b"".join(b"\xfb" if f is None else lenenc_bytes(f) for f in row) for row in self.rows]
        if old_eof:
            return [count, *definitions, b"\xfe\0\0\2\0", *rows, b"\xfe\3\0" + status]
        return [count, *definitions, *rows, b"\xfe\0\0" + status + b"\3\0"]


FIELDS = st.one_of(st.none(), st.binary(max_size=30), st.sampled_from([b"\xfe" * 5, b"\xff", b"x" * 300]))
RESULTS = st.integers(0, 4).flatmap(
    lambda columns: st.builds(
        Result,
        st.just(columns),
        st.lists(st.lists(FIELDS, min_size=columns, max_size=columns), max_size=5 if columns else 0),
        st.integers(0, 1 << 40),
    )
)


@dataclass(frozen=True)
class Exchange:
    """A query, its results, and the code of an error that breaks them off (0: none)."""

    results: list[Result]
    error: int
    metadata: bool


EXCHANGES = st.builds(
    Exchange, st.lists(RESULTS, min_size=1, max_size=4), st.sampled_from([0, 0, 1064, 1317]), st.booleans()
)


def reply(exchange: Exchange, old_eof: bool, optional_metadata: bool) -> bytes:
    payloads = []
    for number, result in enumerate(exchange.results, 1):
        more = number < len(exchange.results) or exchange.error != 0
        payloads += result.payloads(old_eof, optional_metadata, exchange.metadata, more)
    if exchange.error:
        payloads.append(b"\xff" + exchange.error.to_bytes(2, "little") + b"#42000no")
    return b"".join(packets(payload, sequence_id) for sequence_id, payload in enumerate(payloads, 1))


@given(
    st.lists(EXCHANGES, min_size=1, max_size=4),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.lists(st.integers(0, 1 << 16), max_size=8),
)
def test_every_reply_ends_at_its_end(
    exchanges: list[Exchange], old_eof: bool, optional_metadata: bool, pipelined: bool, cuts: list[int]
) -> None:
    capabilities = 0 if old_eof else CLIENT_DEPRECATE_EOF
    capabilities |= CLIENT_OPTIONAL_RESULTSET_METADATA if optional_metadata else 0
    events: list[Event] = []
    login = logged_in(capabilities=capabilities)
    core = Conversation(Peer(id=1, client="test", opened=0.0), login, events.append, engine())
    command = packets(bytes([COM_QUERY]) + b"SELECT", 0)
    replies = [reply(exchange, old_eof, optional_metadata) for exchange in exchanges]
    if pipelined:
        core.from_client(command * len(exchanges), NOW)
    for number, data in enumerate(replies, 1):
        if not pipelined:
            core.from_client(command, NOW)
        edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
        for start, end in itertools.pairwise(edges):
            assert len(events) == number - (start < len(data))
            core.from_server(data[start:end], NOW)
        assert len(events) == number
    for exchange, data, event in zip(exchanges, replies, events, strict=True):
        assert isinstance(event, StatementDone)
        assert event.rows == sum(len(result.rows) for result in exchange.results)
        assert event.affected == sum(result.affected for result in exchange.results if not result.columns)
        assert (event.error.code if event.error else 0) == exchange.error
        assert event.warnings == 3
        assert event.bytes_out == len(data)
