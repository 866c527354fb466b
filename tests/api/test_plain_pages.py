from __future__ import annotations

from api.app import ALL, document
from api.plain_pages import plain_console, plain_docs


def test_the_plain_console_says_how_the_real_one_is_made() -> None:
    assert "make console" in plain_console()
    assert 'href="/docs"' in plain_console()


def test_the_plain_docs_list_every_operation() -> None:
    page = plain_docs(document())

    assert [one.path for one in ALL if f"{one.method} {one.path}" not in page] == []
    assert "<script" not in page


def test_what_a_document_says_is_no_markup() -> None:
    page = plain_docs({"paths": {"/<b>": {"get": {"summary": "Tell <i>all</i>"}}}})

    assert "GET /&lt;b&gt;" in page
    assert "Tell &lt;i&gt;all" in page
