"""The key ring is one file, there whole or not at all, and read again when it has changed."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from storage.errors import SealBroken
from storage.key_ring import KEY_RING, KeyRing
from tests.storage.doubles import NOON

pytestmark = pytest.mark.sqlite_only("a file")


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    ring = KeyRing.of(tmp_path)
    ring.create()
    return ring


def test_a_new_key_is_current_and_the_former_one_stays(ring: KeyRing) -> None:
    before = ring.read()

    ring.write(before.with_new(NOON))

    after = ring.read()
    assert after.current != before.current
    assert after.by_id[before.current] == before.by_id[before.current]
    assert after.replaced == {before.current: NOON}
    assert stat.S_IMODE(ring.path.stat().st_mode) == 0o600
    assert [path.name for path in ring.path.parent.iterdir()] == [KEY_RING]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root may give files away")
def test_it_stays_whose_it_was_when_root_changes_it(ring: KeyRing) -> None:
    os.chown(ring.path, 12_345, 12_346)

    ring.write(ring.read().with_new(NOON))

    after = ring.path.stat()
    assert (after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode)) == (12_345, 12_346, 0o600)


def test_the_current_key_cannot_be_dropped(ring: KeyRing) -> None:
    first = ring.read()
    both = first.with_new(NOON)

    assert both.without([first.current, both.current]).by_id.keys() == {both.current}
    assert both.without([first.current]).replaced == {}


def test_it_is_read_again_only_when_it_has_changed(ring: KeyRing) -> None:
    assert ring.changed()
    keys = ring.read()
    assert not ring.changed()

    ring.write(keys.with_new(NOON))

    assert ring.changed()


def test_a_ring_that_is_there_is_not_made_again(ring: KeyRing) -> None:
    keys = ring.read()

    ring.create()

    assert ring.read() == keys


def test_a_ring_of_an_older_version_does_not_say_when_keys_were_replaced(ring: KeyRing) -> None:
    written = json.loads(ring.path.read_text())
    del written["replaced"]
    ring.path.write_text(json.dumps(written))

    assert ring.read().replaced == {}


def test_a_write_that_fails_leaves_the_old_ring(
    ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ring.read()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        ring.write(keys.with_new(NOON))

    assert ring.read() == keys
    assert [path.name for path in ring.path.parent.iterdir()] == [KEY_RING]


def test_a_ring_that_is_gone_is_told(ring: KeyRing) -> None:
    ring.path.unlink()

    with pytest.raises(SealBroken, match="put it back"):
        ring.changed()


def test_keys_are_never_shown(ring: KeyRing) -> None:
    keys = ring.read()

    assert repr(keys.by_id[keys.current]) not in repr(keys)
