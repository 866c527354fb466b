"""Every column that holds a secret is in one table; a value is sealed to its row."""

from __future__ import annotations

from sqlalchemy import LargeBinary

from storage.columns import metadata
from storage.sealed_columns import ANSWER, BEFORE, SEALED, TARGET_PASSWORD

# Bytes that are no secrets: frames and digests, and the seals of the audit.
OPEN = {"payload", "frame", "boot_payload", "digest", "password_digest", "body_digest"} | {
    "next_digest", "upload_digest", "seal", "anchor_seal", "last_seal", "hash",
}  # fmt: skip


def test_bytes_are_sealed_or_known_to_be_no_secret() -> None:
    binary = [
        c for table in metadata.tables.values() for c in table.c if isinstance(c.type, LargeBinary)
    ]
    sealed = {str(each.column) for each in SEALED}

    assert {str(c) for c in binary if c.name not in OPEN} == sealed


def test_a_place_names_organization_table_row_and_column() -> None:
    row = {"organization_uuid": "o", "charge_box_id": "CP-1"}
    step = {"organization_uuid": "o", "rollout_id": "r", "place": 3}

    assert TARGET_PASSWORD.place(row) == "o/proxy_configurations/CP-1/target_auth_basic_password"
    assert BEFORE.place(step) == "o/rollout_steps/r/3/before"


def test_two_rows_never_have_the_same_place() -> None:
    one, two = (
        {"organization_uuid": "o", "route": route, "idempotency_key": key}
        for route, key in (("POST /a", "b/c"), ("POST /a/b", "c"))
    )

    assert ANSWER.place(one) != ANSWER.place(two)
    assert "%252F" in ANSWER.place({**one, "idempotency_key": "%2F"})
