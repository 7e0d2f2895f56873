"""Framing: a byte stream is cut into packets, whatever the chunks.

A packet is three bytes of length, one of sequence id, and a payload. A payload of 2**24 - 1 bytes or more is split
over several packets, the last of which is shorter and may be empty.
https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html
"""

from typing import Final

HEADER_SIZE: Final = 4
MAX_PACKET: Final = 0xFFFFFF
"""The largest payload of one packet; a packet of this size has a successor."""


def packets(payload: bytes, sequence_id: int) -> bytes:
    """Frame one payload, split where it must be; the first packet carries `sequence_id`."""
    framed = []
    for start in range(0, len(payload) + 1, MAX_PACKET):
        part = payload[start : start + MAX_PACKET]
        framed += [len(part).to_bytes(3, "little"), bytes([sequence_id & 0xFF]), part]
        sequence_id += 1
    return b"".join(framed)


class Framer:
    """Cuts one direction of a connection into payloads and keeps at most the first `limit` bytes of each.

    Feed it a chunk, then call `advance` until it is false. Memory: one chunk, and one prefix of `limit` bytes.

    Who passes the stream on takes its bytes out again with `passed` and `passed_before`, all that was consumed before
    the next chunk is fed. Who must not pass a packet on in part asks `holds` before `advance`.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.payload = b""
        """The first `limit` bytes of the payload that ended last."""
        self.size = 0
        """Its whole size."""
        self.sequence_id = 0
        """The sequence id of its last packet: a reply goes on from there."""
        self._data = b""
        self._pos = 0
        self._taken = 0  # up to where the bytes have been taken out again
        self._last_at = 0  # where the payload that ended last begins, its header included
        self._before = 0  # the size of all chunks before this one
        self._header = b""  # of a packet whose header is cut by the chunk's end
        self._left = 0  # bytes of the current packet still to come
        self._inside = False  # past the header of a packet
        self._split = False  # the current packet has a successor
        self._prefix = bytearray()  # of the payload that has begun
        self._size = 0

    @property
    def between_packets(self) -> bool:
        """Whether all that was fed is whole payloads."""
        return not (self._inside or self._split or self._header or self._size or self._pos < len(self._data))

    @property
    def consumed(self) -> int:
        """How many bytes of the stream have been passed, headers included."""
        return self._before + self._pos

    def feed(self, data: bytes) -> None:
        """Take the next chunk; it goes behind what is left of the one before."""
        self._before += self._pos
        self._data = self._data[self._pos :] + data if self._pos < len(self._data) else data
        self._pos = self._taken = self._last_at = 0

    @property
    def incoming(self) -> int:
        """The size of the payload that has begun and not ended, as far as its headers have said."""
        return self._size

    @property
    def backlog(self) -> int:
        """How many bytes have been fed and not been passed."""
        return len(self._data) - self._pos

    def rest(self) -> bytes:
        """Hand out what has been fed and does not belong to a payload that has ended, and forget it.

        Only between packets, where the stream changes its meaning (TLS, an opaque relay).
        """
        rest = self._header + self._data[self._pos :]
        self._before = self.consumed - len(self._header)
        self._header = self._data = b""
        self._pos = self._taken = self._last_at = 0
        return rest

    def passed(self) -> bytes:
        """Take out the bytes that were consumed since the last time."""
        start, self._taken = self._taken, self._pos
        return self._data[start : self._pos]

    def passed_before(self) -> bytes:
        """Take out those in front of the payload that ended last, which has come whole in this chunk."""
        start, self._taken = self._taken, self._last_at
        return self._data[start : self._last_at]

    def untaken(self) -> bytes:
        """Take out all that was fed and not taken out yet, consumed or not; then this framer is of no more use."""
        start, self._taken, self._pos = self._taken, len(self._data), len(self._data)
        return self._data[start:]

    @property
    def next_size(self) -> int:
        """The size of the next packet's payload, where a packet begins and its header is there, else -1."""
        data, pos = self._data, self._pos
        if self._inside or self._split or self._header or len(data) < pos + HEADER_SIZE:
            return -1
        return data[pos] | data[pos + 1] << 8 | data[pos + 2] << 16

    @property
    def next_byte(self) -> int:
        """The first byte of the next packet's payload, where `next_size` is above 0 and it is there, else -1."""
        at = self._pos + HEADER_SIZE
        return self._data[at] if at < len(self._data) else -1

    def holds(self, limit: int) -> bool:
        """Say whether to go on: the next packet is there whole, or is larger than `limit` bytes, or has begun."""
        if self._inside or self._split or self._header:
            return True
        size = self.next_size
        return size >= 0 and (size > limit or len(self._data) - self._pos >= HEADER_SIZE + size)

    def advance(self) -> bool:
        """Go on to the end of the next payload; false where the chunk ends before it."""
        if not (self._inside or self._split or self._header):
            self._last_at = self._pos
        while True:
            if not self._inside and not self._read_header():
                return False
            if not self._read_body():
                return False
            if not self._split:
                self.payload, self.size = bytes(self._prefix), self._size
                self._prefix.clear()
                self._size = 0
                return True

    def skip_rows(self) -> int:
        """Pass over the whole packets of this chunk that can only be rows; return how many.

        A packet that starts with 0xFE or 0xFF may end the result set, an empty or a split one is nothing ordinary:
        before them, and before one cut by the chunk's end, this stops. `advance` takes it from there. What was passed
        over is not in `payload` and `size`.
        """
        if self._inside or self._split or self._header:
            return 0
        data, pos, end, rows = self._data, self._pos, len(self._data), 0
        while pos + HEADER_SIZE < end:
            length = data[pos] | data[pos + 1] << 8 | data[pos + 2] << 16
            after = pos + HEADER_SIZE + length
            if after > end or length == 0 or length == MAX_PACKET or data[pos + HEADER_SIZE] >= 0xFE:
                break
            pos = after
            rows += 1
        self._pos = pos
        return rows

    def _read_header(self) -> bool:
        wanted = HEADER_SIZE - len(self._header)
        header = self._header + self._data[self._pos : self._pos + wanted]
        self._pos = min(self._pos + wanted, len(self._data))
        if len(header) < HEADER_SIZE:
            self._header = header
            return False
        self._header = b""
        self._left = header[0] | header[1] << 8 | header[2] << 16
        self.sequence_id = header[3]
        self._split = self._left == MAX_PACKET
        self._size += self._left
        self._inside = True
        return True

    def _read_body(self) -> bool:
        available = min(self._left, len(self._data) - self._pos)
        wanted = min(available, self.limit - len(self._prefix))
        if wanted > 0:
            self._prefix += self._data[self._pos : self._pos + wanted]
        self._pos += available
        self._left -= available
        self._inside = self._left > 0
        return not self._inside
