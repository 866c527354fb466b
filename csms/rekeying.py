"""The command line of the key ring: `ringmain rotate-keys`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from csms.command_audit import audited
from csms.errors import RingmainError
from csms.progress import shown
from csms.terminal import OneLine, chosen_settings, show, with_storage
from storage.clock import SystemClock
from storage.key_ring import KeyRing
from storage.rekeying import Rekeyed, Rekeying
from storage.store import Storage

ForgetOld = Annotated[
    bool,
    typer.Option(
        "--forget-old",
        help="No new key: drop those that nothing needs any more. Old backups need them.",
    ),
]


class NotOpened(RingmainError):
    """Some secrets open with no key of the ring."""


def rotate_keys(*, forget_old: ForgetOld = False, one_line: OneLine = False) -> None:
    """Seal all secrets with a new key, beside a running server too; old keys stay in the ring."""

    async def work(storage: Storage) -> Rekeyed:
        ring = KeyRing.of(chosen_settings().data_dir)
        with shown("sealing", None) as advance:
            rekeying = Rekeying(storage.database, storage.sealer, ring, SystemClock(), tell=advance)
            done = await (rekeying.forget() if forget_old else rekeying.rotate())
        for each in await storage.organizations.list():
            keys = {"current": done.current, "forgotten": list(done.forgotten)}
            await audited(storage, each.organization_uuid, "rotate-keys", **keys)
        return done

    done: Rekeyed = with_storage(work)
    show(_told(done), one_line=one_line)
    if done.not_opened:
        raise NotOpened(
            f"{len(done.not_opened)} secrets open with no key of the ring and are as they were: "
            "store them anew, or put the key ring back that they were sealed with."
        )


def _told(done: Rekeyed) -> dict[str, Any]:
    return {**asdict(done), "rows": sum(done.sealed_anew.values())}
