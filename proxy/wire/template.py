"""A reply that a server gave, kept so that it can be compared with another, or be said again."""

from typing import Final

from proxy.wire.constants import SERVER_SESSION_STATE_CHANGED
from proxy.wire.packet import packets

PACKETS_LIMIT: Final = 24
BYTES_LIMIT: Final = 4 * 1024


class Template:
    """The payloads of one reply; all that may differ when it is said again are sequence ids and status flags."""

    def __init__(self) -> None:
        self._payloads: list[bytes] = []
        self._status_at: list[int] = []
        self._size = 0
        self.whole = True
        """Whether all that was added is still here: a reply may be too large to be kept."""

    def add(self, payload: bytes, status_at: int) -> None:
        """Add a payload as the client gets it; `status_at` says where it carries status flags, 0 that it does not."""
        self._size += len(payload)
        if len(self._payloads) == PACKETS_LIMIT or self._size > BYTES_LIMIT:
            self.whole = False
            self._payloads.clear()
            self._status_at.clear()
        if self.whole:
            self._payloads.append(payload)
            self._status_at.append(status_at)

    def payloads(self, status: int) -> list[bytes]:
        """Return the payloads with these status flags."""
        return [
            _with_status(payload, at, status) if at else payload
            for payload, at in zip(self._payloads, self._status_at, strict=True)
        ]

    def say(self, status: int, sequence_id: int) -> bytes:
        """Frame the reply with these status flags, its first packet numbered `sequence_id`."""
        numbered = enumerate(self.payloads(status), sequence_id)
        return b"".join([packets(payload, number) for number, payload in numbered])

    def differs_from(self, other: "Template", status: int) -> bool:
        """Say whether a client could tell this reply, said again with these status flags, from the other one."""
        return not (self.whole and other.whole) or self.payloads(status) != other.as_said

    def described(self, status: int) -> str:
        """Return the payloads in hexadecimal, for the operator: replies that are kept hold no application's data."""
        return " ".join(payload.hex() for payload in self.payloads(status)) if self.whole else "a long reply"

    @property
    def as_said(self) -> list[bytes]:
        """The payloads as they were added."""
        return self._payloads

    @property
    def said(self) -> str:
        """Return what was added, in hexadecimal."""
        return " ".join(payload.hex() for payload in self._payloads) if self.whole else "a long reply"


def _with_status(payload: bytes, at: int, status: int) -> bytes:
    """Set status flags anew; whether the packet holds session state is a matter of the packet."""
    was = int.from_bytes(payload[at : at + 2], "little")
    flags = status | (was & SERVER_SESSION_STATE_CHANGED)
    return payload[:at] + flags.to_bytes(2, "little") + payload[at + 2 :]
