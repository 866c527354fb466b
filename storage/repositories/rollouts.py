"""Rollouts: what is being applied to the chargers of a site, and what became of each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from storage.commissioning_records import Rollout, RolloutState, RolloutStep
from storage.database import Database, Row, Transaction, Write
from storage.repositories.rows import columns, keyed
from storage.sealed_columns import BEFORE
from storage.secrets import Sealer
from storage.statements import installations
from storage.statements import rollouts as statements

_KEPT = 50  # of a site
_NEWEST = 2**62
_AT_ONCE = 200  # steps: nobody else gets a turn meanwhile


class Rollouts:
    """Store rollouts step by step; what was installed before is sealed."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def begin(
        self, rollout: Rollout, steps: Sequence[RolloutStep], wanted: Sequence[str | None]
    ) -> None:
        """Store a rollout, which claims its chargers; what still runs at the site is superseded.

        One with a number is there already: it is opened again, with these steps. ``wanted`` is the
        version that the charger of each step is to have.
        """
        of_site = {
            "organization_uuid": rollout.organization_uuid,
            "site_id": rollout.site_id,
        }
        added: list[dict[str, Any]] = []
        for step, version in zip(steps, wanted, strict=True):
            added.append({**self._row(step), "wanted_version": version})
            if not len(added) % _AT_ONCE:
                await asyncio.sleep(0)
        at = {**of_site, "at": rollout.created_at}
        writes = [
            Write(installations.supersede, [of_site]),
            Write(statements.supersede_steps, [at]),
            Write(statements.supersede, [at]),
            *_opened(rollout),
            Write(statements.forget_before, [{**of_site, **_still_known(rollout)}]),
            Write(statements.forget_old, [{**of_site, "limit": _KEPT}]),
            Write(statements.add_step, added),
            Write(installations.claim, [_claim(rollout)]),
        ]
        await self._database.write(writes)

    async def get(self, organization_uuid: str, rollout_id: str) -> Rollout | None:
        """Return one rollout of an organization."""
        values = {"organization_uuid": organization_uuid, "rollout_id": rollout_id}
        rows = await self._database.fetch(statements.rollout, values)
        return Rollout(**rows[0]) if rows else None

    async def unfinished(self) -> list[Rollout]:
        """Return the rollouts of all organizations that have not ended, oldest first."""
        rows = await self._database.fetch(statements.running_rollouts)
        return [Rollout(**row) for row in rows]

    async def steps(
        self, rollout_id: str, limit: int = 1 << 20, after: int = -1
    ) -> list[RolloutStep]:
        """Return the steps of a rollout in order, those behind a place; raise SealBroken."""
        found: list[RolloutStep] = []
        while (wanted := min(limit - len(found), _AT_ONCE)) > 0:
            last = found[-1].place if found else after
            values = {"rollout_id": rollout_id, "after": last, "limit": wanted}
            rows = await self._database.fetch(statements.steps_after, values)
            found += [self._step(row) for row in rows]
            if len(rows) < wanted:
                break
        return found

    async def states(self, rollout_id: str) -> dict[str, int]:
        """Count the steps of a rollout by state."""
        rows = await self._database.fetch(statements.states_of_steps, {"rollout_id": rollout_id})
        return {row["state"]: row["chargers"] for row in rows}

    async def finish_step(self, step: RolloutStep, transaction: Transaction | None = None) -> None:
        """Note what became of one charger, within a transaction where one is given.

        What has been noted of it before stays.
        """
        values = {
            "of_rollout": step.rollout_id,
            "at": step.place,
            "of_charger": step.key.charge_box_id,
            **{
                name: value
                for name, value in self._row(step).items()
                if name in {"state", "error", "before", "finished_at"}
            },
        }
        await (transaction or self._database).execute(statements.finish_step, values)

    async def finish(
        self, rollout: Rollout, state: RolloutState, at: datetime, error: str | None = None
    ) -> None:
        """Note that a rollout has ended; the steps that it did not come to are halted."""
        end = {"of_rollout": rollout.rollout_id, "error": error, "finished_at": at}
        left = {"of_claim": rollout.rollout_id, "state": "halted", "error": error}
        await self._database.write(
            [
                Write(statements.finish_rollout, [{**end, "state": state}]),
                Write(installations.give_up, [left]),
                Write(statements.finish_open_steps, [{**end, "state": "halted"}]),
            ]
        )

    def _row(self, step: RolloutStep) -> dict[str, Any]:
        row = columns(step)
        if step.before is not None:
            text = json.dumps(step.before)  # a password may have lone surrogates
            row["before"] = self._sealer.seal(text, BEFORE.place(row))
        return row

    def _step(self, row: Row) -> RolloutStep:
        values = keyed(row)
        if row["before"] is not None:
            values["before"] = json.loads(
                self._sealer.unseal(bytes(row["before"]), BEFORE.place(row))
            )
        return RolloutStep(**values)

    async def list(
        self, organization_uuid: str, site_id: str, limit: int = 100, before: int | None = None
    ) -> list[Rollout]:
        """Return a site's rollouts, newest first, those with a number below ``before``."""
        values = {
            "organization_uuid": organization_uuid,
            "site_id": site_id,
            "before": _NEWEST if before is None else before,
            "limit": limit,
        }
        rows = await self._database.fetch(statements.rollouts_before, values)
        return [Rollout(**row) for row in rows]


def _opened(rollout: Rollout) -> list[Write]:
    row = columns(rollout)
    if not row.pop("number"):
        return [Write(statements.add_rollout, [row])]
    again = {name: row[name] for name in statements.REOPENED}
    return [
        Write(statements.reopen_rollout, [{**again, "of_rollout": rollout.rollout_id}]),
        Write(statements.drop_steps, [{"rollout_id": rollout.rollout_id}]),
    ]


def _claim(rollout: Rollout) -> dict[str, Any]:
    return {
        "claim": rollout.rollout_id,
        "requested_by": rollout.requested_by,
        "requested_at": rollout.created_at,
    }


def _still_known(rollout: Rollout) -> dict[str, Any]:
    return {"newest": rollout.rollout_id, "taken_back": rollout.takes_back or ""}
