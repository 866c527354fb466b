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


async def test_what_another_version_lays_there_is_not_served_before_a_restart(
    pages: TestClient[web.Request, web.Application], built: Path
) -> None:
    (built / "index.html").write_text("<p>another console")
    (built / "assets" / "index-1.js").unlink()
    (built / "assets" / "index-2.js").write_text("let two = 2;")

    assert await (await pages.get("/")).text() == "<p>console"
    kept = await pages.get("/assets/index-1.js", headers={"Accept-Encoding": "identity"})
    assert await kept.text() == "let one = 1;"
    assert (await pages.get("/assets/index-2.js")).status == 404


@pytest.mark.parametrize(
    "asked",
    [
        {"Range": "bytes=99-"},
        {"If-Match": '"x"'},
        {"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    ],
)
async def test_only_the_asset_itself_is_kept_for_ever(
    pages: TestClient[web.Request, web.Application], asked: dict[str, str]
) -> None:
    answer = await pages.get("/assets/index-1.js", headers=asked)

    assert (answer.status == 200) == ("immutable" in answer.headers.get("Cache-Control", ""))
    assert "Cache-Control" not in (await pages.get("/assets/index-0.js")).headers


async def test_what_is_large_comes_whole_and_its_head_without_it(built: Path) -> None:
    (built / "assets" / "large.js").write_bytes(bytes(300_000))
    async with serving(built) as client:
        head = await client.head("/assets/large.js")
        whole = await client.get("/assets/large.js")

        assert head.headers["Content-Length"] == "300000"
        assert await head.read() == b""
        assert await whole.read() == bytes(300_000)
        assert whole.content_type == "text/javascript"


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
