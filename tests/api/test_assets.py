from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from api.app import document
from api.assets import serve_pages


@pytest.fixture
async def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<p>console")
    (tmp_path / "docs.html").write_text("<p>docs")
    (tmp_path / "assets" / "index-1.js").write_text("let one = 1;")
    (tmp_path / "assets" / "index-1.js.gz").write_bytes(b"packed")
    (tmp_path / "assets" / "notes.txt").write_text("of nobody's concern")
    return tmp_path


@pytest.fixture
async def pages(built: Path) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async with serving(built) as client:
        yield client


def serving(built: Path) -> TestClient[web.Request, web.Application]:
    app = web.Application()
    serve_pages(app, document(), built)
    return TestClient(TestServer(app))


async def test_the_pages_are_served_under_a_strict_policy(
    pages: TestClient[web.Request, web.Application],
) -> None:
    for path, text in {"/": "console", "/docs": "docs"}.items():
        answer = await pages.get(path)

        assert text in await answer.text()
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-cache"


async def test_an_asset_is_kept_for_ever_and_comes_packed_to_who_unpacks(
    pages: TestClient[web.Request, web.Application],
) -> None:
    answer = await pages.get("/assets/index-1.js", headers={"Accept-Encoding": "identity"})
    assert await answer.text() == "let one = 1;"
    assert "immutable" in answer.headers["Cache-Control"]

    packed = await pages.get(
        "/assets/index-1.js", headers={"Accept-Encoding": "gzip"}, auto_decompress=False
    )
    assert packed.headers["Content-Encoding"] == "gzip"
    assert await packed.read() == b"packed"


async def test_nobody_keeps_that_an_asset_is_gone(
    pages: TestClient[web.Request, web.Application], built: Path
) -> None:
    (built / "assets" / "index-1.js").unlink()

    answer = await pages.get("/assets/index-1.js")

    assert answer.status == 404
    assert "Cache-Control" not in answer.headers


@pytest.mark.parametrize(
    "path",
    ["/assets/notes.txt", "/assets/index-1.js.gz", "/assets/", "/assets/..%2findex.html", "/x"],
)
async def test_nothing_else_of_the_folder_is_served(
    pages: TestClient[web.Request, web.Application], path: str
) -> None:
    assert (await pages.get(path)).status == 404


async def test_where_nothing_was_built_plain_pages_stand_in(tmp_path: Path) -> None:
    async with serving(tmp_path / "nowhere") as client:
        console = await client.get("/")
        docs = await client.get("/docs")

        assert "make console" in await console.text()
        assert "GET /healthz" in await docs.text()
        for answer in (console, docs):
            assert answer.content_type == "text/html"
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
