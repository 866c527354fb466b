"""What a target was denied is written down, and a hammering one fills no disk."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from csms.errors import CallRefused
from proxy.auditing import TargetAudit, names_told
from storage.clock import Clock
from storage.records import AuditEntry, ChargerKey
from tests.proxy.stage import Stage, Target, configuration

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TARGET = configuration(ChargerKey("org", "CP-1"), "wss://csms.example", id=7)


@dataclass
class Book:
    """Keep entries in memory."""

    entries: list[AuditEntry] = field(default_factory=list)

    def note(self, entry: AuditEntry) -> None:
        self.entries.append(entry)


@dataclass
class Hands(Clock):
    """A clock that is set by hand."""

    seconds: float = 0.0

    def now(self) -> datetime:
        return NOON

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def audit(book: Book, hands: Hands) -> TargetAudit:
    return TargetAudit(
        book,  # type: ignore[arg-type]  # a repository without a database
        hands,
        rows_per_window=3,
        monotonic=hands.monotonic,
    )


def test_a_denial_tells_who_was_denied_what_and_where(audit: TargetAudit, book: Book) -> None:
    audit.note(TARGET, "Reset", "denied", reason="policy")

    assert book.entries == [
        AuditEntry(
            timestamp=NOON,
            organization_uuid="org",
            charge_box_id="CP-1",
            category="target",
            actor="target:7",
            action="Reset",
            result="denied",
            details={"reason": "policy"},
        )
    ]


def test_what_is_too_much_is_counted_in_the_next_row(
    audit: TargetAudit, book: Book, hands: Hands
) -> None:
    for _ in range(1000):
        audit.note(TARGET, "Reset", "denied")
    audit.note(TARGET, "GetLog", "denied")
    assert [entry.action for entry in book.entries] == ["Reset"] * 3 + ["GetLog"]

    hands.seconds = 60
    audit.note(TARGET, "Reset", "denied")
    audit.note(TARGET, "Reset", "denied")

    assert [entry.details for entry in book.entries[-2:]] == [{"left_out": 997}, {}]


def test_names_are_told_short_few_and_as_text_of_any_database() -> None:
    assert names_told(["a\0b", "x" * 500]) == ["ab", "x" * 100]
    assert len(names_told(["k"] * 100)) == 20


DENIED: list[tuple[str, bytes, dict[str, Any]]] = [
    ("UpdateFirmware", b'{"location":"ftp://u:s3cret@x"}', {"reason": "NotSupported"}),
    ("GetLocalListVersion", b"{}", {"reason": "policy"}),
    ("ChangeConfiguration", b"[]", {"reason": "FormationViolation"}),
    ("Made up", b"{}", {"reason": "NotImplemented"}),
]


@pytest.mark.parametrize(("action", "payload", "details"), DENIED)
async def test_every_denial_of_the_policy_is_a_row(
    stage: Stage, target: Target, action: str, payload: bytes, details: dict[str, Any]
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        with contextlib.suppress(CallRefused):
            await target.link.call(action, payload)
        (noted,) = await stage.storage.audit.list(key.organization_uuid)

    assert charger.heard == []
    assert noted.action == ("unknown" if action == "Made up" else action)
    assert (noted.result, noted.details) == ("denied", details)
    assert "s3cret" not in str(noted)


async def test_a_target_that_makes_up_names_gets_one_row_after_the_other(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key):
        await stage.reaches(key, "ready")
        for number in range(50):
            with pytest.raises(CallRefused):
                await target.link.call(f"Made up {number}", b"{}")

        assert len(await stage.storage.audit.list(key.organization_uuid)) == 10
