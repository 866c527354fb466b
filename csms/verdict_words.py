"""Verdicts on tokens in the words of each OCPP version."""

from __future__ import annotations

from datetime import datetime

from ocpp.v16 import datatypes as v16
from ocpp.v16.enums import AuthorizationStatus
from ocpp.v201 import datatypes as v201
from ocpp.v201.enums import AuthorizationStatusEnumType, IdTokenEnumType

from csms.authorization import Verdict
from csms.tokens import LONGEST_16, LONGEST_201
from storage.clock import timestamp


def id_tag_info(verdict: Verdict) -> v16.IdTagInfo:
    """Say a verdict in 1.6, which knows no Unknown: there that is Invalid (1.6 §7.2)."""
    word = "Invalid" if verdict.word == "Unknown" else verdict.word
    return v16.IdTagInfo(
        AuthorizationStatus(word),
        parent_id_tag=_fitting(verdict.group_id_token, LONGEST_16),
        expiry_date=_written(verdict.expires_at),
    )


def id_token_info(verdict: Verdict) -> v201.IdTokenInfoType:
    """Say a verdict in 2.x; the group is a token that only a system knows."""
    group = _fitting(verdict.group_id_token, LONGEST_201)
    return v201.IdTokenInfoType(
        AuthorizationStatusEnumType(verdict.word),
        cache_expiry_date_time=_written(verdict.expires_at),
        group_id_token=v201.IdTokenType(group, IdTokenEnumType.central) if group else None,
    )


def _fitting(group: str | None, longest: int) -> str | None:
    return group if group is not None and len(group) <= longest else None


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else timestamp(moment)
