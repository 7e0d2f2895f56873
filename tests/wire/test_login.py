"""The connection phase, packet by packet: what passes, what is changed, and what is mediated."""

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from proxy.authentication import LOCAL, PLAIN, TLS
from proxy.login import PACKET_LIMIT, Terms
from proxy.wire.constants import (
    CLIENT_COMPRESS,
    CLIENT_CONNECT_WITH_DB,
    CLIENT_LONG_PASSWORD,
    CLIENT_PLUGIN_AUTH,
    CLIENT_PROTOCOL_41,
    CLIENT_SECURE_CONNECTION,
    CLIENT_SSL,
    CLIENT_ZSTD_COMPRESSION_ALGORITHM,
    COM_CHANGE_USER,
    COM_PING,
    COM_QUERY,
    ER_ACCESS_DENIED_ERROR,
    ER_HANDSHAKE_ERROR,
    ER_NOT_SUPPORTED_AUTH_MODE,
    ER_SECURE_TRANSPORT_REQUIRED,
    MARIADB_CLIENT_COM_MULTI,
    MARIADB_CLIENT_PROGRESS,
    UNDERSTOOD,
)
from proxy.wire.handshake import Greeting, HandshakeResponse
from proxy.wire.packet import Framer, packets
from proxy.wire.replies import Err
from tests.wire.conversations import NOW, Table

NONCE = b"12345678abcdefghijkl"
NEW_NONCE = b"ABCDEFGHIJKLMNOPQRST"
PASSWORD = b"open sesame\0"
OK = b"\0\0\0\2\0\0\0"
OFFERED = (1 << 32) - 1
ASKED = (
    CLIENT_PROTOCOL_41 | CLIENT_SECURE_CONNECTION | CLIENT_PLUGIN_AUTH | CLIENT_CONNECT_WITH_DB | CLIENT_LONG_PASSWORD
)
OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)


def greeting(capabilities: int = OFFERED, plugin: bytes = b"caching_sha2_password") -> bytes:
    return (
        b"\x0a9.9.9\0"
        + (77).to_bytes(4, "little")
        + NONCE[:8]
        + b"\0"
        + (capabilities & 0xFFFF).to_bytes(2, "little")
        + b"\x2d\2\0"
        + (capabilities >> 16 & 0xFFFF).to_bytes(2, "little")
        + b"\x15"
        + bytes(6)
        + (capabilities >> 32).to_bytes(4, "little")
        + NONCE[8:]
        + b"\0"
        + plugin
        + b"\0"
    )


def fixed_part(capabilities: int = ASKED) -> bytes:
    flags = (capabilities & 0xFFFFFFFF).to_bytes(4, "little")
    return flags + b"\0\0\0\1\x2d" + bytes(19) + (capabilities >> 32).to_bytes(4, "little")


def response(auth: bytes = b"x" * 32, plugin: bytes = b"caching_sha2_password", capabilities: int = ASKED) -> bytes:
    return fixed_part(capabilities) + b"ann\0" + bytes([len(auth)]) + auth + b"shop\0" + plugin + b"\0"


def veiled(password: bytes, nonce: bytes) -> bytes:
    return bytes(byte ^ nonce[i % len(nonce)] for i, byte in enumerate(password))


class Meeting(Table):
    """A login that is played packet by packet from both ends."""

    def __init__(self, terms: Terms | None = None) -> None:
        super().__init__(terms)
        self._heard = {"client": Framer(1 << 20), "server": Framer(1 << 20)}

    def client(self, payload: bytes, sequence_id: int) -> None:
        self.feed("client", packets(payload, sequence_id))

    def server(self, payload: bytes, sequence_id: int) -> None:
        self.feed("server", packets(payload, sequence_id))

    def hears(self, side: str) -> list[tuple[int, bytes]]:
        """Return what one end was sent since the last call: sequence ids and payloads."""
        framer = self._heard[side]
        if side == "client":
            data, self.to_client = self.to_client, b""
        else:
            data, self.to_server = self.to_server, b""
        framer.feed(data)
        found = []
        while framer.advance():
            found.append((framer.sequence_id, framer.payload))
        assert framer.between_packets
        return found

    def start_server_tls(self) -> None:
        assert self.core.server_tls
        self.core.server_tls_started(NOW)
        self.take()

    def error(self) -> Err:
        (_, payload) = self.hears("client")[-1]
        assert payload[0] == 0xFF
        return Err(payload)


def test_capabilities_not_understood_are_not_offered() -> None:
    table = Meeting()
    extended = MARIADB_CLIENT_PROGRESS | MARIADB_CLIENT_COM_MULTI | 1 << 60
    table.server(greeting(OFFERED & ~CLIENT_LONG_PASSWORD | extended), 0)
    [(sequence_id, payload)] = table.hears("client")
    seen = Greeting(payload)
    assert sequence_id == 0
    assert seen.capabilities & ~UNDERSTOOD == 0
    assert not seen.capabilities & (CLIENT_COMPRESS | CLIENT_ZSTD_COMPRESSION_ALGORITHM | CLIENT_SSL)
    assert seen.capabilities & MARIADB_CLIENT_PROGRESS
    assert (seen.nonce, seen.plugin, seen.server_version) == (NONCE, b"caching_sha2_password", b"9.9.9")
    assert payload[:14] == greeting()[:14]


def test_capabilities_not_offered_are_not_passed_on() -> None:
    table = Meeting()
    table.server(greeting(), 0)
    table.client(response(capabilities=ASKED | CLIENT_COMPRESS), 1)
    [(_, payload)] = table.hears("server")
    assert HandshakeResponse(payload).capabilities == ASKED
    assert payload[4:] == response()[4:]


@pytest.mark.parametrize(("mode", "offered"), [("off", False), ("optional", True), ("required", True)])
def test_tls_is_offered_to_clients_by_the_settings_alone(mode: str, offered: bool) -> None:
    for by_server in (0, CLIENT_SSL):
        table = Meeting(Terms(client_tls=mode))
        table.server(greeting(OFFERED & ~CLIENT_SSL | by_server), 0)
        assert bool(Greeting(table.hears("client")[0][1]).capabilities & CLIENT_SSL) is offered


def test_login_on_two_plain_sides() -> None:
    table = Meeting()
    table.server(greeting(), 0)
    table.client(response(), 1)
    table.server(b"\1\3", 2)
    table.server(OK, 3)
    assert table.hears("server") == [(1, response())]
    assert table.hears("client")[1:] == [(2, b"\1\3"), (3, OK)]
    assert [login.failure for login in table.logins] == [""]
    assert table.peer.user == "ann"
    assert table.peer.state == "idle"


def test_tls_bytes_that_come_with_the_request_are_handed_over() -> None:
    table = Meeting(Terms(client_tls="optional"))
    table.server(greeting(), 0)
    table.feed("client", packets(fixed_part(ASKED | CLIENT_SSL), 1) + b"\x16\x03\x01hello")
    assert table.core.client_tls == b"\x16\x03\x01hello"
    table.core.client_tls = None
    table.client(response(capabilities=ASKED | CLIENT_SSL), 2)
    assert table.hears("server") == [(1, response())], "the server's side is plain: one packet less, no CLIENT_SSL"
    table.server(OK, 2)
    assert table.hears("client")[-1] == (3, OK)


def test_tls_is_asked_for_once() -> None:
    table = Meeting(Terms(client_tls="optional"))
    table.server(greeting(), 0)
    table.client(fixed_part(ASKED | CLIENT_SSL), 1)
    table.core.client_tls = None
    table.client(fixed_part(ASKED | CLIENT_SSL), 2)
    assert table.error().code == ER_HANDSHAKE_ERROR


def test_the_server_is_asked_for_tls() -> None:
    table = Meeting(Terms(upstream_tls="preferred"))
    table.server(greeting(), 0)
    table.client(response(), 1)
    assert table.hears("server") == [(1, fixed_part(ASKED | CLIENT_SSL))]
    table.start_server_tls()
    [(sequence_id, payload)] = table.hears("server")
    assert sequence_id == 2
    assert HandshakeResponse(payload).capabilities == ASKED | CLIENT_SSL
    table.server(OK, 3)
    assert table.hears("client")[-1] == (2, OK)


def test_what_came_in_plain_is_not_taken_for_tls() -> None:
    """Bytes behind the greeting, by somebody on the way, would stand before the server's first word under TLS."""
    for injected in (b"\7", packets(OK, 2)[:6]):
        table = Meeting(Terms(upstream_tls="required"))
        table.feed("server", packets(greeting(), 0) + injected)
        table.client(response(), 1)
        assert table.error().code == ER_HANDSHAKE_ERROR
        assert table.hears("server") == []


def test_a_login_that_has_ended_says_no_more() -> None:
    table = Meeting()
    table.server(b"\xff\x10\x04Too many connections", 0)
    assert len(table.hears("client")) == 1
    table.core.timed_out(NOW)  # type: ignore[attr-defined] # Login's
    table.take()
    assert table.hears("client") == []


def test_a_server_without_tls() -> None:
    for mode, failure in (("preferred", ""), ("required", "upstream-tls")):
        table = Meeting(Terms(upstream_tls=mode))
        table.server(greeting(OFFERED & ~CLIENT_SSL), 0)
        table.client(response(), 1)
        if not failure:
            table.server(OK, 2)
        assert [login.failure for login in table.logins] == [failure]
        assert table.core.closing is bool(failure)


def test_a_client_without_tls_is_refused_where_it_is_required() -> None:
    table = Meeting(Terms(client_tls="required"))
    table.server(greeting(), 0)
    table.client(response(), 1)
    assert table.error().code == ER_SECURE_TRANSPORT_REQUIRED
    assert table.hears("server") == []
    assert table.logins[0].failure == "client-tls"


# ---- passwords ----


def mixed(plugin: bytes, first: bytes, *, client_secure: bool) -> Meeting:
    """Meet with one side in TLS and the other plain."""
    channels = (TLS, PLAIN) if client_secure else (PLAIN, TLS)
    return met(plugin, first, *channels)


def met(plugin: bytes, first: bytes, client_channel: int, server_channel: int) -> Meeting:
    """Meet, and bring the client's first answer to the server."""
    table = Meeting(Terms(client_channel=client_channel, server_channel=server_channel))
    table.server(greeting(plugin=plugin), 0)
    table.hears("client")
    table.client(response(first, plugin), 1)
    return table


def test_a_unix_socket_is_secure_for_one_plugin_and_not_for_the_other() -> None:
    """Between a Unix socket and TLS a password needs care only with sha256_password, and only where one asks for it."""
    for client_channel, server_channel in ((LOCAL, TLS), (TLS, LOCAL)):
        table = met(b"caching_sha2_password", b"x" * 32, client_channel, server_channel)
        table.hears("server")
        table.server(b"\1\4", 2)
        table.client(PASSWORD, 3)
        assert table.hears("server") == [(3, PASSWORD)]
    table = met(b"sha256_password", PASSWORD, LOCAL, TLS)
    assert table.hears("server") == [(1, response(PASSWORD, b"sha256_password"))]
    table = met(b"sha256_password", b"\1", LOCAL, TLS)
    assert table.hears("server") == []
    table = met(b"sha256_password", PASSWORD, TLS, LOCAL)
    assert table.hears("server") == [(1, response(b"\1", b"sha256_password"))]
    table = met(b"sha256_password", PASSWORD, LOCAL, PLAIN)
    assert table.hears("server") == [(1, response(b"\1", b"sha256_password"))], "not in plain over a network"
    table = met(b"mysql_clear_password", PASSWORD, LOCAL, PLAIN)
    assert table.hears("server") == []


def test_a_password_encrypted_for_the_servers_key_passes() -> None:
    for cipher in (b"z" * 256, b"z" * 255 + b"\0"):
        table = mixed(b"caching_sha2_password", b"x" * 32, client_secure=True)
        table.hears("server")
        table.server(b"\1\4", 2)
        table.client(b"\2", 3)
        table.server(b"\1key", 4)
        table.client(cipher, 5)
        assert table.hears("server") == [(3, b"\2"), (5, cipher)]


def test_sha2_from_a_plain_client_to_a_secure_server() -> None:
    table = mixed(b"caching_sha2_password", b"x" * 32, client_secure=False)
    assert table.hears("server") == [(1, response())]
    table.server(b"\1\4", 2)
    assert table.hears("client") == [(2, b"\1\4")]
    table.client(b"\2", 3)
    assert table.hears("server") == [], "the server, on a secure channel, would take the request for a password"
    [(sequence_id, payload)] = table.hears("client")
    assert (sequence_id, payload[:1]) == (4, b"\1")
    key = serialization.load_pem_public_key(payload[1:])
    assert isinstance(key, rsa.RSAPublicKey)
    table.client(key.encrypt(veiled(PASSWORD, NONCE), OAEP), 5)
    assert table.hears("server") == [(3, PASSWORD)]
    table.server(OK, 4)
    assert table.hears("client") == [(6, OK)]
    assert [login.failure for login in table.logins] == [""]


def test_sha2_from_a_secure_client_to_a_plain_server() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    table = mixed(b"caching_sha2_password", b"x" * 32, client_secure=True)
    table.hears("server")
    table.server(b"\xfecaching_sha2_password\0" + NEW_NONCE + b"\0", 2)
    table.client(b"y" * 32, 3)
    table.server(b"\1\4", 4)
    table.client(PASSWORD, 5)
    assert table.hears("server") == [(3, b"y" * 32), (5, b"\2")], "the password must not pass in plain"
    table.hears("client")
    table.server(b"\1" + pem, 6)
    assert table.hears("client") == [], "the client did not ask for a key"
    [(sequence_id, cipher)] = table.hears("server")
    assert sequence_id == 7
    assert veiled(key.decrypt(cipher, OAEP), NEW_NONCE) == PASSWORD
    table.server(OK, 8)
    assert table.hears("client") == [(6, OK)]


def test_sha256_from_a_plain_client_to_a_secure_server() -> None:
    """The request for the key is in the handshake response itself, which then has to wait."""
    table = mixed(b"sha256_password", b"\1", client_secure=False)
    assert table.hears("server") == []
    [(_, payload)] = table.hears("client")
    key = serialization.load_pem_public_key(payload[1:])
    assert isinstance(key, rsa.RSAPublicKey)
    table.client(key.encrypt(veiled(PASSWORD, NONCE), OAEP), 3)
    assert table.hears("server") == [(1, response(PASSWORD, b"sha256_password"))]


def test_sha256_from_a_secure_client_to_a_plain_server() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    table = mixed(b"sha256_password", PASSWORD, client_secure=True)
    assert table.hears("server") == [(1, response(b"\1", b"sha256_password"))]
    table.server(b"\1" + pem, 2)
    [(_, cipher)] = table.hears("server")
    assert veiled(key.decrypt(cipher, OAEP), NONCE) == PASSWORD


@pytest.mark.parametrize("plugin", [b"caching_sha2_password", b"sha256_password"])
@pytest.mark.parametrize("client_secure", [False, True])
def test_no_password_needs_no_key(plugin: bytes, client_secure: bool) -> None:
    empty = b"" if plugin.startswith(b"caching") else b"\0"
    table = mixed(plugin, empty, client_secure=client_secure)
    assert table.hears("server") == [(1, response(empty, plugin))]


@pytest.mark.parametrize("plugin", [b"mysql_clear_password", b"dialog"])
def test_a_clear_password_does_not_leave_a_secure_channel(plugin: bytes) -> None:
    table = mixed(plugin, PASSWORD, client_secure=True)
    assert table.hears("server") == []
    assert table.error().code == ER_ACCESS_DENIED_ERROR
    assert table.core.closing

    table = mixed(b"mysql_native_password", b"x" * 20, client_secure=True)
    table.hears("server")
    table.server(b"\xfe" + plugin + b"\0\0", 2)
    table.client(PASSWORD, 3)
    assert table.hears("server") == []
    assert table.error().code == ER_ACCESS_DENIED_ERROR


def test_a_clear_password_between_equal_sides_passes() -> None:
    table = mixed(b"mysql_clear_password", PASSWORD, client_secure=False)
    assert table.hears("server") == [(1, response(PASSWORD, b"mysql_clear_password"))]


def test_a_password_that_was_sent_in_plain_is_passed_on_where_the_server_is_secure() -> None:
    """libmariadb 3.3 does so where it was told to use TLS and none was offered; a server without TLS refuses it."""
    table = mixed(b"caching_sha2_password", b"x" * 32, client_secure=False)
    table.hears("server")
    table.server(b"\1\4", 2)
    table.client(PASSWORD, 3)
    assert table.hears("server") == [(3, PASSWORD)]


@pytest.mark.parametrize("cipher", [b"z" * 256, b"z" * 255 + b"\0", b"short", b"\3"])
def test_a_password_for_another_key_is_refused(cipher: bytes) -> None:
    table = mixed(b"caching_sha2_password", b"x" * 32, client_secure=False)
    table.hears("server")
    table.server(b"\1\4", 2)
    table.client(cipher, 3)
    assert table.hears("server") == []
    assert table.error().code == ER_ACCESS_DENIED_ERROR
    assert table.logins[0].failure == "refused"


def test_an_unreadable_cipher_is_refused() -> None:
    table = mixed(b"caching_sha2_password", b"x" * 32, client_secure=False)
    table.hears("server")
    table.server(b"\1\4", 2)
    table.client(b"\2", 3)
    table.client(b"z" * 256, 5)
    assert table.hears("server") == []
    assert table.error().code == ER_ACCESS_DENIED_ERROR


def test_a_key_of_the_server_that_is_none_is_refused() -> None:
    table = mixed(b"sha256_password", PASSWORD, client_secure=True)
    table.hears("server")
    table.server(b"\1not a key", 2)
    assert table.hears("server") == []
    assert table.error().code == ER_ACCESS_DENIED_ERROR


def test_further_factors_pass() -> None:
    table = Meeting()
    table.server(greeting(), 0)
    table.client(response(), 1)
    table.server(b"\1\3", 2)
    table.server(b"\2authentication_webauthn_client\0challenge", 3)
    table.client(b"signed", 4)
    table.server(b"\2mysql_clear_password\0", 5)
    table.client(PASSWORD, 6)
    table.server(OK, 7)
    assert table.hears("server") == [(1, response()), (4, b"signed"), (6, PASSWORD)]
    assert [login.failure for login in table.logins] == [""]


def test_questions_and_answers_pass() -> None:
    """The `dialog` plugin of MariaDB's pam: as many rounds as the server likes."""
    table = Meeting()
    table.server(greeting(), 0)
    table.client(response(), 1)
    table.server(b"\xfedialog\0\4Password: ", 2)
    table.client(b"one\0", 3)
    table.server(b"\1\4Code: ", 4)
    table.client(b"two\0", 5)
    table.server(OK, 6)
    assert [payload for _, payload in table.hears("server")] == [response(), b"one\0", b"two\0"]
    assert [login.failure for login in table.logins] == [""]


# ---- what goes wrong ----


def test_the_servers_refusals_pass() -> None:
    for after in (0, 1):
        table = Meeting()
        refusal = b"\xff\x10\x04Too many connections"
        if after:
            table.server(greeting(), 0)
            table.client(response(), 1)
        table.server(refusal, 2 * after)
        assert table.hears("client")[-1] == (2 * after, refusal)
        assert (table.logins[0].failure, table.logins[0].error and table.logins[0].error.code) == ("refused", 1040)
        assert table.core.closing


def test_a_lost_server_is_told_in_each_phase() -> None:
    table = Meeting()
    table.core.server_lost("cannot connect", NOW)
    table.take()
    error = table.error()
    assert (error.code, error.sqlstate, error.message) == (1158, "", b"cannot connect")
    table = Meeting()
    table.server(greeting(), 0)
    table.client(response(), 1)
    table.core.server_lost("gone", NOW)
    table.take()
    error = table.error()
    assert (error.code, error.sqlstate) == (1158, "08S01")
    table = Meeting(Terms(upstream_tls="required"))
    table.server(greeting(), 0)
    table.client(response(), 1)
    table.core.server_tls_failed("bad certificate", NOW)
    table.take()
    assert table.error().code == ER_HANDSHAKE_ERROR
    assert table.logins[0].failure == "upstream-tls"


@pytest.mark.parametrize("honest", [0, 1, 2])
def test_timeouts(honest: int) -> None:
    table = Meeting()
    if honest > 0:
        table.server(greeting(), 0)
    if honest > 1:
        table.client(response(), 1)
    table.core.timed_out(NOW)  # type: ignore[attr-defined] # Login's
    table.take()
    error = table.error()
    assert error.code == 1159
    assert table.logins[0].failure == ("timeout" if honest else "upstream-unreachable")


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"\x05\xa4\0\0\0ann\0pass\0", ER_NOT_SUPPORTED_AUTH_MODE),
        (b"\xff\xff", ER_HANDSHAKE_ERROR),
        (response()[:40], ER_HANDSHAKE_ERROR),
        (fixed_part(ASKED | CLIENT_SSL), ER_HANDSHAKE_ERROR),
        (bytes(PACKET_LIMIT + 1), ER_NOT_SUPPORTED_AUTH_MODE),
    ],
)
def test_bad_answers(payload: bytes, code: int) -> None:
    table = Meeting()
    table.server(greeting(), 0)
    table.client(payload, 1)
    assert table.error().code in (code, ER_HANDSHAKE_ERROR)
    assert table.hears("server") == []
    assert table.logins[0].failure == "protocol"


def test_what_a_client_says_too_early_waits_for_its_turn() -> None:
    table = Meeting()
    table.feed("client", packets(response(), 1) + packets(bytes([COM_PING]), 0))
    assert table.hears("server") == []
    table.server(greeting(), 0)
    assert table.hears("server") == [(1, response())]
    table.server(b"\1\3", 2)
    assert table.hears("server") == []
    table.server(OK, 3)
    assert table.hears("server") == [(0, bytes([COM_PING]))]
    table.server(OK, 1)
    assert [statement.command for statement in table.statements] == [COM_PING]


# ---- COM_CHANGE_USER on a connection that is secure on one side ----


def change_user(plugin: bytes, auth: bytes) -> bytes:
    return bytes([COM_CHANGE_USER]) + b"bob\0" + bytes([len(auth)]) + auth + b"attic\0\x2d\0" + plugin + b"\0"


def logged_in(*, client_secure: bool) -> Meeting:
    table = mixed(b"caching_sha2_password", b"x" * 32, client_secure=client_secure)
    table.server(b"\1\3", 2)
    table.server(OK, 3)
    table.hears("server")
    table.hears("client")
    return table


@pytest.mark.parametrize("cut", range(60))
def test_changing_the_user_is_mediated(cut: int) -> None:
    table = logged_in(client_secure=False)
    said = packets(bytes([COM_QUERY]) + b"DO 1", 0) + packets(change_user(b"sha256_password", b"\1"), 0)
    table.feed("client", said[:cut])
    table.feed("client", said[cut:])
    assert table.hears("server") == [(0, bytes([COM_QUERY]) + b"DO 1")]
    table.server(OK, 1)
    [_, (sequence_id, payload)] = table.hears("client")
    assert sequence_id == 1
    key = serialization.load_pem_public_key(payload[1:])
    assert isinstance(key, rsa.RSAPublicKey)
    cipher = packets(key.encrypt(veiled(PASSWORD, NONCE), OAEP), 2)
    table.feed("client", cipher + packets(bytes([COM_PING]), 0))
    assert table.hears("server") == [(0, change_user(b"sha256_password", PASSWORD))]
    table.server(OK, 1)
    assert table.hears("client") == [(3, OK)]
    assert table.hears("server") == [(0, bytes([COM_PING]))]
    table.server(OK, 1)
    assert [statement.command for statement in table.statements] == [COM_QUERY, COM_CHANGE_USER, COM_PING]
    assert table.statements[-1].schema == "attic"
    assert table.peer.user == "bob"
    assert not table.blind


def test_a_refused_change_leaves_the_connection_to_the_server() -> None:
    table = logged_in(client_secure=True)
    table.client(change_user(b"mysql_native_password", b"x" * 20), 0)
    refusal = b"\xff\x15\x04#28000no"
    table.server(refusal, 1)
    assert table.hears("client") == [(1, refusal)]
    assert not table.core.closing
    table.hears("server")
    table.client(bytes([COM_PING]), 0)
    assert table.hears("server") == [(0, bytes([COM_PING]))]


def test_a_changed_users_password_does_not_leave_a_secure_channel() -> None:
    table = logged_in(client_secure=True)
    table.client(change_user(b"sha256_password", PASSWORD), 0)
    assert table.hears("server") == [(0, change_user(b"sha256_password", b"\1"))]
    table = logged_in(client_secure=True)
    table.client(change_user(b"mysql_clear_password", PASSWORD), 0)
    assert table.hears("server") == []
    assert table.error().code == ER_ACCESS_DENIED_ERROR
    assert table.core.closing


def test_on_a_mixed_connection_all_else_passes_as_it_comes() -> None:
    table = logged_in(client_secure=True)
    said = packets(bytes([COM_QUERY]) + b"LOAD DATA LOCAL", 0)
    table.feed("client", said)
    table.server(b"\xfbfile", 1)
    upload = packets(bytes([COM_CHANGE_USER]) * 9, 2) + packets(b"", 3)
    for i in range(len(upload)):
        table.feed("client", upload[i : i + 1])
    assert table.to_server == said + upload
    table.server(OK, 4)
    assert table.peer.state == "idle"
    table.client(bytes([COM_CHANGE_USER]) + b"garbage", 0)
    assert table.error().code == ER_HANDSHAKE_ERROR
