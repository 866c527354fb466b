"""A charger sends a file by a URL that works once; nobody else gets anything in, or out."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator

import aiohttp
import pytest

from api.uploads import new_ticket
from storage.operation_records import Job
from storage.store import Storage
from tests.api.conftest import Api
from tests.doubles import until


async def ticket(api: Api, job_id: str = "job-1") -> str:
    """Return a URL that a charger may have been told."""
    given = new_ticket()
    now = api.clock.now()
    job = Job(
        job_id=job_id,
        key=api.charger_key("CP-1"),
        kind="log",
        upload_digest=given.digest,
        created_at=now,
        expires_at=now.replace(day=22),
    )
    await api.storage.jobs.add(job)
    return f"{api.base}/uploads/{given.secret}"


async def put(api: Api, url: str, data: object, method: str = "PUT", **more: str) -> int:
    async with api.session.request(method, url, data=data, headers=more) as response:
        await response.read()
        return response.status


def files(storage: Storage) -> list[str]:
    """Name everything that lies in the folder of files."""
    folder = storage.files.path("x").parent
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.fixture(autouse=True)
async def charger(api: Api) -> None:
    await api.enrol()


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("behind", ["", "/diag.zip"])
async def test_the_body_is_the_file(api: Api, method: str, behind: str) -> None:
    url = await ticket(api)
    assert await put(api, url + behind, b"log", method) == 201

    assert api.storage.files.path("job-1").read_bytes() == b"log"
    assert api.storage.files.path("job-1").stat().st_mode & 0o777 == 0o600
    stored = await api.storage.jobs.get(api.charger_key("CP-1"), "job-1")
    assert stored is not None
    assert stored.file_name == (behind.strip("/") or "log")


async def test_the_first_file_of_a_form_is_the_file(api: Api) -> None:
    url, form = await ticket(api), aiohttp.FormData()
    form.add_field("note", "no file")
    form.add_field("log", b"by form", filename="../../etc/passwd")
    assert await put(api, url, form, "POST") == 201

    assert api.storage.files.path("job-1").read_bytes() == b"by form"
    stored = await api.storage.jobs.get(api.charger_key("CP-1"), "job-1")
    assert stored is not None
    assert stored.file_name == "passwd"
    assert files(api.storage) == ["job-1"]


async def test_a_url_works_once(api: Api) -> None:
    url = await ticket(api)
    assert await put(api, url, b"first") == 201
    assert await put(api, url, b"second") == 404

    assert api.storage.files.path("job-1").read_bytes() == b"first"


async def test_a_url_ends(api: Api) -> None:
    url = await ticket(api)
    api.clock.forward(hours=24)
    assert await put(api, url, b"late") == 404


@pytest.mark.parametrize(
    "path",
    ["/uploads/", f"/uploads/{'x' * 43}", "/uploads/short", f"/uploads/{'x' * 43}/../../x"],
)
async def test_nobody_else_gets_anything_in(api: Api, path: str) -> None:
    await ticket(api)
    assert await put(api, api.base + path, b"x") == 404
    assert files(api.storage) == []


async def test_a_form_without_a_file_is_refused_and_may_come_again(api: Api) -> None:
    url = await ticket(api)
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    assert await put(api, url, b"--x\r\nno form", "POST", **broken) == 400
    assert await put(api, url, b"whole") == 201


async def test_a_form_that_is_cut_off_is_no_file(api: Api) -> None:
    url = await ticket(api)
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    head = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.log"\r\n\r\n'
    assert await put(api, url, head + b"half", "POST", **kind) == 400
    assert files(api.storage) == []

    # What looks like a boundary is of the file.
    assert await put(api, url, head + b"\r\n--c\r\nwhole\r\n--b--\r\n", "POST", **kind) == 201
    assert api.storage.files.path("job-1").read_bytes() == b"\r\n--c\r\nwhole"


async def test_a_form_within_a_form_is_refused(api: Api) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    within = b"--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"

    assert await put(api, await ticket(api), within * 3000, "POST", **kind) == 400


async def test_a_file_that_falls_silent_is_too_slow(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.uploads._SILENCE_SECONDS", 0.05)
    url, spoken = await ticket(api), asyncio.Event()

    async def silent() -> AsyncIterator[bytes]:
        yield b"x"
        await spoken.wait()

    assert await put(api, url, silent()) == 408
    assert files(api.storage) == []
    assert await put(api, url, b"at once") == 201


async def test_a_file_that_drips_has_its_time(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.uploads._LONGEST_SECONDS", 0.05)
    url = await ticket(api)

    async def dripping() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    assert await put(api, url, dripping()) == 408
    assert files(api.storage) == []
    assert await put(api, url, b"at once") == 201


async def test_the_files_of_a_deleted_charger_go_with_it(api: Api) -> None:
    urls = [await ticket(api, f"job-{n}") for n in (1, 2)]
    begun, gone = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"x"
        begun.set()
        await gone.wait()

    assert await put(api, urls[0], b"whole") == 201
    sending = asyncio.create_task(put(api, urls[1], slow()))
    await begun.wait()
    await until(lambda: len(files(api.storage)) == 2)
    await api("DELETE", f"{api.organization}/chargers/CP-1")
    gone.set()

    assert await sending == 404
    assert files(api.storage) == []


@pytest.mark.parametrize("packed", [False, True])
async def test_a_file_that_is_too_long_leaves_nothing(api: Api, packed: bool) -> None:  # noqa: FBT001 - a table
    url = await ticket(api)
    api.storage.files.most_bytes = 1000
    long = b"x" * 200_000
    headers = {"Content-Encoding": "gzip"} if packed else {}
    assert await put(api, url, gzip.compress(long) if packed else long, **headers) == 413

    assert files(api.storage) == []
    assert await put(api, url, b"short") == 201


async def test_a_file_that_breaks_off_leaves_nothing_and_may_come_again(api: Api) -> None:
    url = await ticket(api)
    begun = asyncio.Event()

    async def breaking() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        begun.set()
        await asyncio.Event().wait()

    sending = asyncio.create_task(put(api, url, breaking()))
    await begun.wait()
    await until(lambda: files(api.storage))
    assert await put(api, url, b"second at once") == 409
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)

    await until(lambda: not files(api.storage) and not api.parts.uploading)
    assert await put(api, url, b"again") == 201


async def test_a_file_of_a_job_that_is_gone_is_not_kept(api: Api) -> None:
    url, begun, gone = await ticket(api), asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"x"
        begun.set()
        await gone.wait()

    sending = asyncio.create_task(put(api, url, slow()))
    await begun.wait()
    await until(lambda: files(api.storage))
    await api.storage.jobs.delete(api.charger_key("CP-1"), "job-1")
    gone.set()

    assert await sending == 404
    assert files(api.storage) == []
