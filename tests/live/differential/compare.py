"""Two records of one script: whether they are the same, and how they differ, for people to read."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from proxy.wire import constants
from proxy.wire.fields import Malformed
from proxy.wire.replies import EOF, ERR, OK, Eof, Err, Ok

from .client import Packet
from .run import Record

_FLAGS: Final = {
    value: name.removeprefix("SERVER_").removeprefix("STATUS_")
    for name, value in vars(constants).items()
    if name.startswith("SERVER_") and isinstance(value, int)
}


@dataclass(frozen=True)
class Difference:
    """The first one: at which step, and what either side showed."""

    step: int
    what: str
    direct: str
    proxied: str

    def __str__(self) -> str:
        return f"at step {self.step}: {self.what}\n--- direct\n{self.direct}\n--- proxied\n{self.proxied}"


def difference(direct: list[Record], proxied: list[Record]) -> Difference | None:
    """Return the first difference between the records of two sides."""
    for one, other in zip_longest(direct, proxied):
        if one is None or other is None:
            extra = one or other
            return Difference(extra.step, extra.what, shown(one), shown(other))
        if (one.what, _normal(one)) != (other.what, _normal(other)):
            return Difference(one.step, one.what, *_shown_apart(one, other))
    return None


def _shown_apart(one: Record, other: Record) -> tuple[str, str]:
    """Return two records without the packets that they have in common."""
    common = set(_normal(one)) & set(_normal(other)) if len(one.packets) == len(other.packets) else set()
    return shown(one, common), shown(other, common)


def _normal(record: Record) -> list[Packet]:
    """Return the packets without what two runs cannot have in common."""
    if record.what.startswith("login"):
        return [(number, _without_info(payload, record.capabilities)) for number, payload in record.packets]
    return record.packets


def _without_info(payload: bytes, capabilities: int) -> bytes:
    """Leave out of a login's OK packet what MariaDB puts there by chance.

    Its word on its certificate has a salt, and the warnings are those of an earlier session's.
    """
    ok = Ok(payload, capabilities)
    return repr((ok.affected_rows, ok.last_insert_id, ok.status, ok.state)).encode()


def shown(record: Record | None, left_out: Collection[Packet] = ()) -> str:
    """Return a record's packets, one a line, but for some; numbers are sequence ids."""
    if record is None:
        return "  nothing"
    packets = [packet for packet in record.packets if packet not in left_out]
    if record.capabilities == 0:
        lines = [payload.decode("utf-8", "replace") for _, payload in packets]
    else:
        lines = [f"{number}: {_shown_packet(payload, record.capabilities)}" for number, payload in packets]
    return "\n".join(f"  {line}" for line in lines)


def _shown_packet(payload: bytes, capabilities: int) -> str:
    try:
        if payload[:1] == bytes([ERR]):
            error = Err(payload)
            return f"ERR {error.code} {error.sqlstate} {error.message!r}"
        if payload[:1] == bytes([EOF]) and len(payload) == 5:
            eof = Eof(payload)
            return f"EOF {flags(eof.status)}, warnings {eof.warnings}"
        if payload[:1] in (bytes([OK]), bytes([EOF])) and len(payload) >= 7:
            return _shown_ok(payload, capabilities)
    except Malformed:
        pass
    return repr(payload)


def _shown_ok(payload: bytes, capabilities: int) -> str:
    ok = Ok(payload, capabilities)
    parts = [
        f"{'OK' if payload[0] == OK else 'OK for EOF'} {flags(ok.status)}",
        f"affected {ok.affected_rows}, last insert id {ok.last_insert_id}, warnings {ok.warnings}",
    ]
    parts += [f"info {ok.info!r}"] if ok.info else []
    parts += [f"state {ok.state}"] if ok.state else []
    return f"{', '.join(parts)} = {payload.hex()}"


def flags(status: int) -> str:
    """Return the names of status flags."""
    return "|".join(name for value, name in _FLAGS.items() if status & value) or "0"
