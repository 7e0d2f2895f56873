"""The command phase, without I/O: which command each reply belongs to, where it ends, what it said.

All bytes are passed on as they come; looking at them follows. A surprise in looking, a bug of our own included, ends
the looking and not the connection: it goes blind.

The one command that is not always passed on as it comes is COM_CHANGE_USER, on a connection whose two sides have
different channels: see authentication.py.
"""

import re
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from proxy.bugs import place
from proxy.change_user import ChangingUser, Gate
from proxy.core import Core
from proxy.events import TEXT_LIMIT, Event, Peer, ServerError, StatementDone, WentBlind
from proxy.login import PACKET_LIMIT, LoggedIn
from proxy.wire.commands import LAST_PREPARED, query_text, statement_id, wants_cursor
from proxy.wire.constants import (
    COM_CHANGE_USER,
    COM_INIT_DB,
    COM_QUERY,
    COM_RESET_CONNECTION,
    COM_STMT_BULK_EXECUTE,
    COM_STMT_CLOSE,
    COM_STMT_EXECUTE,
    COM_STMT_PREPARE,
    CR_SERVER_LOST,
    ER_HANDSHAKE_ERROR,
    ER_SERVER_SHUTDOWN,
    SERVER_STATUS_ANSI_QUOTES,
    SERVER_STATUS_IN_TRANS,
    SERVER_STATUS_NO_BACKSLASH_ESCAPES,
    command_name,
)
from proxy.wire.exchange import AUTHENTICATION, DONE, NOTHING, OPAQUE, SHAPES, SURPRISE, UPLOAD, Reply
from proxy.wire.fields import Malformed
from proxy.wire.handshake import ChangeUser
from proxy.wire.packet import Framer, packets
from proxy.wire.replies import ERR, Ok, err
from rules.charsets import is_unreadable, may_choose_unreadable

COMMAND_LIMIT: Final = TEXT_LIMIT + 1024
"""How much of a command is looked at, in bytes: a statement's text, and query attributes before it."""
REPLY_LIMIT: Final = 4 * 1024
"""How much of a reply's packet is looked at, in bytes: session-state blocks make an OK packet longer than any other."""
PIPELINE_LIMIT: Final = 4096
"""How many commands of a client may await their replies; a connection with more goes blind."""
PREPARED_LIMIT: Final = 4096
"""How many prepared statements of a connection are remembered; further ones are logged without their text."""
PREPARED_TEXT_LIMIT: Final = 1024 * 1024
"""How much of their text together, in bytes."""

_USE: Final = re.compile(rb"\s*use\s+(?:`((?:[^`]|``)+)`|([\w$\x80-\xff]+))\s*;?\s*", re.IGNORECASE)


class _Prepared:
    """A statement that the server keeps for this connection."""

    def __init__(self, text: bytes | None, truncated: bool) -> None:
        self.text = text
        self.truncated = truncated
        self.had_cursor = False

    @property
    def size(self) -> int:
        return len(self.text or b"")


class _Exchange:
    """One command on its way and its reply."""

    def __init__(self, done: StatementDone, reply: Reply, argument: bytes) -> None:
        self.done = done
        self.reply = reply
        self.argument = argument  # the command's payload, where it says what an OK makes true
        self.begins_at = 0  # where its reply begins in the server's stream


class Conversation(Core):
    """From the end of login to the end of the connection."""

    def __init__(self, peer: Peer, login: LoggedIn, emit: Callable[[Event], None]) -> None:
        """Go on from `login`; `emit` takes a StatementDone for each command, and WentBlind."""
        super().__init__()
        self._peer = peer
        self._login = login
        self._emit = emit
        self._mixed = login.client_channel != login.server_channel  # then COM_CHANGE_USER is mediated
        self._client = Framer(PACKET_LIMIT if self._mixed else COMMAND_LIMIT)
        self._server = Framer(REPLY_LIMIT)
        self._command_begins_at = 0  # in the client's stream
        self._replies: deque[_Exchange] = deque()
        """The commands under way, in order."""
        self._count = 0
        self._schema = login.schema
        self._unreadable = is_unreadable(login.charset)
        self._status = login.status
        self._in_transaction: bool | None = login.status & SERVER_STATUS_IN_TRANS != 0
        self._prepared: dict[int, _Prepared] = {}
        self._prepared_size = 0
        self._last_prepared: _Prepared | None = None
        self._touched: StatementDone | None = None
        self._gate = Gate()  # in use on a mixed connection
        self._change_user: ChangingUser | None = None
        self.blind = False
        """Whether bytes are only passed on."""
        peer.state = "idle"

    # ---- what the relay calls ----

    def from_client(self, data: bytes, now: float) -> None:
        """Pass on bytes of the client, and look at the commands in them."""
        if self._mixed and not self.blind:
            self._from_client_of_mixed(data, now)
            return
        self.to_server.append(data)
        if not self.blind:
            self._look(self._look_at_commands, data, now)

    def from_server(self, data: bytes, now: float) -> None:
        """Pass on bytes of the server, and look at the replies in them."""
        if self._change_user is not None:
            self._continue_change_user(lambda change: change.from_server(data), now)
            return
        self.to_client.append(data)
        if not self.blind:
            self._look(self._look_at_replies, data, now)
        if self._gate.held and not (self.blind or self._replies):
            self._from_client_of_mixed(b"", now)

    def spent(self, seconds: float) -> None:
        """Add to the time inside of the statement that was touched last."""
        if self._touched is not None:
            self._touched.inside += seconds

    @property
    def idle(self) -> bool:
        """Whether the connection may be closed with nothing lost."""
        return not (self.blind or self._replies or self._change_user) and self._in_transaction is False

    def server_lost(self, why: str, now: float) -> None:
        """Finish the commands under way. The client sees the end of the stream, as it would without the proxy.

        Pools and ORMs know a lost server by that; a code of ours they would take for an error in the statement.
        """
        self.closed(now)

    def closed(self, now: float) -> None:
        """Finish the commands under way: their replies will not end."""
        while self._replies:
            exchange = self._replies.popleft()
            exchange.done.error = ServerError(CR_SERVER_LOST, "08S01")
            exchange.done.first = exchange.done.first or now
            self._emit_done(exchange.done, now)

    def dismiss(self, why: str, now: float) -> None:
        """Close; between commands, as a server that shuts down does, with ERR."""
        if not (self.blind or self._replies or self._change_user):
            self._say(err(ER_SERVER_SHUTDOWN, "08S01", f"hushql: {why}"), 0)
        self.closing = True

    def _say(self, payload: bytes, sequence_id: int) -> None:
        self.to_client.append(packets(payload, sequence_id))

    def _look(self, look: Callable[[bytes, float], None], data: bytes, now: float) -> None:
        try:
            look(data, now)
        except Malformed as problem:
            self._go_blind("malformed", str(problem), now)
        except Exception as bug:  # noqa: BLE001 - a bug in looking must not break a client
            self._go_blind("internal-error", place(bug), now)

    def _go_blind(self, reason: str, detail: str, now: float) -> None:
        self.blind = True
        self._peer.state = "blind"
        self._replies.clear()
        self._prepared.clear()
        self._client = self._server = Framer(0)
        self._touched = None
        if self._gate.held:  # it may be a password, and there is nobody left to mediate
            self.closing = True
        self._emit(WentBlind(self._peer, now, reason, detail))

    # ---- commands ----

    def _look_at_commands(self, data: bytes, now: float) -> None:
        self._client.feed(data)
        while not self.blind and self._client.advance():
            size = self._client.consumed - self._command_begins_at
            self._command_begins_at = self._client.consumed
            if not self._replies or self._is_command(self._replies[0], now):
                self._command(size, now)

    def _is_command(self, head: _Exchange, now: float) -> bool:
        """Say whether a packet of the client begins something new, or belongs to the command under way."""
        reply = head.reply
        if reply.state == UPLOAD:
            if self._client.size == 0:
                reply.uploaded()
            return False
        reply.end_if_doubtful()
        if reply.state == DONE:
            self._finish(head, now)
        return reply.shape != AUTHENTICATION

    def _command(self, size: int, now: float) -> None:
        payload = self._client.payload
        if not payload:
            raise Malformed("an empty command")
        command = payload[0]
        if SHAPES[command] == OPAQUE:
            self._go_blind("opaque-command", command_name(command), now)
            return
        if len(self._replies) >= PIPELINE_LIMIT:
            self._go_blind("too-many-commands", f"{PIPELINE_LIMIT} await their replies", now)
            return
        self._count += 1
        done = StatementDone(
            self._peer,
            self._count,
            command,
            now,
            size,
            schema=self._schema,
            ansi_quotes=self._status & SERVER_STATUS_ANSI_QUOTES != 0,
            no_backslash_escapes=self._status & SERVER_STATUS_NO_BACKSLASH_ESCAPES != 0,
        )
        reply = self._expect(command, payload, done)
        self._touched = done
        if reply.shape == NOTHING:
            done.first = now
            done.in_transaction = self._in_transaction
            self._emit_done(done, now)
            return
        self._peer.state = "busy"
        argument = payload if command in (COM_INIT_DB, COM_CHANGE_USER) else b""
        exchange = _Exchange(done, reply, argument)
        if not self._replies:
            exchange.begins_at = self._server.consumed
        self._replies.append(exchange)

    def _expect(self, command: int, payload: bytes, done: StatementDone) -> Reply:
        """Note what a command says, and return the reply to expect."""
        if command == COM_QUERY:
            self._note_text(done, query_text(payload, self._login.capabilities))
        elif command == COM_STMT_PREPARE:
            self._note_text(done, payload[1:])
            self._last_prepared = _Prepared(done.text, done.truncated)
        elif command in (COM_STMT_EXECUTE, COM_STMT_BULK_EXECUTE):
            return self._expect_execution(command, payload, done)
        elif command == COM_STMT_CLOSE:
            gone = self._prepared.pop(statement_id(payload), None)
            self._prepared_size -= gone.size if gone else 0
        return Reply(command, self._login.capabilities)

    def _note_text(self, done: StatementDone, text: bytes) -> None:
        self._unreadable = self._unreadable or may_choose_unreadable(text)
        if self._unreadable:  # what is a value in it cannot be told: it is seen as a command without a text
            return
        done.truncated = len(text) > TEXT_LIMIT or self._client.size > len(self._client.payload)
        done.text = text[:TEXT_LIMIT]

    def _expect_execution(self, command: int, payload: bytes, done: StatementDone) -> Reply:
        number = statement_id(payload)
        prepared = self._last_prepared if number == LAST_PREPARED else self._prepared.get(number)
        cursor = command == COM_STMT_EXECUTE and wants_cursor(payload)
        after_cursor = False
        if prepared is not None:
            done.text, done.truncated = prepared.text, prepared.truncated
            after_cursor = prepared.had_cursor and not cursor
            prepared.had_cursor = prepared.had_cursor or cursor
        return Reply(command, self._login.capabilities, cursor=cursor, after_cursor=after_cursor)

    # ---- replies ----

    def _look_at_replies(self, data: bytes, now: float) -> None:
        self._server.feed(data)
        while not self.blind:
            head = self._replies[0] if self._replies else None
            if head is not None:
                if not head.done.first and self._server.backlog:
                    head.done.first = now
                if head.reply.in_rows:
                    head.reply.rows += self._server.skip_rows()
            if not self._server.advance():
                return
            if head is not None:
                self._take(head, now)
            elif self._server.payload[:1] != bytes([ERR]):  # ERR: the server says why it is about to close
                self._go_blind("unexpected-reply", "a packet that no command asked for", now)

    def _take(self, exchange: _Exchange, now: float) -> None:
        reply = exchange.reply
        self._touched = exchange.done
        if reply.state == UPLOAD and self._server.payload[:1] != bytes([ERR]):  # ERR: the connection was killed
            self._go_blind("unexpected-reply", "a packet in the middle of an upload", now)
            return
        reply.take(self._server.payload, self._server.size)
        if reply.state == DONE:
            self._finish(exchange, now)
        elif reply.state == SURPRISE:
            command = command_name(exchange.done.command)
            self._go_blind("unexpected-reply", f"{command}: {reply.surprise}", now)

    def _finish(self, exchange: _Exchange, now: float) -> None:
        done, reply = exchange.done, exchange.reply
        self._replies.popleft()
        self._learn(exchange)
        done.bytes_out = self._server.consumed - exchange.begins_at
        done.rows, done.affected, done.warnings = reply.rows, reply.affected_rows, reply.warnings
        done.error = ServerError(reply.error.code, reply.error.sqlstate) if reply.error else None
        done.in_transaction = self._in_transaction
        if self._replies:
            self._replies[0].begins_at = self._server.consumed
        else:
            self._peer.state = "idle_in_transaction" if self._status & SERVER_STATUS_IN_TRANS else "idle"
        self._emit_done(done, now)

    def _learn(self, exchange: _Exchange) -> None:
        """Take over what the reply said of the session. Only a server's word counts."""
        reply = exchange.reply
        if reply.error is not None:
            self._in_transaction = None  # ERR says nothing: a deadlock rolls back, a duplicate key does not
            return
        if reply.status is not None:
            self._status = reply.status
            self._in_transaction = reply.status & SERVER_STATUS_IN_TRANS != 0
        command = exchange.done.command
        if command == COM_STMT_PREPARE:
            self._remember(reply.statement_id, exchange.done)
        elif command == COM_INIT_DB:
            self._schema = exchange.argument[1:].decode("utf-8", "replace")
        elif command == COM_QUERY and reply.ok is not None:
            self._learn_schema(reply.ok, exchange.done.text or b"")
        elif command in (COM_RESET_CONNECTION, COM_CHANGE_USER):
            self._prepared.clear()
            self._prepared_size = 0
            if exchange.argument:
                self._learn_user(exchange.argument)

    def _learn_schema(self, ok: Ok, text: bytes) -> None:
        if ok.schema is not None:
            self._schema = ok.schema.decode("utf-8", "replace")
        elif (use := _USE.fullmatch(text)) is not None:
            name = use[2] or use[1].replace(b"``", b"`")
            self._schema = name.decode("utf-8", "replace")

    def _learn_user(self, payload: bytes) -> None:
        change = ChangeUser(payload, self._login.capabilities)
        self._peer.user = change.user.decode("utf-8", "replace")
        self._schema = change.database.decode("utf-8", "replace")
        self._unreadable = is_unreadable(change.charset)

    def _remember(self, number: int, done: StatementDone) -> None:
        prepared = _Prepared(done.text, done.truncated)
        if len(self._prepared) < PREPARED_LIMIT and self._prepared_size + prepared.size <= PREPARED_TEXT_LIMIT:
            self._prepared[number] = prepared
            self._prepared_size += prepared.size

    def _emit_done(self, done: StatementDone, now: float) -> None:
        done.ended = now
        self._emit(done)

    # ---- COM_CHANGE_USER where the channels differ ----

    def _from_client_of_mixed(self, data: bytes, now: float) -> None:
        if self._change_user is not None:
            self._continue_change_user(lambda change: change.from_client(data), now)
            return
        data = self._gate.admit(data, self._uploading)
        if data:
            self.to_server.append(data)
            self._look(self._look_at_commands, data, now)
        if self._gate.too_much:
            self.dismiss("COM_CHANGE_USER is too large", now)
        elif not (self.blind or self._replies) and (held := self._gate.take_command()):
            self._begin_change_user(held, now)

    @property
    def _uploading(self) -> bool:
        return bool(self._replies) and self._replies[0].reply.state == UPLOAD

    def _begin_change_user(self, held: bytes, now: float) -> None:
        self._count += 1
        done = StatementDone(self._peer, self._count, COM_CHANGE_USER, now, len(held), schema=self._schema)
        self._change_user = ChangingUser(self.to_client, self.to_server, self._login, done)
        self._peer.state = "busy"
        self._continue_change_user(lambda change: change.begin(held), now)

    def _continue_change_user(self, step: Callable[[ChangingUser], None], now: float) -> None:
        change = self._change_user
        assert change is not None
        try:
            step(change)
        except Malformed as problem:
            self._say(err(ER_HANDSHAKE_ERROR, "08S01", f"hushql: bad COM_CHANGE_USER: {problem}"), 1)
            self.closing = True
            return
        if change.outcome:
            self._end_change_user(change, now)

    def _end_change_user(self, change: ChangingUser, now: float) -> None:
        self._change_user = None
        reply = Reply(COM_CHANGE_USER, self._login.capabilities)
        reply.take(change.outcome, len(change.outcome))
        exchange = _Exchange(change.done, reply, change.payload)
        exchange.begins_at = self._server.consumed
        change.done.first = now
        self._replies.append(exchange)
        self._finish(exchange, now)
        self._login = msgspec.structs.replace(self._login, nonce=change.nonce)
        self.closing = change.refused_here  # a server's refusal may leave the connection as it was: MariaDB's does
        from_client, from_server = change.rest()
        if from_client:
            self.from_client(from_client, now)
        if from_server:
            self.from_server(from_server, now)
