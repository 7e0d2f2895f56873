"""The admin address, asked over HTTP."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from proxy import admin
from proxy.admin import PAGES, start
from proxy.events import STATES, Login, Peer, ServerError, StatementDone, WentBlind
from proxy.metrics import Metrics
from rules.digest import Digest

Visit = Callable[[ClientSession, str], Awaitable[None]]


async def is_ready() -> str | None:
    return None


def new_metrics() -> Metrics:
    metrics = Metrics(version="1.2.3", compiled=False)
    now = time.monotonic()
    one = Peer(id=1, client="10.0.0.7:40000", opened=now - 60, user="app\ud800", state="busy")
    metrics.connection_opened(one)
    metrics.connection_opened(Peer(id=2, client="unix", opened=now))
    for number, took in ((1, 0.001), (2, 0.5), (2, 0.25)):
        error = ServerError(1064, "42000") if took == 0.25 else None
        event = StatementDone(
            peer=one, n=1, command=3, started=now, ended=now + took, first=now, bytes_in=9, error=error
        )
        seen = Digest(id=f"{number:016x}", text=f"SELECT '<script>' {number}", kind="select", tags={}, secret=False)
        metrics.statement(event, seen)
    metrics.login(Login(one, now, "refused"))
    metrics.went_blind(WentBlind(one, now, "sequence", "x"))
    metrics.log_dropped = lambda: 4
    return metrics


def visit(do: Visit, ready: admin.Ready = is_ready, metrics: Metrics | None = None) -> None:
    async def run() -> None:
        runner = await start("127.0.0.1", 0, metrics or new_metrics(), ready)
        host, port = runner.addresses[0][:2]
        try:
            async with ClientSession() as session:
                await do(session, f"http://{host}:{port}")
        finally:
            await runner.cleanup()

    asyncio.run(run())


def get(
    path: str, ready: admin.Ready = is_ready, metrics: Metrics | None = None, **headers: str
) -> tuple[int, str, Any]:
    answers: list[tuple[int, str, Any]] = []

    async def ask(session: ClientSession, url: str) -> None:
        async with session.get(url + path, headers=headers) as reply:
            body = await (reply.json() if reply.content_type == "application/json" else reply.text())
            answers.append((reply.status, reply.content_type, body))

    visit(ask, ready, metrics)
    return answers[0]


def test_metrics_come_in_both_formats() -> None:
    status, content_type, body = get("/metrics")
    assert (status, content_type) == (200, "text/plain")
    names = {family.name for family in text_string_to_metric_families(body)}
    assert {"hushql_statements", "hushql_connections", "process_cpu_seconds"} <= names
    status, content_type, body = get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert (status, content_type) == (200, "application/openmetrics-text")
    assert body.endswith("# EOF\n")


def test_metrics_are_compressed_for_who_takes_it() -> None:
    async def ask(session: ClientSession, url: str) -> None:
        for accepted, encoding in (("gzip", "gzip"), ("identity", None)):
            async with session.get(f"{url}/metrics", headers={"Accept-Encoding": accepted}) as reply:
                assert reply.headers.get("Content-Encoding") == encoding
                assert "hushql_build_info" in await reply.text()

    visit(ask)


def test_the_process_lives() -> None:
    assert get("/healthz") == (200, "text/plain", "ok\n")


def test_readiness_is_asked_for_each_time() -> None:
    reasons = iter([None, "draining", None])

    async def ready() -> str | None:
        return next(reasons)

    async def ask(session: ClientSession, url: str) -> None:
        for status, text in ((200, "ok\n"), (503, "draining\n"), (200, "ok\n")):
            async with session.get(f"{url}/readyz") as reply:
                assert (reply.status, await reply.text()) == (status, text)

    visit(ask, ready)


def test_the_reason_is_one_line() -> None:
    async def ready() -> str | None:
        return "no\r\nserver"

    assert get("/readyz", ready) == (503, "text/plain", "no server\n")


def test_a_server_that_says_nothing_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ready() -> str | None:
        await asyncio.sleep(60)
        return None

    monkeypatch.setattr(admin, "READY_TIMEOUT", 0.05)
    assert get("/readyz", ready) == (503, "text/plain", "no answer within 0.05 s\n")


def test_an_error_of_ours_is_counted_and_tells_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    async def ready() -> str | None:
        raise RuntimeError("secret")

    metrics = new_metrics()
    status, _, body = get("/readyz", ready, metrics)
    assert (status, body) == (500, "500: Internal Server Error\n")
    assert metrics.internal_errors == 1
    assert capfd.readouterr().err == ""


def test_stats() -> None:
    status, content_type, body = get("/api/stats")
    assert (status, content_type) == (200, "application/json")
    assert 0 <= body.pop("uptime_seconds") < 60
    assert body.pop("login_failures")["refused"] == 1
    assert body == {
        "version": "1.2.3",
        "compiled": False,
        "statements": 3,
        "errors": 1,
        "connections": dict.fromkeys(STATES, 0) | {"busy": 1, "login": 1},
        "connections_opened": 2,
        "blind_connections": {"sequence": 1},
        "log_dropped": 4,
        "internal_errors": 0,
    }


def test_digests_come_by_cost() -> None:
    assert get("/api/digests")[2] == [
        {
            "digest": f"{2:016x}",
            "kind": "select",
            "count": 2,
            "seconds": pytest.approx(0.75, abs=1e-5),
            "errors": 1,
            "text": "SELECT '<script>' 2",
        },
        {
            "digest": f"{1:016x}",
            "kind": "select",
            "count": 1,
            "seconds": pytest.approx(0.001, abs=1e-5),
            "errors": 0,
            "text": "SELECT '<script>' 1",
        },
    ]


def test_connections() -> None:
    first, second = get("/api/connections")[2]
    since = datetime.fromisoformat(first.pop("since"))
    assert abs(time.time() - 60 - since.timestamp()) < 5
    assert first == {"id": 1, "client": "10.0.0.7:40000", "user": "app?", "state": "busy"}
    assert (second["id"], second["client"], second["user"], second["state"]) == (2, "unix", "", "login")


def test_the_index_links_to_every_page() -> None:
    status, content_type, body = get("/")
    assert (status, content_type) == (200, "text/html")
    for path in PAGES:
        assert f'href="{path}"' in body
        assert get(path)[0] == 200


@pytest.mark.parametrize("path", ["/", *PAGES, "/nothing"])
def test_every_answer_is_guarded_and_names_no_software(path: str) -> None:
    async def ask(session: ClientSession, url: str) -> None:
        async with session.get(url + path) as reply:
            assert reply.headers["X-Content-Type-Options"] == "nosniff"
            assert reply.headers["Cache-Control"] == "no-store"
            assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert "Server" not in reply.headers

    visit(ask)


def test_reading_only() -> None:
    async def ask(session: ClientSession, url: str) -> None:
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
            for path in ("/", *PAGES):
                async with session.request(method, url + path, data=None) as reply:
                    assert reply.status == 405
                    assert set(reply.headers["Allow"].split(",")) == {"GET", "HEAD"}
        async with session.head(f"{url}/metrics") as reply:
            assert (reply.status, await reply.read()) == (200, b"")
        async with session.get(f"{url}/../etc/passwd") as reply:
            assert reply.status == 404

    visit(ask)


def test_what_is_no_http_gets_an_answer_and_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def ask(session: ClientSession, url: str) -> None:
        port = int(url.rpartition(":")[2])
        for garbage in (b"\x16\x03\x01\x00\xa5\r\n\r\n", b"GET / HTTP/1.1\r\nA" + b"a" * 100_000 + b": b\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(garbage)
            answer = await reader.read(4096)
            assert answer.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))
            writer.close()
        async with session.get(f"{url}/healthz") as reply:
            assert reply.status == 200

    visit(ask)
    assert not [record for record in caplog.records if record.name != "asyncio"]


def test_the_address_is_free_again_after_the_end() -> None:
    async def run() -> None:
        runner = await start("127.0.0.1", 0, new_metrics(), is_ready)
        port = runner.addresses[0][1]
        async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/healthz") as reply:
            assert reply.status == 200
            began = time.monotonic()
            await runner.cleanup()
            assert time.monotonic() - began < 3
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)

    asyncio.run(run())


def test_an_address_that_is_taken_is_an_error() -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
            await start("127.0.0.1", taken.getsockname()[1], new_metrics(), is_ready)

    asyncio.run(run())
