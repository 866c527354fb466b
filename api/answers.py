"""Write JSON answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import orjson
from aiohttp import web

ALWAYS = {
    # Answers tell what holds now, and some a secret: nobody on the way keeps or guesses at them.
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    # Instead of aiohttp's, which names versions to whoever looks for holes in them.
    "Server": "Ringmain",
}


class JsonResponse(web.Response):
    """An answer in JSON, indented for people who asked for `?pretty=true`."""

    def __init__(
        self,
        body: Mapping[str, Any],
        status: int = 200,
        *,
        pretty: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        text = orjson.dumps(body)
        if pretty:
            # Works on the text, so a charger's own numbers stay as it wrote them.
            text = msgspec.json.format(text, indent=2) + b"\n"
        super().__init__(
            body=text,
            status=status,
            headers={**ALWAYS, **(headers or {})},
            content_type="application/json",
            charset="utf-8",
        )
