"""The types that all packets are made of: int<n>, int<lenenc>, string<...>.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_data_types.html
"""


class Malformed(ValueError):
    """Bytes that are no packet of the kind they should be."""


class Fields:
    """Reads the fields of one payload in order; raises Malformed where the payload ends early."""

    def __init__(self, payload: bytes, pos: int = 0) -> None:
        self.payload = payload
        self.pos = pos

    @property
    def left(self) -> int:
        """How many bytes have not been read."""
        return len(self.payload) - self.pos

    def take(self, count: int) -> bytes:
        """string<fix>: the next `count` bytes."""
        end = self.pos + count
        if count < 0 or end > len(self.payload):
            raise Malformed(f"{count} bytes wanted at {self.pos} of a payload of {len(self.payload)}")
        start, self.pos = self.pos, end
        return self.payload[start:end]

    def integer(self, size: int) -> int:
        """int<size>, little-endian and unsigned."""
        return int.from_bytes(self.take(size), "little")

    def lenenc(self) -> int:
        """int<lenenc>. 0xFB is NULL in a row and nothing here; 0xFF is nothing anywhere."""
        first = self.integer(1)
        if first < 0xFB:
            return first
        if first == 0xFC:
            return self.integer(2)
        if first == 0xFD:
            return self.integer(3)
        if first == 0xFE:
            return self.integer(8)
        raise Malformed(f"0x{first:02x} is no length")

    def lenenc_bytes(self) -> bytes:
        """string<lenenc>."""
        return self.take(self.lenenc())

    def nul_bytes(self) -> bytes:
        """string<NUL>: up to the next zero byte, which is read too."""
        end = self.payload.find(b"\0", self.pos)
        if end < 0:
            raise Malformed(f"no zero byte after {self.pos}")
        start, self.pos = self.pos, end + 1
        return self.payload[start:end]

    def nul_bytes_or_rest(self) -> bytes:
        """string<NUL>, or string<EOF> where no zero byte follows: some servers and clients leave the last one out."""
        return self.nul_bytes() if self.payload.find(b"\0", self.pos) >= 0 else self.rest()

    def rest(self) -> bytes:
        """string<EOF>: all that is left."""
        return self.take(self.left)


def lenenc(value: int) -> bytes:
    """Encode int<lenenc>."""
    if value < 0xFB:
        return bytes([value])
    if value < 1 << 16:
        return b"\xfc" + value.to_bytes(2, "little")
    if value < 1 << 24:
        return b"\xfd" + value.to_bytes(3, "little")
    return b"\xfe" + value.to_bytes(8, "little")


def lenenc_bytes(value: bytes) -> bytes:
    """Encode string<lenenc>."""
    return lenenc(len(value)) + value
