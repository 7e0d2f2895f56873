"""Listening and dialling, limits, readiness and draining: one Relay for each client."""

import asyncio
import contextlib
import errno
import os
import random
import resource
import signal
import socket
import ssl
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any, Final

from proxy.authentication import LOCAL, PLAIN
from proxy.config import Address, ConfigError, Settings
from proxy.conversation import Conversation
from proxy.core import Core
from proxy.events import ConnectionClosed, Peer, ServerError
from proxy.events import Login as LoginEvent
from proxy.login import LoggedIn, Login, Terms, refusal
from proxy.metrics import Metrics
from proxy.relay import Relay
from proxy.sinks import Sinks
from proxy.statement_log import StatementLog
from proxy.tls import Tls
from proxy.version import COMPILED, VERSION
from proxy.wire.constants import ER_CON_COUNT_ERROR
from proxy.wire.fields import Malformed
from proxy.wire.handshake import Greeting
from proxy.wire.packet import Framer
from proxy.wire.replies import ERR, Err
from rules.catalogue import RULES
from rules.engine import Engine
from rules.verdict import MODES, OFF

BACKLOG: Final = 1024
LAST_WORDS: Final = 2.0
"""Seconds that sinks and closed connections have for what is still to be written when the process ends."""
READY_FOR: Final = 30.0
"""Seconds for which an answer of the server is taken as a sign of life. Asking means to connect and to leave, which
servers count against max_connect_errors, so it is not done oftener than that, nor where clients log in anyway."""


class _Client:
    """What the server module keeps of one relay."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.deadline: asyncio.TimerHandle | None = None  # of the login

    def forget_deadline(self) -> None:
        """Let go of the timer: until it rings it would keep the whole relay in memory."""
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None


class Server:
    """The proxy of one process."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; raises ConfigError where a file they name cannot be used."""
        self._settings = settings
        self._client_context = _client_context(settings)
        self._upstream_context = upstream_context(settings)
        self._engine = engine_for(settings)
        self._terms = Terms(
            client_channel=LOCAL if settings.listen.path else PLAIN,
            server_channel=LOCAL if settings.upstream.path else PLAIN,
            client_tls=settings.tls_client,
            upstream_tls="required" if settings.upstream_tls.startswith("verify") else settings.upstream_tls,
            track=self._engine.observes,
        )
        self.metrics = Metrics(version=VERSION, compiled=COMPILED, digests=settings.digests)
        self._log = _statement_log(settings)
        self._sinks: Sinks | None = None
        self._relays: dict[Relay, _Client] = {}
        self._dialling: set[asyncio.Task[None]] = set()
        self._count = 0
        self._draining = False
        self._stopped: asyncio.Future[float]
        self._hurried = False
        self._answered_at = -READY_FOR

    # ---- the life of the process ----

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain. Raises ConfigError where an address cannot be had."""
        _raise_file_limit(self._settings.max_connections)
        loop = asyncio.get_running_loop()
        self._stopped = loop.create_future()
        self._sinks = Sinks(self.metrics, self._log, loop.call_soon, self._settings.reporting)
        loop.set_exception_handler(self._internal_error)
        listener = await self._listen(loop)
        admin = await self._start_admin()
        loop.add_signal_handler(signal.SIGTERM, self._stop, self._settings.drain_grace)
        loop.add_signal_handler(signal.SIGINT, self._stop, 0.0)
        if self._log is not None:
            loop.add_signal_handler(signal.SIGHUP, self._log.reopen)
        print(self._ready_line(listener, admin), file=sys.stderr, flush=True)  # noqa: T201 - what a person waits for
        grace = await self._stopped
        await self._drain(listener, grace)
        if admin is not None:
            await admin.cleanup()
        _remove_stale_socket(self._settings.listen.path)
        self._sinks.close(LAST_WORDS)

    def _stop(self, grace: float) -> None:
        if self._draining:  # asked twice: at once
            self._hurried = True
        else:
            self._draining = True
            self._stopped.set_result(grace)

    async def _drain(self, listener: asyncio.Server, grace: float) -> None:
        """Go on for the grace time, then close each connection as soon as it is between transactions."""
        deadline = monotonic() + self._settings.drain_timeout
        await self._wait(monotonic() + grace, lambda: False)
        listener.close()
        for relay in list(self._relays):
            relay.drain()
        await self._wait(deadline, self._all_done)
        for relay in list(self._relays):
            relay.dismiss("the proxy was stopped in the middle of a transaction")
        self._hurried = False
        await self._wait(monotonic() + LAST_WORDS, self._all_done)

    def _all_done(self) -> bool:
        return all(relay.done for relay in self._relays)

    async def _wait(self, deadline: float, over: Callable[[], bool]) -> None:
        """Wait for the deadline, for `over`, or for somebody who cannot wait."""
        while not (self._hurried or monotonic() >= deadline or over()):  # noqa: ASYNC110 - happens once in a process
            await asyncio.sleep(0.02)

    def _internal_error(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        assert self._sinks is not None
        self._sinks.internal_error(error if isinstance(error, Exception) else RuntimeError(context["message"]))

    def _ready_line(self, listener: asyncio.Server, admin: Any) -> str:
        listening = self._settings.listen
        if not listening.path:
            host, port = listener.sockets[0].getsockname()[:2]
            listening = Address(host=host, port=port)
        where = "off"
        if admin is not None:
            host, port = admin.addresses[0][:2]
            where = f"on http://{Address(host=host, port=port)}"
        return f"hushql: listening on {listening}; admin {where}; upstream {self._settings.upstream}"

    # ---- addresses ----

    async def _listen(self, loop: asyncio.AbstractEventLoop) -> asyncio.Server:
        address = self._settings.listen
        try:
            _remove_stale_socket(address.path)
            if address.path:
                return await loop.create_unix_server(self._accept, address.path, backlog=BACKLOG)
            return await loop.create_server(self._accept, address.host, address.port, backlog=BACKLOG)
        except OSError as error:
            raise ConfigError(f"--listen {address}: {_reason(error)}") from None

    async def _start_admin(self) -> Any:
        address = self._settings.admin
        if address is None:
            return None
        from proxy import admin  # noqa: PLC0415 - aiohttp is a large part of the process: only where it is used

        try:
            return await admin.start(address.host, address.port, self.metrics, self.not_ready)
        except OSError as error:
            raise ConfigError(f"--admin {address}: {_reason(error)}") from None

    # ---- clients ----

    def _accept(self) -> asyncio.BaseProtocol:
        """Make the client's side of a new relay."""
        self._count += 1
        client = _Client(Peer(id=self._count, client="", opened=monotonic()))
        login = Login(client.peer, self._terms, self._put, lambda logged_in: self._let_in(client, logged_in))
        relay = Relay(
            login,
            clock=monotonic,
            client_tls=self._client_tls,
            server_tls=self._server_tls,
            on_connected=self._connected,
            on_closed=self._closed,
        )
        self._relays[relay] = client
        return relay.client

    def _connected(self, relay: Relay) -> None:
        client = self._relays[relay]
        assert relay.client.transport is not None
        client.peer.client = _peer_name(relay.client.transport.get_extra_info("peername"))
        self.metrics.connection_opened(client.peer)
        if len(self._relays) > self._settings.max_connections:
            self._turn_away(relay, client.peer)
            return
        task = asyncio.get_running_loop().create_task(self._dial(relay, client))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)

    def _turn_away(self, relay: Relay, peer: Peer) -> None:
        message = "hushql: too many connections (--max-connections)"
        relay.core.to_client.append(refusal(ER_CON_COUNT_ERROR, "08004", message))
        relay.core.closing = True
        relay.flush()
        error = ServerError(ER_CON_COUNT_ERROR, "08004")
        self._put(LoginEvent(peer, monotonic(), "too-many-connections", error))

    async def _dial(self, relay: Relay, client: _Client) -> None:
        loop = asyncio.get_running_loop()
        upstream = self._settings.upstream
        greeted_by = loop.time() + self._settings.connect_timeout
        try:
            async with asyncio.timeout_at(greeted_by):
                if upstream.path:
                    await loop.create_unix_connection(lambda: relay.server, upstream.path)
                else:
                    await loop.create_connection(lambda: relay.server, upstream.host, upstream.port)
        except TimeoutError:
            relay.unreachable(f"hushql: no connection to {upstream} within {self._settings.connect_timeout:g} s")
        except OSError as error:
            relay.unreachable(f"hushql: cannot connect to {upstream}: {_reason(error)}")
        else:
            if relay in self._relays:
                client.deadline = loop.call_at(greeted_by, self._greeting_is_due, relay, client)

    def _greeting_is_due(self, relay: Relay, client: _Client) -> None:
        client.forget_deadline()
        if isinstance(relay.core, Login) and not relay.core.greeted:
            self._time_out(relay)
        else:
            loop = asyncio.get_running_loop()
            client.deadline = loop.call_later(self._settings.login_timeout, self._time_out, relay)

    def _time_out(self, relay: Relay) -> None:
        if isinstance(relay.core, Login):
            relay.core.timed_out(monotonic())
            relay.flush()

    def _let_in(self, client: _Client, logged_in: LoggedIn) -> Core:
        client.forget_deadline()
        self._answered_at = monotonic()
        return Conversation(client.peer, logged_in, self._put, self._engine)

    def _closed(self, relay: Relay) -> None:
        client = self._relays.pop(relay, None)
        if client is not None:
            client.forget_deadline()
            self._put(ConnectionClosed(client.peer, monotonic()))

    def _client_tls(self) -> Tls:
        assert self._client_context is not None
        return Tls(self._client_context)

    def _server_tls(self) -> Tls:
        assert self._upstream_context is not None
        return Tls(self._upstream_context, self._settings.upstream_server_name or self._settings.upstream.host)

    @property
    def _put(self) -> Callable[[Any], None]:
        assert self._sinks is not None
        return self._sinks.put

    # ---- readiness ----

    async def not_ready(self) -> str | None:
        """Return why clients should not be sent here, None where they should."""
        if self._draining:
            return "draining"
        if monotonic() - self._answered_at < READY_FOR:
            return None
        problem = await self._ask_for_greeting()
        if problem is None:
            self._answered_at = monotonic()
        return problem

    async def _ask_for_greeting(self) -> str | None:
        upstream = self._settings.upstream
        writer = None
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                if upstream.path:
                    reader, writer = await asyncio.open_unix_connection(upstream.path)
                else:
                    reader, writer = await asyncio.open_connection(upstream.host, upstream.port)
                return _problem_in_greeting(await reader.read(4096))
        except TimeoutError:
            return f"no answer from {upstream} within {self._settings.connect_timeout:g} s"
        except OSError as error:
            return f"cannot connect to {upstream}: {_reason(error)}"
        finally:
            if writer is not None:
                writer.close()


def _problem_in_greeting(data: bytes) -> str | None:
    framer = Framer(4096)
    framer.feed(data)
    if not framer.advance() or not framer.payload:
        return "the server closed the connection without a greeting"
    try:
        if framer.payload[0] == ERR:
            return f"the server refuses connections (error {Err(framer.payload).code})"
        Greeting(framer.payload)
    except Malformed:
        return "what answers is no MySQL server"
    return None


def _peer_name(peername: Any) -> str:
    return str(Address(host=peername[0], port=peername[1])) if isinstance(peername, tuple) else "unix"


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "the host name cannot be resolved"
    if error.errno is not None and error.errno in errno.errorcode:
        return os.strerror(error.errno)
    return error.strerror or str(error)


def _remove_stale_socket(path: str) -> None:
    """Remove a socket that nobody listens on any more; any other file stays and is reported by bind."""
    if not path:
        return
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(Path(path).stat().st_mode):
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(path) == errno.ECONNREFUSED:
                    Path(path).unlink()


def _raise_file_limit(max_connections: int) -> None:
    """Make room for two sockets a connection; the usual soft limit of 1,024 files is for programs that use select."""
    wanted = 2 * max_connections + 100
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise ConfigError(f"--max-connections {max_connections} needs {wanted} open files, and the limit is {hard}")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def engine_for(settings: Settings) -> Engine:
    """Return the engine with each rule in the mode that the settings say."""
    usual = MODES[settings.mode]
    modes = {rule.name: usual if rule.on_by_default else OFF for rule in RULES}
    modes |= {name: MODES[mode] for name, mode in settings.rule.items()}
    return Engine(
        modes,
        sample=settings.sample,
        max_silence=settings.max_silence,
        trusted=settings.trust_server,
        chance=random.random,
    )


def _statement_log(settings: Settings) -> StatementLog | None:
    if settings.log is None:
        return None
    try:
        return StatementLog(settings.log, literals=settings.log_literals, slow=settings.slow)
    except OSError as error:
        raise ConfigError(f"--log {settings.log}: {_reason(error)}") from None


def _client_context(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls_client == "off" or settings.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password="")
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"--tls-cert {settings.tls_cert}: no certificate with its key ({error.strerror})") from None
    return context


def upstream_context(settings: Settings) -> ssl.SSLContext | None:
    """Return what a TLS connection to the server is made with, None where there is to be none; raises ConfigError."""
    if settings.upstream_tls == "disabled" or settings.upstream.path:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = settings.upstream_tls == "verify-identity"
    if not settings.upstream_tls.startswith("verify"):
        context.verify_mode = ssl.CERT_NONE
    try:
        if settings.upstream_ca is not None:
            context.load_verify_locations(settings.upstream_ca)
        elif context.verify_mode != ssl.CERT_NONE:
            context.load_default_certs()
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"--upstream-ca {settings.upstream_ca}: no certificates ({error.strerror})") from None
    if settings.upstream_cert is not None:
        try:
            context.load_cert_chain(settings.upstream_cert, password="")
        except (OSError, ssl.SSLError) as error:
            problem = f"no certificate with its key ({error.strerror})"
            raise ConfigError(f"--upstream-cert {settings.upstream_cert}: {problem}") from None
    return context
