"""Framing, field types and capability flags."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.fields import Fields, Malformed, lenenc, lenenc_bytes
from proxy.wire.packet import MAX_PACKET, Framer, packets


def payloads_of(stream: bytes, cuts: list[int], limit: int = 1 << 30) -> list[tuple[bytes, int, int]]:
    framer = Framer(limit)
    found = []
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    for start, end in itertools.pairwise(edges):
        framer.feed(stream[start:end])
        while framer.advance():
            found.append((framer.payload, framer.size, framer.sequence_id))
    assert framer.between_packets
    assert framer.consumed == len(stream)
    return found


@given(st.lists(st.binary(max_size=300)), st.lists(st.integers(0, 1 << 16)), st.integers(0, 64))
def test_chunks_do_not_matter(payloads: list[bytes], cuts: list[int], limit: int) -> None:
    stream = b"".join(packets(payload, 7) for payload in payloads)
    assert payloads_of(stream, cuts, limit) == [(payload[:limit], len(payload), 7) for payload in payloads]


@pytest.mark.parametrize("size", [MAX_PACKET - 1, MAX_PACKET, MAX_PACKET + 1, 2 * MAX_PACKET, 2 * MAX_PACKET + 5])
def test_large_payloads_are_split(size: int) -> None:
    """The last packet is shorter than the limit, and empty where the payload is a multiple of it."""
    payload = bytes(size)
    stream = packets(payload, 255)
    count = size // MAX_PACKET + 1
    assert len(stream) == size + 4 * count
    last = stream[-(size % MAX_PACKET) - 4 :]
    assert last[:4] == (size % MAX_PACKET).to_bytes(3, "little") + bytes([(255 + count - 1) % 256])
    assert payloads_of(stream, [3, MAX_PACKET, MAX_PACKET + 6], limit=10) == [(bytes(10), size, last[3])]


def test_a_prefix_is_all_that_is_kept() -> None:
    framer = Framer(limit=5)
    framer.feed(b"\xff\xff\xff\0")
    for _ in range(100):
        framer.feed(bytes(100_000))
        assert not framer.advance()
        assert framer.backlog == 0
    assert len(framer._prefix) == 5


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=20), st.integers(0, 400))
def test_rows_are_passed_over_up_to_what_may_be_the_end(payloads: list[bytes], cut: int) -> None:
    stream = b"".join(packets(payload, 0) for payload in payloads)
    framer = Framer(100)
    passed: list[bytes | None] = []
    for chunk in (stream[:cut], stream[cut:]):
        framer.feed(chunk)
        while True:
            passed += [None] * framer.skip_rows()
            if not framer.advance():
                break
            passed.append(framer.payload)
    assert len(passed) == len(payloads)
    for seen, payload in zip(passed, payloads, strict=True):
        assert seen == payload or (seen is None and payload[0] < 0xFE)


def test_rest_is_what_was_not_read() -> None:
    framer = Framer(10)
    framer.feed(packets(b"a", 0) + b"\x16\x03")
    assert framer.advance()
    assert framer.rest() == b"\x16\x03"
    assert framer.consumed == 5
    framer.feed(packets(b"b", 1))
    assert framer.advance()
    assert framer.payload == b"b"


@given(st.integers(0, (1 << 64) - 1))
def test_lenenc_is_read_as_written(value: int) -> None:
    fields = Fields(lenenc(value))
    assert fields.lenenc() == value
    assert fields.left == 0


@pytest.mark.parametrize(
    ("value", "size"), [(250, 1), (251, 3), (65535, 3), (65536, 4), ((1 << 24) - 1, 4), (1 << 24, 9)]
)
def test_lenenc_is_as_short_as_can_be(value: int, size: int) -> None:
    assert len(lenenc(value)) == size


@given(st.binary(max_size=300))
def test_strings_are_read_as_written(value: bytes) -> None:
    fields = Fields(lenenc_bytes(value) + value.replace(b"\0", b"") + b"\0" + value)
    assert fields.lenenc_bytes() == value
    assert fields.nul_bytes() == value.replace(b"\0", b"")
    assert fields.rest() == value


@pytest.mark.parametrize("data", [b"", b"\xfc\1", b"\xfd\1\2", b"\xfe" + bytes(7), b"\xfb", b"\xff", b"\5abcd"])
def test_what_ends_early_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        Fields(data).lenenc_bytes()
