"""The command phase, without I/O: which command each reply belongs to, where it ends, what it said.

Commands are forwarded as they come and replies passed on as they are, but for what the rules say (judge.py): a
statement that changes nothing may be answered here, one that changes what nothing depends on yet may be promised, and
settlements of hushql's own may go ahead of a command, whose replies the client never sees. The queue of exchanges
holds, in order, what the server still has to answer; that is the whole mechanism for pipelining, settlements and local
answers:

- A command is judged only while the client waits for nothing. So a local answer can be given at once, all of the
  server's words have been taken over, and promises exist only while no reply that the client waits for is under way.
- While a settlement is under way, at most one command goes behind it; what the client says meanwhile waits.

A surprise in looking, a bug of our own included, ends the looking and not the connection: it goes blind. Where the
server has not heard of something that the client was told, it is told first, and where that is not possible any more
the connection is closed.

COM_CHANGE_USER on a connection whose two sides have different channels is not passed on as it comes: see
change_user.py.
"""

import re
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from proxy.bugs import place
from proxy.change_user import ChangingUser
from proxy.core import Core
from proxy.events import TEXT_LIMIT, Event, Peer, Refuted, ServerError, SettlementFailed, StatementDone, WentBlind
from proxy.exchange import Decision, Exchange
from proxy.interpreter import Interpreter
from proxy.judge import Judge
from proxy.login import PACKET_LIMIT, LoggedIn
from proxy.wire.constants import (
    CLIENT_QUERY_ATTRIBUTES,
    CLIENT_SESSION_TRACK,
    COM_CHANGE_USER,
    COM_INIT_DB,
    COM_PING,
    COM_QUERY,
    COM_RESET_CONNECTION,
    COM_STMT_PREPARE,
    CR_SERVER_LOST,
    ER_HANDSHAKE_ERROR,
    ER_NET_READ_ERROR,
    ER_SERVER_SHUTDOWN,
    SERVER_SESSION_STATE_CHANGED,
    command_name,
)
from proxy.wire.exchange import AUTHENTICATION, DONE, NOTHING, OPAQUE, SHAPES, SURPRISE, UPLOAD, Reply
from proxy.wire.fields import Malformed
from proxy.wire.handshake import ChangeUser
from proxy.wire.packet import Framer, packets
from proxy.wire.replies import ERR, Ok, err
from rules.engine import Engine
from rules.session import ANSI_QUOTES, NO_BACKSLASH_ESCAPES, Settlement
from rules.statement import OTHER, SET, USE, Statement
from rules.verdict import ACKNOWLEDGE

COMMAND_LIMIT: Final = TEXT_LIMIT + 1024
"""How much of a command is looked at, in bytes: a statement's text, and query attributes before it."""
JUDGED_LIMIT: Final = 1024
"""How large a command may be that is looked at before it is forwarded, in bytes."""
REPLY_LIMIT: Final = 4 * 1024
"""How much of a reply's packet is looked at, in bytes: session-state blocks make an OK packet longer than any other."""
PIPELINE_LIMIT: Final = 4096
"""How many commands of a client may await their replies; a connection with more goes blind."""
IN_FLIGHT: Final = 2
"""How many commands may await their replies while one of them is hushql's own: MySQL Router 9.7.4 mixes up three."""
HELD_LIMIT: Final = PACKET_LIMIT + 1024
"""How many bytes of a client may wait here before it is not read from any more."""

_UNKNOWN: Final = Statement(OTHER, b"", b"", reads_diagnostics=True)
_REPORT_NOTHING: Final = Statement(SET, b"SET session_track_schema=0, session_track_system_variables=''", b"set")
_USE: Final = re.compile(rb"\s*use\s+(?:`((?:[^`]|``)+)`|([\w$\x80-\xff]+))\s*;?\s*", re.IGNORECASE)
_ACTIONS: Final = ("", "withheld", "promised", "acknowledged")  # by verdict


class Conversation(Core):
    """From the end of login to the end of the connection."""

    def __init__(self, peer: Peer, login: LoggedIn, emit: Callable[[Event], None], engine: Engine) -> None:
        """Go on from `login`; `emit` takes a StatementDone for each command, and what else befalls the connection."""
        super().__init__()
        self._peer = peer
        self._login = login
        self._emit = emit
        self._mixed = login.client_channel != login.server_channel  # then COM_CHANGE_USER is mediated
        self._strips = (login.server_capabilities & ~login.capabilities & CLIENT_SESSION_TRACK) != 0
        self._client = Framer(PACKET_LIMIT if self._mixed else COMMAND_LIMIT)
        self._server = Framer(REPLY_LIMIT)
        self._command_begins_at = 0  # in the client's stream
        self._inside_long = False  # a command larger than JUDGED_LIMIT is being passed on
        self._outbox: deque[tuple[bytes, Exchange]] = deque()
        """What waits for its turn to be sent: settlements, and the command that they are for."""
        self._replies: deque[Exchange] = deque()
        """The commands under way, in order."""
        self._silent = 0  # how many of them the client does not wait for
        self._count = 0
        self._schema = login.schema
        self._interpreter = Interpreter(login.capabilities, login.server_capabilities, login.charset)
        self._judge = Judge(engine, peer.server_version, login)
        self._session = self._judge.session
        self._engine = engine
        self._touched: StatementDone | None = None
        self._change_user: ChangingUser | None = None
        self._going_blind: tuple[str, str] | None = None  # once the promises are settled: reason and detail
        self._behind: list[bytes] = []  # what the client said meanwhile
        self.blind = False
        """Whether bytes are only passed on."""
        peer.state = "idle"

    # ---- what the relay calls ----

    def from_client(self, data: bytes, now: float) -> None:
        """Take bytes of the client: pass them on, or not."""
        if self.blind:
            self.to_server.append(data)
        elif self._going_blind is not None:
            self._behind.append(data)
        elif self._change_user is not None:
            self._continue_change_user(lambda change: change.from_client(data), now)
        else:
            self._client.feed(data)
            self._look(self._look_at_commands, now)

    def from_server(self, data: bytes, now: float) -> None:
        """Take bytes of the server: pass them on, or not, and look what they say."""
        if self.blind:
            self.to_client.append(data)
            return
        self._session.heard = now
        if self._change_user is not None:
            self._continue_change_user(lambda change: change.from_server(data), now)
            return
        self._server.feed(data)
        self._look(self._look_at_replies, now)
        if self._client.backlog or self._going_blind is not None:  # it may be its turn now
            self._look(self._look_at_commands, now)

    def spent(self, seconds: float) -> None:
        """Add to the time inside of the statement that was touched last."""
        if self._touched is not None:
            self._touched.inside += seconds

    @property
    def holding(self) -> bool:
        """Whether enough of the client's bytes wait here for the server's word."""
        return self._client.backlog > HELD_LIMIT or sum(map(len, self._behind)) > HELD_LIMIT

    @property
    def idle(self) -> bool:
        """Whether the connection may be closed with nothing lost."""
        return not (self.blind or self._is_busy or self._change_user) and self._session.is_idle

    @property
    def _is_busy(self) -> bool:
        return bool(self._replies or self._outbox or self._going_blind)

    def server_lost(self, why: str, now: float) -> None:
        """Finish the commands under way. The client sees the end of the stream, as it would without the proxy.

        Pools and ORMs know a lost server by that; a code of ours they would take for an error in the statement.
        """
        if not (self.blind or self._silent) and (cut_short := self._server.untaken()):
            self.to_client.append(cut_short)
        self.closed(now)

    def closed(self, now: float) -> None:
        """Finish the commands under way: their replies will not end."""
        for exchange in (*self._replies, *(exchange for _, exchange in self._outbox)):
            if (done := exchange.done) is not None:
                done.error = ServerError(CR_SERVER_LOST, "08S01")
                done.first = done.first or now
                self._emit_done(done, now)
        self._replies.clear()
        self._outbox.clear()

    def dismiss(self, why: str, now: float) -> None:
        """Close; between commands, as a server that shuts down does, with ERR."""
        if not (self.blind or self._is_busy or self._change_user):
            self._say(err(ER_SERVER_SHUTDOWN, "08S01", f"hushql: {why}"), 0)
        self.closing = True

    def _say(self, payload: bytes, sequence_id: int) -> None:
        self.to_client.append(packets(payload, sequence_id))

    # ---- trouble ----

    def _look(self, look: Callable[[float], None], now: float) -> None:
        if self.blind or self.closing:
            return
        try:
            look(now)
        except Malformed as problem:
            self._go_blind("malformed", str(problem), now)
        except Exception as bug:  # noqa: BLE001 - a bug in looking must not break a client
            self._go_blind("internal-error", place(bug), now)

    def _go_blind(self, reason: str, detail: str, now: float) -> None:
        """Only pass bytes on from now on; what the server has not heard of it is told first."""
        if self._silent or self._outbox:  # whose reply is whose cannot be told any more
            self._fail(f"{reason}: {detail}", now)
        elif (self._judge.has_promised or self._strips) and not self._replies:
            self._going_blind = (reason, detail)
            self._behind.append(self._client.untaken())
            self._enqueue_settlements(_UNKNOWN)
            if self._strips:  # what only the proxy has asked for would reach the client from now on
                self._enqueue(Settlement(_REPORT_NOTHING, optional=True))
            self._send()
        else:
            self._become_blind(reason, detail, now)

    def _become_blind(self, reason: str, detail: str, now: float) -> None:
        self.blind = True
        self._peer.state = "blind"
        if self._mixed and self._client.next_byte == COM_CHANGE_USER:
            self.closing = True  # it may hold a password, and there is nobody left to mediate
            self._client.untaken()
        self.to_server += [data for data in (*self._behind, self._client.untaken()) if data]
        self.to_client += [data for data in (self._server.untaken(),) if data]
        self._replies.clear()
        self._behind.clear()
        self._going_blind = None
        self._client = self._server = Framer(0)
        self._interpreter.forget()
        self._touched = None
        self._emit(WentBlind(self._peer, now, reason, detail))

    def _fail(self, detail: str, now: float) -> None:
        """Close: the client was told something that did not come true."""
        waiting = [exchange for exchange in (*self._replies, *(one for _, one in self._outbox)) if exchange.done]
        message = "hushql: a statement that was answered before its time failed; the connection is closed"
        self._say(err(ER_NET_READ_ERROR, "08S01", message), waiting[0].sequence_id + 1 if waiting else 0)
        self.closing = True
        self._emit(SettlementFailed(self._peer, now, detail))
        self.closed(now)

    # ---- commands ----

    def _look_at_commands(self, now: float) -> None:
        if self._going_blind is not None:
            if not (self._replies or self._outbox):
                self._become_blind(*self._going_blind, now)
            return
        while not (self.blind or self.closing) and self._next_packet(now):
            pass

    def _next_packet(self, now: float) -> bool:
        """Take one packet of the client's, or part of one; False where there is none, or it has to wait."""
        head = self._replies[0] if self._replies else None
        if head is not None and (head.reply.state == UPLOAD or head.reply.shape == AUTHENTICATION):
            return self._pass_on_for(head)
        if self._inside_long:
            return self._pass_on_long(now)
        return self._turn_has_come(now) and self._next_command(now)

    def _turn_has_come(self, now: float) -> bool:
        """Say whether a command's first bytes are there, and it may go on."""
        client = self._client
        if client.next_size < 0 or client.next_byte < 0 < client.next_size:
            return False
        if self._replies:
            head = self._replies[0]
            head.reply.end_if_doubtful()
            if head.reply.state == DONE:
                self._finish(head, now)
        return not self._outbox and self._has_room

    @property
    def _has_room(self) -> bool:
        return not (self._silent and len(self._replies) >= IN_FLIGHT)

    def _next_command(self, now: float) -> bool:
        client = self._client
        if self._mixed and client.next_byte == COM_CHANGE_USER:
            return self._change_user_in_turn(now)
        if client.next_size > JUDGED_LIMIT:
            return self._begin_long(now)
        if not client.holds(JUDGED_LIMIT):
            return False
        client.advance()
        self._command(now, passed=False)
        return True

    def _pass_on_for(self, head: Exchange) -> bool:
        """Pass on what belongs to the command under way: a local file, or an answer to authentication."""
        complete = self._client.advance()
        if data := self._client.passed():
            self.to_server.append(data)
        if complete:
            self._command_begins_at = self._client.consumed
            if head.reply.state == UPLOAD and self._client.size == 0:
                head.reply.uploaded()
        return complete

    def _begin_long(self, now: float) -> bool:
        """Begin to pass on a command that is not judged, behind what it may depend on."""
        self._enqueue_settlements(_UNKNOWN)
        self._send()
        self._inside_long = not self._outbox and self._has_room
        return self._inside_long

    def _pass_on_long(self, now: float) -> bool:
        complete = self._client.advance()
        if data := self._client.passed():
            self.to_server.append(data)
        if complete:
            self._inside_long = False
            self._command(now, passed=True)
        return complete

    def _command(self, now: float, *, passed: bool) -> None:
        """Take a command that has come whole; `passed` says that the server has it already."""
        client = self._client
        payload = client.payload
        size, self._command_begins_at = client.consumed - self._command_begins_at, client.consumed
        if not payload:
            raise Malformed("an empty command")
        command = payload[0]
        if SHAPES[command] == OPAQUE:
            self._go_blind("opaque-command", command_name(command), now)
            return
        if len(self._replies) >= PIPELINE_LIMIT:
            self._go_blind("too-many-commands", f"{PIPELINE_LIMIT} await their replies", now)
            return
        exchange = self._read(command, payload, size, now)
        if exchange.reply.shape == NOTHING:
            self._pass_silently(exchange, now)
        elif passed:
            self._await(exchange)
        elif self._silent == len(self._replies) and (decision := self._judge.consider(exchange, now)) is not None:
            self._decided(exchange, decision, now)
        else:
            self._forward(exchange, now)

    def _read(self, command: int, payload: bytes, size: int, now: float) -> Exchange:
        """Note what a command says."""
        modes = self._session.modes
        asked = self._interpreter.read(payload, self._client.size, modes)
        self._count += 1
        done = StatementDone(
            self._peer,
            self._count,
            command,
            now,
            size,
            text=asked.text,
            truncated=asked.truncated,
            schema=self._schema,
            ansi_quotes=modes & ANSI_QUOTES != 0,
            no_backslash_escapes=modes & NO_BACKSLASH_ESCAPES != 0,
        )
        exchange = Exchange(command, asked.statement, asked.reply)
        exchange.done = self._touched = done
        exchange.is_whole = asked.is_whole
        exchange.sequence_id = self._client.sequence_id
        if command == COM_CHANGE_USER:
            exchange.argument = payload
        return exchange

    def _pass_silently(self, exchange: Exchange, now: float) -> None:
        """Pass on a command that has no reply."""
        assert exchange.done is not None
        self.to_server.append(self._client.passed())
        exchange.done.first = now
        self._emit_done(exchange.done, now)

    def _decided(self, exchange: Exchange, decision: Decision, now: float) -> None:
        """Do what the rules say, or where they only observe, forward and see whether they were right."""
        verdict, done = decision.verdict, exchange.done
        assert done is not None
        done.rule = verdict.rule
        if not verdict.withhold:
            done.action = "observed"
            exchange.decision = decision
            if self._judge.withholds or verdict.action == ACKNOWLEDGE:
                self._forward(exchange, now)
            else:
                self._judge.withhold(exchange, verdict)
                self._outbox.append((self._client.passed(), exchange))
                self._send()
            return
        done.action = _ACTIONS[verdict.action]
        command = self._client.passed()
        if verdict.action == ACKNOWLEDGE:
            self._outbox.append((command, self._acknowledged(exchange, decision)))
            self._send()
        self._judge.withhold(exchange, verdict)
        self.to_client.append(decision.template.say(decision.status, exchange.sequence_id + 1))
        done.first = now
        done.bytes_out = len(self.to_client[-1])
        self._peer.state = "idle" if self._session.is_idle else "idle_in_transaction"
        self._emit_done(done, now)

    def _acknowledged(self, exchange: Exchange, decision: Decision) -> Exchange:
        """Return the exchange whose reply the client has had already."""
        silent = Exchange(exchange.command, exchange.statement, exchange.reply)
        silent.settlement = Settlement(exchange.statement)
        silent.settlement.expected = decision.status
        return silent

    def _forward(self, exchange: Exchange, now: float) -> None:
        """Send a command, behind the settlements that it needs."""
        assert exchange.done is not None
        exchange.done.settled = self._enqueue_settlements(exchange.statement)
        self._outbox.append((self._client.passed(), exchange))
        self._send()

    def _enqueue_settlements(self, statement: Statement) -> tuple[str, ...]:
        """Put what has to go ahead of a statement into the outbox; return the rules whose promises that keeps."""
        rules: tuple[str, ...] = ()
        for settlement in self._judge.settle(statement):
            self._enqueue(settlement)
            rules += settlement.rules
        return rules

    def _enqueue(self, settlement: Settlement) -> None:
        payload = self._command_for(settlement.statement)
        exchange = Exchange(payload[0], settlement.statement, Reply(payload[0], self._login.server_capabilities))
        exchange.settlement = settlement
        self._outbox.append((packets(payload, 0), exchange))

    def _command_for(self, statement: Statement) -> bytes:
        """Return the payload of the command that brings a statement of our own."""
        if statement.text:
            attributes = b"\0\1" if self._login.capabilities & CLIENT_QUERY_ATTRIBUTES else b""
            return bytes([COM_QUERY]) + attributes + statement.text
        return bytes([COM_INIT_DB]) + statement.schema if statement.kind == USE else bytes([COM_PING])

    def _send(self) -> None:
        """Send what waits, as far as there may be so much under way."""
        while self._outbox and self._has_room:
            data, exchange = self._outbox.popleft()
            self.to_server.append(data)
            self._await(exchange)

    def _await(self, exchange: Exchange) -> None:
        if not self._replies:
            exchange.begins_at = self._server.consumed
        self._replies.append(exchange)
        self._silent += exchange.is_silent
        self._peer.state = "busy"

    # ---- replies ----

    def _look_at_replies(self, now: float) -> None:
        server = self._server
        while not (self.blind or self.closing):
            head = self._replies[0] if self._replies else None
            if head is not None:
                if head.done is not None and not head.done.first and server.backlog:
                    head.done.first = now
                if head.reply.in_rows and head.template is None:
                    head.reply.rows += server.skip_rows()
            if not server.holds(REPLY_LIMIT) or not server.advance():
                break
            if head is not None:
                self._take(head, now)
            elif server.payload[:1] != bytes([ERR]):  # ERR: the server says why it is about to close
                self._go_blind("unexpected-reply", "a packet that no command asked for", now)
        if not (self.blind or self.closing):
            self._pass_on_reply()

    def _pass_on_reply(self) -> None:
        """Hand the client what has been consumed, unless it is not for it."""
        data = self._server.passed()
        if data and not (self._replies and self._replies[0].is_silent):
            self.to_client.append(data)

    def _take(self, exchange: Exchange, now: float) -> None:
        reply, payload = exchange.reply, self._server.payload
        self._touched = exchange.done
        if reply.state == UPLOAD and payload[:1] != bytes([ERR]):  # ERR: the connection was killed
            self._go_blind("unexpected-reply", "a packet in the middle of an upload", now)
            return
        before = reply.ok
        reply.take(payload, self._server.size)
        if self._strips and reply.ok is not None and reply.ok is not before:
            payload = self._strip(reply.ok, payload, exchange)
        if exchange.template is not None:
            exchange.template.add(payload, reply.status_at)
        if reply.state == DONE:
            self._finish(exchange, now)
        elif reply.state == SURPRISE:
            self._go_blind("unexpected-reply", f"{command_name(exchange.command)}: {reply.surprise}", now)

    def _strip(self, ok: Ok, payload: bytes, exchange: Exchange) -> bytes:
        """Return an OK without the session state that only the proxy has asked for, and pass it on so.

        EOF packets stay as they are: MariaDB sets the flag in them whether or not a client asked.
        """
        if not ok.status & SERVER_SESSION_STATE_CHANGED:
            return payload
        stripped = ok.without_state(payload)
        if not exchange.is_silent:
            if before := self._server.passed_before():
                self.to_client.append(before)
            self._server.passed()
            self._say(stripped, self._server.sequence_id)
        return stripped

    def _finish(self, exchange: Exchange, now: float) -> None:
        self._pass_on_reply()
        self._replies.popleft()
        if self._replies:
            self._replies[0].begins_at = self._server.consumed
        if exchange.settlement is not None:
            self._silent -= 1
            if problem := self._judge.take_settlement(exchange, exchange.settlement):
                self._fail(problem, now)
                return
        else:
            self._finish_clients(exchange, now)
        self._send()
        if not self._replies:
            self._peer.state = "idle" if self._session.is_idle else "idle_in_transaction"

    def _finish_clients(self, exchange: Exchange, now: float) -> None:
        """Take over what the reply to a client's command said, and tell the sinks."""
        done, reply = exchange.done, exchange.reply
        assert done is not None
        self._judge.take_reply(exchange)
        self._learn(exchange)
        done.bytes_out = self._server.consumed - exchange.begins_at
        done.rows, done.affected, done.warnings = reply.rows, reply.affected_rows, reply.warnings
        done.error = ServerError(reply.error.code, reply.error.sqlstate) if reply.error else None
        done.prediction = exchange.held
        self._emit_done(done, now)
        if exchange.held is False:
            self._refute(exchange, now)

    def _refute(self, exchange: Exchange, now: float) -> None:
        decision, said = exchange.decision, exchange.template
        assert decision is not None
        assert said is not None
        rule = decision.verdict.rule
        predicted = decision.template.described(decision.status)
        self._emit(Refuted(self._peer, now, rule, predicted, said.said, self._engine.refuted(rule)))

    def _learn(self, exchange: Exchange) -> None:
        """Take over what a reply makes true outside of the rules: prepared statements, schema, user."""
        reply = exchange.reply
        if reply.error is not None:
            return
        command = exchange.command
        if command == COM_STMT_PREPARE and exchange.done is not None and reply.ok is None:
            self._interpreter.remember(reply.statement_id, exchange.done.text, exchange.done.truncated)
        elif command in (COM_RESET_CONNECTION, COM_CHANGE_USER):
            self._interpreter.forget()
            if exchange.argument:
                self._learn_user(exchange.argument)
        elif reply.ok is not None:
            self._learn_schema(exchange)

    def _learn_schema(self, exchange: Exchange) -> None:
        """Note the schema for the log, which takes a guess where no server's word can be had."""
        ok, text = exchange.reply.ok, exchange.done.text if exchange.done else None
        if ok is not None and ok.schema is not None:
            self._schema = ok.schema.decode("utf-8", "replace")
        elif exchange.statement.kind == USE:
            self._schema = exchange.statement.schema.decode("utf-8", "replace")
        elif exchange.command == COM_QUERY and text and (use := _USE.fullmatch(text)) is not None:
            self._schema = (use[2] or use[1].replace(b"``", b"`")).decode("utf-8", "replace")

    def _learn_user(self, payload: bytes) -> None:
        change = ChangeUser(payload, self._login.capabilities)
        self._peer.user = change.user.decode("utf-8", "replace")
        self._schema = change.database.decode("utf-8", "replace")
        self._interpreter.change_charset(change.charset)

    def _emit_done(self, done: StatementDone, now: float) -> None:
        done.ended = now
        # After ERR the server has not said; in the client's view a promised BEGIN counts.
        done.in_transaction = True if self._session.begun is not None else self._session.in_transaction
        self._emit(done)

    # ---- COM_CHANGE_USER where the channels differ ----

    def _change_user_in_turn(self, now: float) -> bool:
        """Begin to mediate, once all that came before has been answered and the command is there whole."""
        if self._replies:
            return False
        self._enqueue_settlements(_UNKNOWN)
        self._send()
        if self._replies:
            return False
        if self._client.next_size > PACKET_LIMIT:
            self.dismiss("COM_CHANGE_USER is too large", now)
            return False
        if not self._client.holds(PACKET_LIMIT):
            return False
        held = self._client.rest()
        self._count += 1
        done = StatementDone(self._peer, self._count, COM_CHANGE_USER, now, len(held), schema=self._schema)
        self._change_user = ChangingUser(self.to_client, self.to_server, self._login, done)
        self._peer.state = "busy"
        self._continue_change_user(lambda change: change.begin(held), now)
        return False

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
        asked = self._interpreter.read(bytes([COM_CHANGE_USER]), 1, 0)
        exchange = Exchange(COM_CHANGE_USER, asked.statement, asked.reply)
        exchange.reply.take(change.outcome, len(change.outcome))
        exchange.argument = change.payload
        exchange.begins_at = self._server.consumed
        exchange.done = change.done
        change.done.first = now
        self._replies.append(exchange)
        self._finish(exchange, now)
        self._login = msgspec.structs.replace(self._login, nonce=change.nonce)
        self.closing = change.refused_here  # a server's refusal may leave the connection as it was: MariaDB's does
        from_client, from_server = change.rest()
        self._command_begins_at = self._client.consumed
        if from_client:
            self.from_client(from_client, now)
        if from_server:
            self.from_server(from_server, now)
