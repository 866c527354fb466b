from __future__ import annotations

from api.introduction import INTRODUCTION
from api.parsing import MAX_BODY_BYTES
from api.schemas.common import MAX_LIMIT
from api.schemas.organizations import SCOPES


def test_what_it_says_of_limits_and_scopes_is_so() -> None:
    assert f"at most {MAX_LIMIT}" in INTRODUCTION
    assert MAX_BODY_BYTES == 1 << 20
    assert "at most 1 MiB" in INTRODUCTION
    assert [scope for scope in SCOPES if f"`{scope}`" not in INTRODUCTION] == []
