"""The statement log: one JSON object a line, written by a thread of its own behind a bounded queue.

`python -m proxy.statement_log > docs/statement-log.schema.json` makes the schema of its lines.
"""

import errno
import os
import select
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any, Final

import msgspec

from proxy.events import ACTIONS, ServerError, StatementDone
from proxy.wire.constants import command_name
from rules.digest import Digest

QUEUE_BYTES = 8 * 1024 * 1024
"""How many bytes of lines wait for a slow sink before lines are dropped."""

CHUNK_BYTES = 64 * 1024
"""How much is written at once: what a pipe holds."""

PAUSE = 0.05
"""Seconds that lines are collected between two rounds of writing; they spare the event loop a thread switch each."""

RETRY = 1.0
"""Seconds between two attempts at a sink that fails."""

STDOUT: Final = 1
STDERR: Final = 2


def _about(description: str, **bounds: Any) -> msgspec.Meta:
    return msgspec.Meta(description=description, **bounds)


class LoggedStatement(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """One command of a client and its reply."""

    ts: Annotated[
        str,
        _about(
            "When the command had come: RFC 3339, UTC, microseconds.",
            pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$",
            extra_json_schema={"format": "date-time"},
        ),
    ]
    conn: Annotated[int, _about("The connection, counted from 1 since the process started.", ge=1)]
    n: Annotated[int, _about("The command's number on its connection, from 1.", ge=1)]
    client: Annotated[str, _about("The client's address: host:port, or unix.")]
    user: Annotated[str, _about("The user that logged in.")]
    schema: Annotated[str, _about("The default database when the command came.")] = ""
    command: Annotated[str, _about("The command's name in the protocol, such as COM_QUERY.")]
    kind: Annotated[str, _about("What sort of statement it is, such as select; command where there is no text.")]
    digest: Annotated[
        str, _about("Identifies statements that differ in literals only; the command's name without text.")
    ]
    query: Annotated[str, _about("The normalised statement, or its text where literals are logged; … where cut.")] = ""
    us: Annotated[int, _about("Microseconds from the command's last byte to the reply's last byte.", ge=0)]
    first_us: Annotated[int, _about("Microseconds from the command's last byte to the reply's first byte.", ge=0)] = 0
    rows: Annotated[int, _about("Rows in the result sets.", ge=0)] = 0
    affected: Annotated[int, _about("Rows that were changed.", ge=0)] = 0
    bytes_in: Annotated[int, _about("Size of the command on the wire, packet headers included.", ge=0)]
    bytes_out: Annotated[int, _about("Size of the reply on the wire, packet headers included.", ge=0)]
    warnings: Annotated[int, _about("The server's count of warnings.", ge=0)] = 0
    error: Annotated[ServerError | None, _about("Where the reply was an error.")] = None
    rule: Annotated[str, _about("The rule that speaks of the statement; see docs/rules.md.")] = ""
    action: Annotated[
        str, _about("What was done about it: observed is nothing.", extra_json_schema={"enum": ["", *ACTIONS]})
    ] = ""
    tags: Annotated[dict[str, str], _about("What a sqlcommenter comment said, such as route or traceparent.")] = {}
    in_transaction: Annotated[bool | None, _about("Whether a transaction is open after the command.")] = None


def schema() -> bytes:
    """Return the JSON Schema of a line, as shipped in docs/."""
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | msgspec.json.schema(LoggedStatement)
    return msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n"


def report(line: str) -> None:
    """Write one line to stderr, which may block; where it is closed, nobody is left to be told."""
    with suppress(OSError):
        os.write(STDERR, f"hushql: {line}\n".encode())


class LineWriter:
    """Appends lines to a file or to an open descriptor from its own thread; its callers never wait for the sink.

    Lines come whole and in order, or are dropped and counted. A sink that fails is tried again and again, and its
    lines wait in the queue as long as they fit.

    Raises OSError when the file cannot be opened.
    """

    def __init__(self, target: str | int, *, name: str, queue_bytes: int = QUEUE_BYTES) -> None:
        self._target = target
        self._name = name
        self._queue_bytes = queue_bytes
        self._fd = _open(target)
        self._lock = threading.Lock()
        self._lines: list[bytes] = []
        self._queued = 0
        self._unwritten = 0
        self._dropped = 0
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._deadline = float("inf")
        self._reopen = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def write(self, lines: list[bytes]) -> None:
        """Queue lines, each with its newline; those that do not fit are dropped."""
        with self._lock:
            was_empty = not self._lines
            for line in lines:
                if self._queued + len(line) > self._queue_bytes or self._closing.is_set():
                    self._dropped += 1
                else:
                    self._lines.append(line)
                    self._queued += len(line)
                    self._unwritten += 1
        if was_empty:
            self._wake.set()

    def dropped(self) -> int:
        """Return how many lines were lost so far."""
        return self._dropped

    def reopen(self) -> None:
        """Open the file's path anew, soon: for log rotation by renaming."""
        self._reopen = True
        self._wake.set()

    def close(self, timeout: float) -> None:
        """Write what is queued, waiting at most `timeout` seconds for a slow sink; the rest counts as dropped.

        So do the lines of a write to stdout that has not come back by then, though some may have got through.
        """
        self._deadline = time.monotonic() + timeout
        self._closing.set()
        self._wake.set()
        self._thread.join(timeout)
        with self._lock:
            self._dropped += self._unwritten
            self._unwritten = 0
        if not self._thread.is_alive():
            os.close(self._fd)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            closing = self._closing.is_set()
            self._follow_rename()
            if not self._write_queued() or closing:
                return
            self._closing.wait(PAUSE)

    def _write_queued(self) -> bool:
        with self._lock:
            lines, self._lines = self._lines, []
        return all(self._write_chunk(chunk) for chunk in _chunks(lines))

    def _write_chunk(self, chunk: bytes) -> bool:
        """Write all of a chunk; False when the log was closed before that was possible."""
        offset = 0
        while offset < len(chunk):
            closing = self._closing.is_set()
            if closing and time.monotonic() > self._deadline:
                return False
            if self._follow_rename():
                offset = chunk.rfind(b"\n", 0, offset) + 1
            try:
                written = os.write(self._fd, memoryview(chunk)[offset:])
            except BlockingIOError:  # a named pipe, or a descriptor that somebody else made non-blocking
                self._wait_until_writable()
            except OSError as error:
                self._fail(error)
                if closing:
                    return False
                self._closing.wait(RETRY)
            else:
                with self._lock:
                    self._unwritten -= chunk.count(b"\n", offset, offset + written)
                offset += written
        with self._lock:
            self._queued -= len(chunk)
        self._recover()
        return True

    def _wait_until_writable(self) -> None:
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        patience = min(RETRY, max(self._deadline - time.monotonic(), 0.0))
        poll.poll(patience * 1000)

    def _fail(self, error: OSError) -> None:
        if not self._failing:
            self._failing = True
            report(f"{self._name}: {_reason(error)}; lines wait, and are dropped when the queue is full")

    def _recover(self) -> None:
        if self._failing:
            self._failing = False
            report(f"{self._name}: is written again; {self._dropped} lines were dropped so far")

    def _follow_rename(self) -> bool:
        """Do what `reopen` asked for; True when lines go to another file from now on."""
        if not self._reopen:
            return False
        self._reopen = False
        try:
            fd = _open(self._target)
        except OSError as error:
            report(f"{self._name}: cannot be opened again, the old file stays in use: {_reason(error)}")
            return False
        same = os.path.sameopenfile(fd, self._fd)
        os.close(self._fd)
        self._fd = fd
        return not same


def _open(target: str | int) -> int:
    if isinstance(target, int):
        return os.dup(target)
    # Without O_NONBLOCK, opening a named pipe that nobody reads would hang; with it, that is an error.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
    return os.open(target, flags, 0o640)


def _reason(error: OSError) -> str:
    return os.strerror(error.errno or errno.EIO)


def _chunks(lines: list[bytes]) -> Iterator[bytes]:
    """Join lines to chunks of about CHUNK_BYTES."""
    start = size = 0
    for end, line in enumerate(lines, 1):
        size += len(line)
        if size >= CHUNK_BYTES or end == len(lines):
            yield b"".join(lines[start:end])
            start, size = end, 0


class StatementLog(LineWriter):
    """Composes the lines of the statement log and writes them.

    `target` is a path, or "-" for stdout. With `literals`, statements are logged as they came, unless they hold a
    password. Only statements that took `slow` seconds, or failed, are logged.
    """

    def __init__(
        self, target: str, *, literals: bool = False, slow: float = 0.0, queue_bytes: int = QUEUE_BYTES
    ) -> None:
        super().__init__(STDOUT if target == "-" else target, name="statement log", queue_bytes=queue_bytes)
        self._literals = literals
        self._slow = slow
        self._encode = msgspec.json.Encoder().encode
        self._second = -1
        self._date = ""

    def line(self, event: StatementDone, digest: Digest, epoch: float) -> bytes | None:
        """Compose a statement's line, None when it was too fast to be logged.

        `epoch` is what to add to monotonic seconds to get Unix time.
        """
        # A server may refuse a long command before its last byte has come: not less than nothing.
        took = max(event.ended - event.started, 0.0)
        if took < self._slow and event.error is None:
            return None
        peer = event.peer
        logged = LoggedStatement(
            ts=self._timestamp(event.started + epoch),
            conn=peer.id,
            n=event.n,
            client=peer.client,
            user=peer.user,
            schema=event.schema,
            command=command_name(event.command),
            kind=digest.kind,
            digest=digest.id,
            query=self._query(event, digest),
            us=round(took * 1e6),
            first_us=round(max(event.first - event.started, 0.0) * 1e6),
            rows=event.rows,
            affected=event.affected,
            bytes_in=event.bytes_in,
            bytes_out=event.bytes_out,
            warnings=event.warnings,
            error=event.error,
            rule=event.rule,
            action=event.action,
            tags=digest.tags,
            in_transaction=event.in_transaction,
        )
        try:
            return self._encode(logged) + b"\n"
        except UnicodeEncodeError:  # names that came as bytes which are no UTF-8
            return self._encode(_speakable(msgspec.to_builtins(logged))) + b"\n"

    def _query(self, event: StatementDone, digest: Digest) -> str:
        if event.text is None or digest.secret or not self._literals:
            return digest.text
        return event.text.decode("utf-8", "replace") + "…" * event.truncated

    def _timestamp(self, at: float) -> str:
        second, microsecond = divmod(round(at * 1e6), 1_000_000)
        if second != self._second:
            self._second = second
            self._date = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._date}.{microsecond:06d}Z"


def _speakable(value: Any) -> Any:
    """Replace what UTF-8 cannot say in all strings of a value made of builtins."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case dict():
            return {_speakable(key): _speakable(item) for key, item in value.items()}
        case _:
            return value


if __name__ == "__main__":
    sys.stdout.buffer.write(schema())
