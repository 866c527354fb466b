"""Records tell all but their secrets."""

from __future__ import annotations

from tests.storage.doubles import ALICE
from tests.storage.records import charger, proxy


def test_no_secret_is_in_a_repr() -> None:
    enrolled, proxied = charger(ALICE), proxy(ALICE)

    assert "password_digest" not in repr(enrolled)
    assert "target_auth_basic_password" not in repr(proxied)
    assert (proxied.target_auth_basic_password or "") not in repr(proxied)
