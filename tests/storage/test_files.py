"""A file is there whole or not at all."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.errors import StorageUnavailable
from storage.files import Files, TooLong
from tests.doubles import PATIENCE, settled, until


async def chunks(*texts: bytes) -> AsyncIterator[bytes]:
    for text in texts:
        yield text


async def breaking() -> AsyncIterator[bytes]:
    yield b"begun"
    raise ConnectionResetError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "files").iterdir())


async def test_a_file_is_put_in_its_place_when_it_is_whole(tmp_path: Path) -> None:
    files = Files(tmp_path)
    written = await files.write("a-1", chunks(b"one ", b"two"))
    assert not files.path("a-1").exists()
    files.keep("a-1", written)

    assert names(tmp_path) == ["a-1"]
    assert files.path("a-1").read_bytes() == b"one two"
    assert (written.size, written.sha256[:8]) == (7, "8ab63e29")
    assert (tmp_path / "files").stat().st_mode & 0o777 == 0o700


async def test_what_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        await Files(tmp_path).write("a-1", breaking())
    assert names(tmp_path) == []


async def test_what_is_too_long_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TooLong):
        await Files(tmp_path, most_bytes=5).write("a-1", chunks(b"123", b"456"))
    assert names(tmp_path) == []


async def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int, _chunk: memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageUnavailable, match="No space left"):
        await Files(tmp_path).write("a-1", chunks(b"x"))
    assert names(tmp_path) == []


async def test_no_file_is_closed_that_a_thread_still_writes_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number would be given to another file, and the rest of the bytes would go there."""
    story: list[str] = []
    writing, slow_disk = threading.Event(), threading.Event()
    write, close = os.write, os.close

    def slowly(descriptor: int, chunk: memoryview) -> int:
        writing.set()
        assert slow_disk.wait(PATIENCE)
        story.append("written")
        return write(descriptor, chunk)

    def closing(descriptor: int) -> None:
        story.append("closed")
        close(descriptor)

    task = asyncio.create_task(Files(tmp_path).write("a-1", chunks(b"x")))
    monkeypatch.setattr(os, "write", slowly)
    monkeypatch.setattr(os, "close", closing)
    await until(writing.is_set)
    task.cancel()
    await settled()
    slow_disk.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    monkeypatch.undo()
    assert story == ["written", "closed"]
    assert names(tmp_path) == []


async def test_a_name_is_no_path(tmp_path: Path) -> None:
    files = Files(tmp_path)
    for name in ("../x", "a/b", "", "a.part", "x" * 65):
        with pytest.raises(ValueError, match=re.escape(repr(name))):
            files.path(name)
        with pytest.raises(ValueError, match=re.escape(repr(name))):
            await files.write(name, chunks(b"x"))


async def test_what_nobody_knows_is_swept_away(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.sweep(())
    for name in ("known", "unknown"):
        files.keep(name, await files.write(name, chunks(b"x")))
    await files.write("known", chunks(b"half"))
    files.sweep({"known"})

    assert names(tmp_path) == ["known"]
    files.remove("known")
    files.remove("known")
    assert names(tmp_path) == []
