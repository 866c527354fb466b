"""Write the pages that stand in where the console was not built: plain HTML without a script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{title}</title>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""

_CONSOLE = """<p>The server runs. Its console is not in this checkout: it is built by
<code>make console</code>, which needs node, and comes with every wheel.</p>
<ul>
<li><a href="/docs">All operations of the API</a></li>
<li><a href="/openapi.json">The same as an OpenAPI document</a></li>
<li><a href="/readyz">Whether the server can work</a></li>
</ul>"""


def plain_console() -> str:
    """Return what is at `/` without a console."""
    return _PAGE.format(title="Ringmain", body=_CONSOLE)


def plain_docs(document: Mapping[str, Any]) -> str:
    """Return all operations of an OpenAPI document as one list."""
    operations = "\n".join(_operations(document))
    body = (
        '<p>Every field, example and error is in <a href="/openapi.json">the OpenAPI document</a>. '
        "Every request but the open ones has an API key: <code>x-api-key: KEY</code>.</p>\n"
        f"<dl>\n{operations}\n</dl>"
    )
    return _PAGE.format(title="Ringmain API", body=body)


def _operations(document: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            line = f"{method.upper()} {path}"
            yield f"<dt><code>{escape(line)}</code></dt><dd>{escape(operation['summary'])}</dd>"
