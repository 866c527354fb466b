"""What is remembered of who may come in tells no secret, and knows when it runs out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from storage.security_records import IdempotentRequest, PasswordRotation
from tests.storage.doubles import ALICE, NOON, ORGANIZATION

ROTATION = PasswordRotation(
    key=ALICE,
    rotation_id="one",
    state="asked",
    next_digest=b"the digest",
    requested_by="key-1",
    requested_at=NOON,
    expires_at=NOON + timedelta(hours=24),
)


def test_a_rotation_is_open_until_it_runs_out() -> None:
    assert ROTATION.is_open(NOON + timedelta(hours=23, minutes=59))
    assert not ROTATION.is_open(NOON + timedelta(hours=24))
    assert replace(ROTATION, expires_at=None).is_open(NOON + timedelta(days=1000))


def test_what_is_secret_is_in_no_repr() -> None:
    request = IdempotentRequest(
        organization_uuid=ORGANIZATION,
        route="POST /",
        record_id="record-1",
        idempotency_key="key",
        body_digest=b"",
        answer="the answer",
        created_at=NOON,
    )
    assert "the digest" not in repr(ROTATION)
    assert "the answer" not in repr(request)
