"""Stored connection details: versions of an operator's, and of single chargers'."""

from __future__ import annotations

from typing import Any

from sqlalchemy import literal_column, select
from sqlalchemy.sql import ColumnElement

from storage.commissioning_schema import connection_details
from storage.statements.parts import among, given, insert_into

_C = connection_details.c
_OF_ORGANIZATION = _C.organization_uuid == given(_C.organization_uuid)

add_details = insert_into(connection_details, without=("number",)).returning(_C.number)
details = select(connection_details).where(_OF_ORGANIZATION, _C.version == given(_C.version))
details_among = select(connection_details).where(_OF_ORGANIZATION, among(_C.version))


def _latest(condition: ColumnElement[bool]) -> Any:
    return (
        select(connection_details)
        .where(_OF_ORGANIZATION, condition)
        .order_by(_C.number.desc())
        .limit(literal_column("1"))
    )


latest_of_operator = _latest(_C.serial_number.is_(None))
latest_of_charger = _latest(_C.serial_number == given(_C.serial_number))
