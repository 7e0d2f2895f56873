"""Driver x authentication plugin x TLS on either side x server: the same through the proxy as directly."""

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .certificates import make_certificate
from .conftest import LENIENT
from .drivers import Driver
from .drivers.every import DRIVERS
from .drivers.pymysql import PYMYSQL
from .drivers.scenario import Material, Observations, write_rows
from .proxies import Proxy, serving
from .servers import Server
from .targets import Account, Target

pytestmark = [
    *LENIENT,
    # mysql-connector-python has nothing yet that replaces it.
    pytest.mark.filterwarnings("ignore:Call to deprecated function stored_results:DeprecationWarning"),
]

LARGE = 20 << 20

HAS_SOCKET = "socket=" in os.environ.get("HUSHQL_TEST_SERVER", "") or not os.environ.get("HUSHQL_TEST_SERVER")
WAYS = ("plain", "tls", "unix") if HAS_SOCKET else ("plain", "tls")


@dataclass(frozen=True)
class Route:
    """How the client reaches the proxy, and how the proxy reaches the server: plain, tls or unix."""

    client: str
    upstream: str
    large: bool = False

    def __str__(self) -> str:
        return f"{self.client}-to-{self.upstream}"


LOGIN_ROUTES = [Route(client, upstream) for client in WAYS for upstream in WAYS]
LONG_ROUTES = [
    Route("plain", "plain"),
    Route("tls", "tls"),
    Route("plain", "tls", large=True),
    Route("tls", "plain"),
    *([Route("unix", "unix")] if HAS_SOCKET else []),
]

ProxyFor = Callable[[Route], Proxy]
Differences = dict[str, tuple[str, str]]


@pytest.fixture(scope="module")
def proxy_for(server: Server, short_folder: Path) -> Iterator[ProxyFor]:
    """A proxy for each pair of a listening address and a way to the server, started when first asked for."""
    started: dict[tuple[bool, str], Proxy] = {}
    certificate = make_certificate(short_folder, "proxy")
    accepting = ("--tls-client", "optional", "--tls-cert", str(certificate.cert), "--tls-key", str(certificate.key))
    verify = "verify-identity" if server.checks_name else "verify-ca"
    address = f"{server.host}:{server.port}"
    upstreams = {
        "plain": (address, "--upstream-tls", "disabled"),
        "tls": (address, "--upstream-tls", verify, "--upstream-ca", str(server.ca)),
        "unix": (f"unix:{server.socket}", "--upstream-tls", "disabled"),
    }
    with contextlib.ExitStack() as stack:

        def start(route: Route) -> Proxy:
            by_socket = route.client == "unix"
            if (by_socket, route.upstream) not in started:
                folder = Path(tempfile.mkdtemp(dir=short_folder))
                listen = f"unix:{folder / 's'}" if by_socket else "127.0.0.1:0"
                upstream, *options = upstreams[route.upstream]
                running = serving(
                    folder,
                    *accepting,
                    *options,
                    upstream=upstream,
                    listen=listen,
                    ca=certificate.ca,
                    expected_stderr=(
                        r"^hushql: login of .* failed: (refused|client-gone)",
                        r"^hushql: \d+ more lines like these were left out",
                    ),
                )
                started[by_socket, route.upstream] = stack.enter_context(running)
            return started[by_socket, route.upstream]

        yield start


@pytest.fixture(scope="module")
def direct(server: Server) -> Callable[[Driver, str, Account], list[Observations]]:
    """What a driver sees when it logs in without the proxy; asked once."""
    known: dict[tuple[str, str, Account], list[Observations]] = {}

    def ask(driver: Driver, way: str, account: Account) -> list[Observations]:
        key = driver.name, way, account
        if key not in known:
            known[key] = cold_and_warm(driver, server, _straight(server, way), account)
        return known[key]

    return ask


@pytest.fixture(scope="module")
def material(server: Server, short_folder: Path) -> Material:
    """The file to load, and how large a parameter this server takes."""
    rows_file = short_folder / "rows.tsv"
    write_rows(rows_file)
    ((limit,),) = server.run("SELECT @@max_allowed_packet")
    return Material(server.kind, rows_file, min(LARGE, int(limit) - (1 << 20)))


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
@pytest.mark.parametrize("route", LOGIN_ROUTES, ids=str)
def test_logs_in_as_directly(
    driver: Driver, route: Route, server: Server, proxy_for: ProxyFor, direct: Callable[..., list[Observations]]
) -> None:
    proxy = proxy_for(route)
    target = proxy.target(server.target(), tls=route.client == "tls")
    before = proxy.blind()
    differing: Differences = {}
    for account in server.accounts:
        # Whether the server sees TLS is up to the proxy; all else is between it and the client.
        way = route.upstream if account.needs == "tls" else route.client
        if account.needs == "one host" and (route.client == "unix") != (route.upstream == "unix"):
            continue
        expected, seen = direct(driver, way, account), cold_and_warm(driver, server, target, account)
        if _same_login(expected, seen):
            continue
        # Some drivers hand over a password in plain where the server wants it encrypted, or the reverse, and can never
        # log in that way. The proxy tells by its looks what a client sends, and brings it to a server that is reached
        # in another way: then all must be as it is under TLS.
        if route.client != route.upstream and _same_login(direct(driver, "tls", account), seen):
            continue
        differing[account.plugin] = (repr(expected), repr(seen))
    assert not differing, _listed(differing)
    assert proxy.blind() == before


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
@pytest.mark.parametrize("route", LONG_ROUTES, ids=str)
def test_does_everything_as_directly(
    driver: Driver, route: Route, server: Server, proxy_for: ProxyFor, material: Material
) -> None:
    proxy = proxy_for(route)
    before = proxy.blind()
    if not route.large:
        material = Material(material.kind, material.rows_file, parameter_bytes=0)
    # mysql-connector-python cannot do sha2's full authentication in plain text: the server has to know the account.
    PYMYSQL.login(server.target(tls=True), server.account)
    expected = driver.everything(_straight(server, route.client), server.account, material)
    seen = driver.everything(proxy.target(server.target(), tls=route.client == "tls"), server.account, material)
    assert _failed(expected) == []
    differing = _differences(expected, seen)
    assert not differing, _listed(differing)
    assert proxy.blind() == before


def test_every_plugin_lets_some_driver_in(server: Server, direct: Callable[..., list[Observations]]) -> None:
    """Equal failures on both sides would prove little: what these plugins need, most drivers have."""
    common = {"mysql_native_password", "client_ed25519", "caching_sha2_password", "sha256_password"}
    for account in server.accounts:
        if account.plugin in common:
            inside = [driver.name for driver in DRIVERS if _failed(direct(driver, "tls", account)[0], "") == []]
            assert len(inside) >= 4, f"{account.plugin}: only {inside}"


def cold_and_warm(driver: Driver, server: Server, target: Target, account: Account) -> list[Observations]:
    """Log in with nothing cached in the server, where sha2 needs the whole password; and once more."""
    if server.kind == "mysql":
        server.run("FLUSH PRIVILEGES")
        return [driver.login(target, account), driver.login(target, account)]
    return [driver.login(target, account)]


def _straight(server: Server, way: str) -> Target:
    return server.target(tls=way == "tls", socket=way == "unix")


def _same_login(expected: list[Observations], seen: list[Observations]) -> bool:
    # asyncmy takes a second auth switch for the end of the login and begins to count anew. The server's answer has the
    # number that it should have, directly; the proxy, which numbers the packets of a login itself, hides that.
    if "Packet sequence number wrong" in repr(expected):
        return all("error login" in observed for observed in seen)
    # What the proxy itself refuses has the server's code and the proxy's words.
    if "hushql: " in repr(seen):
        return _codes(expected) == _codes(seen)
    return _with_one_host(expected) == _with_one_host(seen)


def _codes(observations: list[Observations]) -> list[str]:
    """The classes of errors, their codes and their SQLSTATEs."""
    return re.findall(r"\b(?:\d{4,5}|\w+Error|\w+Exception)\b", repr(observations))


def _with_one_host(observations: object) -> str:
    """The server calls who comes through its socket `localhost`, which depends on the way and not on the client."""
    return json.dumps(observations, sort_keys=True).replace("'@'localhost'", "'@'127.0.0.1'")


def _failed(observed: Any, name: str = "") -> list[str]:
    """The steps which failed though their names do not begin with `error`."""
    if not isinstance(observed, dict) or name.startswith("error "):
        return []
    failed = [name] if "error" in observed or observed.get("code", 0) != 0 else []
    return failed + [step for key, value in observed.items() for step in _failed(value, key)]


def _listed(differing: Differences) -> str:
    return "\n".join(f"{step}\n  direct:  {one}\n  proxied: {other}" for step, (one, other) in differing.items())


def _differences(expected: Observations, seen: Observations) -> Differences:
    """Each step that differs, with what was seen directly and through the proxy."""
    differing: Differences = {}
    for name in expected.keys() | seen.keys():
        one, other = expected.get(name), seen.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            inner = _differences(one, other)
            differing |= {f"{name}: {key}": value for key, value in inner.items()}
        elif one != other:
            differing[name] = (_from_difference(one, other), _from_difference(other, one))
    return differing


def _from_difference(value: object, other: object) -> str:
    """The text from shortly before where it differs."""
    text = repr(value)
    pairs = zip(text, repr(other), strict=False)
    start = next((place for place, (one, two) in enumerate(pairs) if one != two), 0)
    return text[max(0, start - 60) : start + 300]
