from __future__ import annotations

import pytest

from simulators.files import TransferFailed, download, upload
from tests.simulators.depot import Depot


async def test_a_file_is_put_where_it_is_said(depot: Depot) -> None:
    await upload(f"{depot.url}/a/b", "name", b"body")
    await upload(f"{depot.url}/a/", "name", b"body")

    assert depot.taken == [("PUT", "a/b", b"body"), ("PUT", "a/name", b"body")]


async def test_it_is_posted_where_it_cannot_be_put(depot: Depot) -> None:
    depot.methods = frozenset({"POST"})

    await upload(f"{depot.url}/a", "name", b"body")

    assert depot.taken == [("POST", "a", b"body")]


@pytest.mark.parametrize(("methods", "refusals"), [(frozenset[str](), []), ({"PUT"}, [404])])
async def test_what_is_not_taken_has_failed(
    depot: Depot, methods: frozenset[str], refusals: list[int]
) -> None:
    depot.methods, depot.refusals = methods, refusals

    with pytest.raises(TransferFailed):
        await upload(f"{depot.url}/a", "name", b"body")
    assert depot.taken == []


async def test_a_file_is_fetched_also_an_empty_one(depot: Depot) -> None:
    depot.files |= {"a": b"body", "b": b""}

    assert [await download(f"{depot.url}/{name}") for name in "ab"] == [b"body", b""]
    with pytest.raises(TransferFailed):
        await download(f"{depot.url}/c")


@pytest.mark.parametrize("url", ["", "x", "ftp://127.0.0.1/a", "http://127.0.0.1:1/", "http://["])
async def test_what_leads_nowhere_has_failed(url: str) -> None:
    with pytest.raises(TransferFailed):
        await upload(url, "name", b"")
    with pytest.raises(TransferFailed):
        await download(url)
