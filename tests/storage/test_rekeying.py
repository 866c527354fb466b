"""The key of all secrets changes under those who use them, and whenever it is killed all opens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from sqlalchemy import delete, text

from storage.database import Row
from storage.errors import SealBroken, StorageUnavailable
from storage.key_ring import KEY_RING, KeyRing
from storage.records import AuditEntry
from storage.rekeying import KeysInUse, Rekeying, key_ids, require_keys
from storage.repositories.rows import columns
from storage.schema import audit
from storage.sealed_columns import SEALED, TARGET_PASSWORD
from storage.security_records import IdempotentRequest
from storage.statements.parts import insert_into
from storage.store import Storage, open_storage
from tests.storage.commissioning import BEFORE, begun, details, enrolled, rollout
from tests.storage.doubles import ALICE, BOB, NOON, ORGANIZATION, HandClock
from tests.storage.records import charger, proxy, sink
from tests.storage.repositories.test_client_certificates import ONE as CERTIFICATE

REQUEST = IdempotentRequest(
    organization_uuid=ORGANIZATION,
    route="POST /x/y",
    idempotency_key="a/b",
    body_digest=b"digest",
    record_id="command-1",
    created_at=NOON,
)
ANSWER = '{"ocpp_password": "canary"}'


@pytest.fixture
async def storage(tmp_path: Path, clock: HandClock) -> AsyncIterator[Storage]:
    ids = iter([ORGANIZATION])
    async with open_storage(tmp_path, clock, lambda: next(ids)) as storage:
        await storage.organizations.create("Depot")
        await storage.chargers.enroll(charger(ALICE), None)
        yield storage


@pytest.fixture
def rekeying(storage: Storage, tmp_path: Path, clock: HandClock) -> Rekeying:
    return Rekeying(storage.database, storage.sealer, KeyRing.of(tmp_path), clock, batch=1)


async def fill(storage: Storage) -> None:
    """Store a secret in each column that holds some, in two rows of one of them."""
    await storage.proxy_configurations.create(proxy(ALICE))
    await enrolled(storage, BOB)
    await storage.proxy_configurations.create(proxy(BOB))
    await storage.client_certificates.add(CERTIFICATE)
    await storage.connection_details.add(details("a", basic_auth_password="canary"))
    step, _ = await begun(storage, rollout("r"))
    await storage.rollouts.finish_step(replace(step, state="applied", before=BEFORE))
    await storage.sinks.create(sink(ORGANIZATION), earliest=True)
    await storage.idempotent_requests.begin(REQUEST)
    await storage.idempotent_requests.end(REQUEST, 201, ANSWER)


async def secrets(storage: Storage) -> list[object]:
    """Return all secrets as they are read."""
    return [
        await storage.proxy_configurations.for_charger(ALICE),
        await storage.proxy_configurations.for_charger(BOB),
        await storage.client_certificates.get(ORGANIZATION, "cert-1"),
        await storage.connection_details.get(ORGANIZATION, "a"),
        await storage.rollouts.steps("r"),
        await storage.sinks.list(ORGANIZATION),
        await storage.idempotent_requests.begin(REQUEST),
    ]


# ---- rotate ----


async def test_everything_is_sealed_with_the_new_key_and_opens_as_before(
    storage: Storage, rekeying: Rekeying
) -> None:
    await fill(storage)
    before, [former] = await secrets(storage), await key_ids(storage.database)

    done = await rekeying.rotate()

    assert await secrets(storage) == before
    assert await key_ids(storage.database) == {bytes.fromhex(done.current)}
    names = {f"{each.table.name}.{each.column.name}" for each in SEALED}
    counted = dict.fromkeys(names, 1) | {"proxy_configurations.target_auth_basic_password": 2}
    assert done.sealed_anew == counted
    assert (done.kept, done.forgotten, done.not_opened) == ([former.hex()], [], [])


async def test_who_reads_meanwhile_takes_up_the_new_key(
    storage: Storage, rekeying: Rekeying, tmp_path: Path, clock: HandClock
) -> None:
    await fill(storage)
    async with open_storage(tmp_path, clock) as server:
        before = await secrets(server)

        done = await rekeying.rotate()

        assert await secrets(server) == before
        changed = replace(proxy(ALICE), id=1, target_auth_basic_password="changed")
        await server.proxy_configurations.replace(changed)
    assert await key_ids(storage.database) == {bytes.fromhex(done.current)}
    found = await storage.proxy_configurations.for_charger(ALICE)
    assert found is not None
    assert found.target_auth_basic_password == "changed"


class Killed(Exception):
    """The process ends here."""


@pytest.mark.parametrize("writes", [0, 1, 3, 7])
async def test_killed_anywhere_all_opens_and_doing_it_again_finishes_it(
    storage: Storage,
    rekeying: Rekeying,
    tmp_path: Path,
    clock: HandClock,
    writes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await fill(storage)
    before, left, write = await secrets(storage), [writes], storage.database.write

    async def until_killed(given: object) -> None:
        if not left[0]:
            raise Killed
        left[0] -= 1
        await write(given)  # type: ignore[arg-type] # handed on

    with monkeypatch.context() as patched:
        patched.setattr(storage.database, "write", until_killed)
        with pytest.raises(Killed):
            await rekeying.rotate()

    async with open_storage(tmp_path, clock) as server:
        assert await secrets(server) == before
        again = await rekeying.rotate()
        assert await secrets(server) == before
    assert len(again.kept) == 2
    assert await key_ids(storage.database) == {bytes.fromhex(again.current)}


async def test_what_is_changed_meanwhile_is_not_written_over(
    storage: Storage, rekeying: Rekeying, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(storage)
    write, changed = storage.database.write, replace(proxy(ALICE), id=1)
    theirs = [replace(changed, target_auth_basic_password="newer")]

    async def beaten(given: object) -> None:
        if theirs:
            await storage.proxy_configurations.replace(theirs.pop())
        await write(given)  # type: ignore[arg-type] # handed on

    monkeypatch.setattr(storage.database, "write", beaten)
    await rekeying.rotate()

    found = await storage.proxy_configurations.for_charger(ALICE)
    assert found is not None
    assert found.target_auth_basic_password == "newer"


async def test_what_does_not_open_is_named_and_left_as_it_is(
    storage: Storage, rekeying: Rekeying
) -> None:
    await fill(storage)
    swap = text(
        "UPDATE proxy_configurations SET target_auth_basic_password = (SELECT "
        "target_auth_basic_password FROM proxy_configurations WHERE charge_box_id = 'CP-ALICE')"
    )
    await storage.database.execute(swap)

    done = await rekeying.rotate()

    assert done.not_opened == [TARGET_PASSWORD.place(BOB._asdict())]
    assert await storage.proxy_configurations.for_charger(ALICE)
    with pytest.raises(SealBroken):
        await storage.proxy_configurations.for_charger(BOB)


async def test_two_do_not_change_keys_at_once(
    storage: Storage, rekeying: Rekeying, tmp_path: Path
) -> None:
    ring = (tmp_path / KEY_RING).read_text()
    with FileLock(tmp_path / "keyring.lock"), pytest.raises(KeysInUse):
        await rekeying.rotate()

    assert (tmp_path / KEY_RING).read_text() == ring


# ---- forget ----

ADD_SIGNED = insert_into(audit, without=("id",))


def signed(key_id: bytes) -> Row:
    """Return a row of the audit with a seal of this key."""
    entry = AuditEntry(
        timestamp=NOON,
        organization_uuid=ORGANIZATION,
        actor="platform",
        action="reset",
        result="accepted",
    )
    return {**columns(entry), "place": 1, "seal": key_id + bytes(32)}


async def test_an_old_key_is_dropped_when_nothing_needs_it_and_nobody_can_still_write_with_it(
    storage: Storage, rekeying: Rekeying, clock: HandClock
) -> None:
    await fill(storage)
    before, [first] = await secrets(storage), await key_ids(storage.database)
    await rekeying.rotate()

    early = await rekeying.forget()
    clock.pass_time(hours=1)
    await storage.database.execute(ADD_SIGNED, signed(first))
    kept = await rekeying.forget()
    await storage.database.execute(delete(audit))
    gone = await rekeying.forget()

    assert (early.forgotten, early.kept) == ([], [first.hex()])
    assert (kept.forgotten, kept.kept) == ([], [first.hex()])
    assert (gone.forgotten, gone.kept) == ([first.hex()], [])
    assert early.current == gone.current
    assert await secrets(storage) == before


async def test_what_was_left_under_an_old_key_is_sealed_anew_before_it_is_dropped(
    storage: Storage, rekeying: Rekeying, tmp_path: Path, clock: HandClock
) -> None:
    await fill(storage)
    ring = KeyRing.of(tmp_path)
    ring.write(ring.read().with_new(clock.now()))  # and killed
    before = await secrets(storage)
    clock.pass_time(hours=1)

    done = await rekeying.forget()

    assert len(done.forgotten) == 1
    assert await secrets(storage) == before


async def test_the_keys_of_a_chain_that_begins_with_nothing_are_known(
    storage: Storage, rekeying: Rekeying
) -> None:
    unsealed = {**signed(b""), "place": None, "seal": None}
    await storage.database.execute(ADD_SIGNED, unsealed)
    await storage.audit.seal()
    current = bytes.fromhex((await rekeying.rotate()).kept[0])

    done = await rekeying.forget()

    assert done.kept == [current.hex()]


# ---- at the start ----


async def test_without_a_ring_nothing_is_made_up_where_secrets_are(
    storage: Storage, tmp_path: Path
) -> None:
    await fill(storage)
    empty = tmp_path / "elsewhere"
    empty.mkdir()

    with pytest.raises(SealBroken, match=r"put the keyring\.json"):
        await require_keys(storage.database, empty)

    assert list(empty.iterdir()) == []


async def test_where_no_secret_is_a_ring_is_made(storage: Storage, tmp_path: Path) -> None:
    await require_keys(storage.database, tmp_path / "new")

    assert (tmp_path / "new" / KEY_RING).exists()


async def test_a_ring_that_cannot_be_made_is_told(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StorageUnavailable, match="cannot be made"):
        await require_keys(storage.database, tmp_path / "file")
