"""Join what a charger says of what we asked with what we changed about it; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from csms.commands import Outcome

if TYPE_CHECKING:
    from csms.fulfilment import Settled

ACCEPTED, REJECTED, UNKNOWN = "Accepted", "Rejected", "Unknown"
_LONGEST_CODE, _LONGEST_INFO = 20, 512  # reasonCode and additionalInfo in 2.0.1


class Told(NamedTuple):
    """What was changed: a reason code of at most 20 characters, and a sentence."""

    code: str
    sentence: str


def outcome(
    status: str,
    told: Sequence[Told] = (),
    own: Mapping[str, Any] | None = None,
    response: Mapping[str, Any] | None = None,
) -> Outcome:
    """Return a status with what we changed; the charger's ``own`` reason stays in front."""
    response = response or {"status": status}
    if not told:
        return Outcome(status, response, own)
    sentences = [str((own or {}).get("additionalInfo", "")), *(one.sentence for one in told)]
    info = " ".join(sentence for sentence in sentences if sentence)[:_LONGEST_INFO]
    return Outcome(
        status, response, {"reasonCode": told[0].code, **(own or {}), "additionalInfo": info}
    )


def confirmed(settled: Settled) -> list[Told]:
    """Return what the charger's own schedules said of it afterwards (smart-charging 4)."""
    told = []
    if settled.unsaid:
        above = "The charger's own schedule still allows more on"
        told.append(Told("NotConfirmed", f"{above} {_evses(settled.unsaid)}."))
    if settled.put_back:
        lost = "The charger had lost over it what lay on"
        told.append(Told("PutBack", f"{lost} {_evses(settled.put_back)}; it was put back."))
    return told


def _evses(evses: Collection[int]) -> str:
    return f"connector {', '.join(map(str, sorted(evses)))}"


def accepted(settled: Settled, told: Sequence[Told] = ()) -> Outcome:
    """Return what became of a wish: Accepted, also without what targets want, or ``refused``."""
    told = [*confirmed(settled), *told]
    if settled.choice == 0:
        return outcome(ACCEPTED, told)
    if settled.choice == 1:
        alone = "The target's profiles could not be kept beside it and are left out."
        return outcome(ACCEPTED, [*told, Told("TargetLeftOut", alone)])
    return refused(settled, told)


def refused(settled: Settled, told: Sequence[Told] = ()) -> Outcome:
    """Return the charger's refusal as Rejected; raise it where it was no answer."""
    refusal = settled.refusal
    if isinstance(refusal, Exception):
        raise refusal
    assert refusal is not None  # noqa: S101 - something was refused
    if refusal.status != REJECTED:  # 1.6 has a status for it
        does_not = Told(refusal.status[:_LONGEST_CODE], "The charger does not do this.")
        told = [does_not, *told]
    return outcome(REJECTED, told, refusal.status_info, refusal.response)
