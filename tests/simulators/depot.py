"""A place for files over HTTP: it gives what it has and takes what it is told to take."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Depot:
    """``refusals`` are the statuses that requests are answered with before one succeeds.

    ``methods`` may put files here; others are answered 405.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    taken: list[tuple[str, str, bytes]] = field(default_factory=list)
    methods: frozenset[str] = frozenset({"PUT", "POST"})
    refusals: list[int] = field(default_factory=list)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls) -> AsyncIterator[Depot]:
        """Serve on loopback inside a ``with`` block."""
        depot, app = cls(), web.Application()
        app.router.add_route("*", "/{name:.*}", depot._serve)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            depot.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield depot
        finally:
            await runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        if self.refusals:
            return web.Response(status=self.refusals.pop(0))
        name = request.match_info["name"]
        if request.method == "GET":
            body = self.files.get(name)
            return web.Response(status=404) if body is None else web.Response(body=body)
        if request.method not in self.methods:
            return web.Response(status=405)
        self.taken.append((request.method, name, await request.read()))
        return web.Response(status=201)
