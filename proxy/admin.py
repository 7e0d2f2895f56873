"""The admin address: metrics, health, and what the proxy sees, over HTTP.

Import it only where it is started: aiohttp is heavy.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import msgspec
from aiohttp import web

from proxy.metrics import Metrics, legible

Ready: TypeAlias = Callable[[], Awaitable[str | None]]
"""Returns None when statements can be served, else the reason why not."""

READY_TIMEOUT = 5.0
"""Seconds after which a server that gives no answer makes the proxy not ready."""

PAGES: Final = {
    "/metrics": "Prometheus and OpenMetrics",
    "/healthz": "the process lives",
    "/readyz": "the server answers",
    "/api/stats": "totals",
    "/api/digests": "statements by what they cost",
    "/api/connections": "open connections",
}

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

SILENT: Final = logging.Logger("admin", logging.CRITICAL + 1)
"""aiohttp would log a traceback for each connection that speaks no HTTP."""


async def start(host: str, port: int, metrics: Metrics, ready: Ready) -> web.AppRunner:
    """Serve the admin address until `cleanup` of the returned runner is awaited.

    Raises OSError when the address cannot be had.
    """
    app = application(metrics, ready)
    runner = web.AppRunner(app, access_log=None, logger=SILENT, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except BaseException:
        await runner.cleanup()
        raise
    return runner


def application(metrics: Metrics, ready: Ready) -> web.Application:
    """Make the application; GET and HEAD only."""
    pages = _Pages(metrics, ready)
    app = web.Application(middlewares=[pages.guard], client_max_size=1024)
    app.on_response_prepare.append(_harden)
    app.router.add_get("/", pages.index)
    app.router.add_get("/metrics", pages.metrics)
    app.router.add_get("/healthz", pages.healthz)
    app.router.add_get("/readyz", pages.readyz)
    app.router.add_get("/api/stats", pages.stats)
    app.router.add_get("/api/digests", pages.digests)
    app.router.add_get("/api/connections", pages.connections)
    return app


async def _harden(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    response.headers.popall("Server", None)


class _Pages:
    def __init__(self, metrics: Metrics, ready: Ready) -> None:
        self._metrics = metrics
        self._ready = ready

    @web.middleware
    async def guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Count errors of ours; tell neither the client nor stderr more than that there was one."""
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except Exception:  # noqa: BLE001 - any bug, as the line above says
            self._metrics.internal_errors += 1
            return web.Response(text="500: Internal Server Error\n", status=500)

    async def index(self, _: web.Request) -> web.Response:
        return web.Response(text=_index(), content_type="text/html")

    async def metrics(self, request: web.Request) -> web.Response:
        # On another thread: hundreds of histograms take longer than a statement may wait.
        body, content_type = await asyncio.to_thread(self._metrics.expose, request.headers.get("Accept", ""))
        response = web.Response(body=body, headers={"Content-Type": content_type})
        response.enable_compression()
        return response

    async def healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(self, _: web.Request) -> web.Response:
        reason = await _why_not(self._ready)
        return web.Response(text=f"{reason or 'ok'}\n", status=503 if reason else 200)

    async def stats(self, _: web.Request) -> web.Response:
        return _json(stats(self._metrics))

    async def digests(self, _: web.Request) -> web.Response:
        return _json(digests(self._metrics))

    async def connections(self, _: web.Request) -> web.Response:
        return _json(connections(self._metrics))


def _json(value: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


async def _why_not(ready: Ready) -> str | None:
    try:
        reason = await asyncio.wait_for(ready(), READY_TIMEOUT)
    except TimeoutError:
        return f"no answer within {READY_TIMEOUT:g} s"
    return None if reason is None else " ".join(reason.split())


def stats(metrics: Metrics) -> dict[str, Any]:
    """Return the totals since the start."""
    return {
        "version": metrics.version,
        "compiled": metrics.compiled,
        "uptime_seconds": round(time.monotonic() - metrics.started, 3),
        "statements": metrics.statements,
        "errors": metrics.error_codes.total,
        "connections": metrics.connections(),
        "connections_opened": metrics.connections_opened,
        "login_failures": metrics.login_failures.counts,
        "blind_connections": metrics.blind.counts,
        "log_dropped": metrics.log_dropped(),
        "internal_errors": metrics.internal_errors,
    }


def digests(metrics: Metrics) -> list[dict[str, Any]]:
    """Return what statements cost by digest, the most expensive first."""
    return [
        {
            "digest": one.digest,
            "kind": one.kind,
            "count": one.durations.count,
            "seconds": round(one.durations.sum, 6),
            "errors": one.errors,
            "text": one.text,
        }
        for one in metrics.digests()
    ]


def connections(metrics: Metrics) -> list[dict[str, Any]]:
    """Return the open connections, the oldest first."""
    epoch = time.time() - time.monotonic()
    return [
        {
            "id": peer.id,
            "client": peer.client,
            "user": legible(peer.user, 64),
            "state": peer.state,
            "since": datetime.fromtimestamp(peer.opened + epoch, UTC),
        }
        for peer in metrics.peers.values()
    ]


def _index() -> str:
    items = "".join(f'<li><a href="{path}">{path}</a> {what}</li>\n' for path, what in PAGES.items())
    return f'<!doctype html>\n<html lang="en">\n<title>hushql</title>\n<h1>hushql</h1>\n<ul>\n{items}</ul>\n</html>\n'
