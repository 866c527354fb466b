"""What is sealed opens at its own place with its own key only; what is digested never opens."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import SealBroken
from storage.key_ring import KEY_RING
from storage.secrets import (
    Sealer,
    api_key_digest,
    digest_secret,
    new_api_key,
    new_password,
    secret_matches,
)

HERE = "organization/proxy_configurations/CP-1/target_auth_basic_password"
ELSEWHERE = "organization/proxy_configurations/CP-2/target_auth_basic_password"
SECRET = "third-party-secret-password"


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    return Sealer.open(tmp_path)


# ---- sealing ----


@pytest.mark.parametrize("text", [SECRET, "", "pässwörd ☃", "x" * 10_000])
def test_what_is_sealed_can_be_opened(sealer: Sealer, text: str) -> None:
    assert sealer.unseal(sealer.seal(text, HERE), HERE) == text


def test_a_password_of_bytes_that_are_no_text_opens_as_it_was(sealer: Sealer) -> None:
    password = bytes(range(246, 256)).decode(errors="surrogateescape")

    assert sealer.unseal(sealer.seal(password, "there"), "there") == password


def test_a_sealed_secret_shows_nothing_and_never_looks_the_same(sealer: Sealer) -> None:
    one, two = (sealer.seal(SECRET, HERE) for _ in range(2))

    assert SECRET.encode() not in one
    assert one != two


def test_moved_to_another_place_it_does_not_open(sealer: Sealer) -> None:
    sealed = sealer.seal(SECRET, HERE)

    with pytest.raises(SealBroken):
        sealer.unseal(sealed, ELSEWHERE)


def test_with_any_byte_changed_it_does_not_open(sealer: Sealer) -> None:
    sealed = sealer.seal(SECRET, HERE)

    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(SealBroken):
            sealer.unseal(bytes(changed), HERE)


@pytest.mark.parametrize("length", [0, 3, 4, 15, 16, 31])
def test_cut_short_it_does_not_open(sealer: Sealer, length: int) -> None:
    sealed = sealer.seal(SECRET, HERE)

    with pytest.raises(SealBroken):
        sealer.unseal(sealed[:length], HERE)


def test_without_its_key_it_does_not_open(sealer: Sealer, tmp_path: Path) -> None:
    sealed = sealer.seal(SECRET, HERE)
    other = Sealer.open(tmp_path / "other")

    assert sealer.holds(sealed[:4])
    assert not other.holds(sealed[:4])
    with pytest.raises(SealBroken):
        other.unseal(sealed, HERE)


def test_the_errors_do_not_tell_the_secret(sealer: Sealer) -> None:
    with pytest.raises(SealBroken) as broken:
        sealer.unseal(sealer.seal(SECRET, HERE), ELSEWHERE)

    assert SECRET not in str(broken.value)


# ---- the key ring ----


def test_the_key_ring_is_for_its_owner_only(sealer: Sealer, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / KEY_RING).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEY_RING]


def test_the_key_ring_opens_what_was_sealed_before_a_restart(
    sealer: Sealer, tmp_path: Path
) -> None:
    sealed = sealer.seal(SECRET, HERE)

    assert Sealer.open(tmp_path).unseal(sealed, HERE) == SECRET


def test_processes_that_begin_at_once_have_one_key_ring(tmp_path: Path) -> None:
    data_dir = tmp_path / "new"
    with ThreadPoolExecutor(8) as together:
        sealers = list(together.map(Sealer.open, [data_dir] * 8))

    for one in sealers:
        assert sealers[0].unseal(one.seal(SECRET, HERE), HERE) == SECRET


def test_an_older_key_in_the_ring_still_opens(sealer: Sealer, tmp_path: Path) -> None:
    sealed = sealer.seal(SECRET, HERE)
    path = tmp_path / KEY_RING
    ring, newer = json.loads(path.read_text()), "0badcafe"
    ring["keys"][newer] = next(iter(ring["keys"].values()))
    path.write_text(json.dumps({**ring, "current": newer}))

    turned = Sealer.open(tmp_path)

    assert turned.unseal(sealed, HERE) == SECRET
    assert turned.seal(SECRET, HERE).startswith(bytes.fromhex(newer))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not json",
        "[]",
        "null",
        "{}",
        '{"current": "00000000", "keys": {}}',
        '{"current": 7, "keys": {}}',
        '{"current": "00000000", "keys": {"00000000": "c2hvcnQ="}}',
        '{"current": "00000000", "keys": {"00000000": null}}',
    ],
)
def test_a_damaged_key_ring_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    (tmp_path / KEY_RING).write_text(content)

    with pytest.raises(SealBroken):
        Sealer.open(tmp_path)

    assert (tmp_path / KEY_RING).read_text() == content


# ---- digests ----


@given(secret=st.binary(max_size=64), other=st.binary(max_size=64))
def test_only_the_same_secret_matches(secret: bytes, other: bytes) -> None:
    digest = digest_secret(secret)

    assert secret_matches(secret, digest)
    assert secret_matches(other, digest) == (other == secret)


def test_equal_secrets_have_different_digests() -> None:
    assert digest_secret(b"same") != digest_secret(b"same")


def test_a_digest_that_is_none_matches_nothing() -> None:
    assert not secret_matches(b"", b"")


def test_passwords_are_legal_in_every_version_and_never_the_same() -> None:
    passwords = {new_password() for _ in range(1000)}

    assert len(passwords) == 1000
    # 16 to 20 bytes (1.6 security white paper), 16 to 40 characters (2.0.1).
    assert all(len(each) == 20 and each.isalnum() and each.isascii() for each in passwords)


def test_api_keys_are_long_and_found_by_their_digest() -> None:
    one, two = new_api_key(), new_api_key()

    assert len(one.removeprefix("rm_")) * 4 == 160
    assert api_key_digest(one) == api_key_digest(one) != api_key_digest(two)
    assert api_key_digest("F956FB45-22D6-421F-BE12-660CD7ED9815")


def test_a_purpose_has_a_key_of_its_own_from_each_key_of_the_ring() -> None:
    former, current = b"\x01" * 4, b"\x02" * 4
    sealer = Sealer({former: b"f" * 32, current: b"c" * 32}, current)

    now, then = sealer.derived("audit"), sealer.derived("audit", former)

    assert (now.key_id, then.key_id) == (current, former)
    assert len({now.key, then.key, sealer.derived("else").key, b"c" * 32}) == 4
    assert now.key == sealer.derived("audit", current).key
    assert now.key.hex() not in repr(now)
    with pytest.raises(SealBroken, match="03030303"):
        sealer.derived("audit", b"\x03" * 4)
