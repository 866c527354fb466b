"""A certificate authority in all its moods: asked by a command, and by an address."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from csms.authority import LONGEST, CommandAuthority, HttpAuthority, authority_of
from csms.errors import AuthorityAway, AuthorityRefused
from csms.settings import read

pytestmark = pytest.mark.sqlite_only("nothing is stored")


def script(folder: Path, lines: str) -> CommandAuthority:
    """Return an authority that is a shell script."""
    file = folder / "ca.sh"
    file.write_text(f"#!/bin/sh\n{lines}\n")
    file.chmod(0o700)
    return CommandAuthority([str(file), "an argument; with $(words)"], deadline=20.0)


# ---- a command ----


async def test_a_command_gets_the_request_and_its_answer_comes_back(tmp_path: Path) -> None:
    authority = script(tmp_path, 'printf "%s|" "$1"; cat')

    assert await authority.sign("CSR\n") == "an argument; with $(words)|CSR\n"


async def test_a_command_that_does_not_read_is_heard_all_the_same(tmp_path: Path) -> None:
    assert await script(tmp_path, "exec <&-; echo CHAIN").sign("x" * 5500) == "CHAIN\n"


async def test_a_command_inherits_no_setting_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGMAIN_DATABASE_URL", "postgresql://user:canary@host/name")
    monkeypatch.setenv("CA_HOME", "/somewhere")
    answer = await script(tmp_path, "env").sign("")

    assert "CA_HOME=/somewhere" in answer
    assert "RINGMAIN" not in answer


async def test_exit_status_65_is_a_refusal_for_good(tmp_path: Path) -> None:
    with pytest.raises(AuthorityRefused):
        await script(tmp_path, "cat > /dev/null; exit 65").sign("CSR")


async def test_any_other_failure_may_be_over_later(tmp_path: Path) -> None:
    with pytest.raises(AuthorityAway, match="exit status 3"):
        await script(tmp_path, "echo secret words >&2; exit 3").sign("CSR")


async def test_a_command_that_is_not_there_may_be_there_later(tmp_path: Path) -> None:
    with pytest.raises(AuthorityAway, match="cannot be run"):
        await CommandAuthority([str(tmp_path / "nothing")]).sign("CSR")


async def test_a_command_that_writes_without_end_is_ended(tmp_path: Path) -> None:
    with pytest.raises(AuthorityRefused, match="too much"):
        await script(tmp_path, "yes").sign("CSR")


async def test_complaints_without_end_do_not_hold_it_up(tmp_path: Path) -> None:
    noisy = script(tmp_path, f"head -c {4 * LONGEST} /dev/zero >&2; echo CHAIN")

    assert await noisy.sign("CSR") == "CHAIN\n"


async def test_what_is_no_ascii_is_no_pem(tmp_path: Path) -> None:
    with pytest.raises(AuthorityRefused, match="no PEM"):
        await script(tmp_path, r"printf '\377'").sign("CSR")


async def test_a_command_that_does_not_end_is_killed_with_all_it_began(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    slow = script(tmp_path, f"sleep 600 & echo $! > {pids}; echo $$ >> {pids}; wait")
    slow._deadline = 0.25
    while not pids.exists() or len(pids.read_text().split()) < 2:  # until it has begun by then
        slow._deadline *= 2
        with pytest.raises(AuthorityAway, match=f"within {slow._deadline:g} s"):
            await slow.sign("CSR")

    for pid in pids.read_text().split():
        await asyncio.wait_for(_gone(int(pid)), 10)


async def test_a_command_is_killed_when_nobody_waits_for_it_any_more(tmp_path: Path) -> None:
    began = tmp_path / "began"
    asking = asyncio.create_task(script(tmp_path, f"echo $$ > {began}; sleep 600").sign("CSR"))
    await asyncio.wait_for(_written(began), 10)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    await asyncio.wait_for(_gone(int(began.read_text())), 10)


async def test_a_command_that_is_only_just_started_is_killed_too(tmp_path: Path) -> None:
    pids, tried = tmp_path / "pids", 0
    slow = script(tmp_path, f"sleep 600 & echo $! > {pids}; echo $$ >> {pids}; wait")
    while tried < 30:  # at each place where it may be on its way
        asking, tried = asyncio.create_task(slow.sign("CSR")), tried + 1
        for _ in range(tried):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking], timeout=10)
        assert asking.cancelled()

    for pid in pids.read_text().split() if pids.exists() else ():
        await asyncio.wait_for(_gone(int(pid)), 10)


async def _written(file: Path) -> None:
    while not _whole(file):  # noqa: ASYNC110 - a file
        await asyncio.sleep(0.01)


def _whole(file: Path) -> bool:
    return file.exists() and file.read_text().endswith("\n")


async def _gone(pid: int) -> None:
    while _lives(pid):  # noqa: ASYNC110 - a process that is nobody's child
        await asyncio.sleep(0.01)


def _lives(pid: int) -> bool:
    """Tell whether a process runs; one whose end nobody has asked for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


# ---- an address ----

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def address(answer: Answer) -> AsyncIterator[str]:
    """Serve an authority by HTTP."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        assert site._server is not None  # aiohttp tells the port in no other way
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # as it is
        yield f"http://127.0.0.1:{port}/sign"
    finally:
        await runner.cleanup()


async def test_an_address_gets_the_request_and_its_answer_comes_back() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.method == "POST"
        assert request.headers["Authorization"].startswith("Basic ")
        assert request.content_type == "application/pkcs10"
        return web.Response(text="CHAIN for " + await request.text(), status=201)

    async with address(answer) as url:
        authority = HttpAuthority(url.replace("//", "//user:secret@"))
        assert await authority.sign("CSR") == "CHAIN for CSR"


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, AuthorityRefused), (403, AuthorityRefused), (422, AuthorityRefused)]
    + [(code, AuthorityAway) for code in (202, 204, 302, 307, 401, 404, 429, 500, 503)],
)
async def test_what_an_address_answers_is_a_refusal_or_may_be_over_later(
    status: int, error: type[Exception]
) -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with address(answer) as url:
        with pytest.raises(error, match=f"HTTP {status}"):
            await HttpAuthority(url).sign("CSR")
    assert seen == ["/sign"]


async def test_no_proxy_of_the_environment_hears_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="CHAIN")

    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with address(answer) as url:
        assert await HttpAuthority(url).sign("CSR") == "CHAIN"


@pytest.mark.parametrize("packed", [False, True])
async def test_an_address_that_answers_without_end_is_left(*, packed: bool) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        headers = {"Content-Encoding": "gzip"} if packed else {}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b"x" * 65536)
        return response

    async with address(answer) as url:
        with pytest.raises(AuthorityRefused, match="too much"):
            await HttpAuthority(url).sign("CSR")


async def test_an_address_that_drips_its_answer_is_left_in_time() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b"x")
                await asyncio.sleep(0.02)
        return response

    async with address(answer) as url:
        with pytest.raises(AuthorityAway, match="in time"):
            await HttpAuthority(url, deadline=0.3).sign("CSR")


async def test_what_is_wrong_with_an_address_never_holds_the_address() -> None:
    with pytest.raises(AuthorityAway) as wrong:
        await HttpAuthority("http://user:canary@127.0.0.1:1/sign").sign("CSR")

    assert str(wrong.value) == "RINGMAIN_CA_URL cannot be reached."
    assert wrong.value.__cause__ is None


def test_the_settings_name_the_authority() -> None:
    assert authority_of(read({})) is None
    assert isinstance(
        authority_of(read({"RINGMAIN_CA_COMMAND": "sign 'with words'"})), CommandAuthority
    )
    assert isinstance(authority_of(read({"RINGMAIN_CA_URL": "https://ca.example"})), HttpAuthority)
