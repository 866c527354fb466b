"""
Every statement, by name: built once with SQLAlchemy Core, compiled by each adapter for itself.

A parameter carries the type of the column that it is compared with or written to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Select,
    Table,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    null,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql import ColumnElement

from storage import schema
from storage.schema import (
    NO_ANSWER,
    api_keys,
    chargers,
    commands,
    connectors,
    cursors,
    id_tokens,
    messages,
    meter_readings,
    organizations,
    proxy_configurations,
    transaction_ids,
    transactions,
)


def given(column: Column[Any], name: str | None = None) -> Any:
    """Return the parameter for a column, named like it unless another name is given."""
    return bindparam(name or column.key, type_=column.type, required=True)


def _values(columns: Iterable[Column[Any]]) -> dict[str, Any]:
    return {column.key: given(column) for column in columns}


def _insert(table: Table, without: tuple[str, ...] = ()) -> Any:
    return insert(table).values(_values(c for c in table.c if c.key not in without))


def _of_charger(table: Table) -> ColumnElement[bool]:
    return and_(
        table.c.organization_uuid == given(table.c.organization_uuid),
        table.c.charge_box_id == given(table.c.charge_box_id),
    )


def _limit() -> Any:
    return bindparam("limit", type_=BigInteger, required=True)


def _upsert(table: Table, keys: tuple[str, ...]) -> Any:
    statement = upsert(table).values(_values(table.c))
    changed = {c.key: statement.excluded[c.key] for c in table.c if c.key not in keys}
    return statement.on_conflict_do_update(index_elements=list(keys), set_=changed)


# ---- organizations and keys ----

add_organization = _insert(organizations)
organization = select(organizations).where(
    organizations.c.organization_uuid == given(organizations.c.organization_uuid)
)
all_organizations = select(organizations).order_by(organizations.c.created_at)

add_api_key = _insert(api_keys)
_SHOWN_KEY = [column for column in api_keys.c if column.key != "digest"]
api_key_by_digest = select(*_SHOWN_KEY).where(api_keys.c.digest == given(api_keys.c.digest))
all_api_keys = select(*_SHOWN_KEY).order_by(api_keys.c.created_at)
api_keys_of = all_api_keys.where(
    api_keys.c.organization_uuid == given(api_keys.c.organization_uuid)
)
revoke_api_key = (
    update(api_keys)
    .where(api_keys.c.key_id == given(api_keys.c.key_id), api_keys.c.revoked_at.is_(null()))
    .values(revoked_at=given(api_keys.c.revoked_at, "at"))
    .returning(api_keys.c.key_id)
)
use_api_key = (
    update(api_keys)
    .where(api_keys.c.key_id == given(api_keys.c.key_id, "of_key"))
    .values(last_used_at=given(api_keys.c.last_used_at, "at"))
)

# ---- chargers ----

add_charger = _insert(chargers)
charger = select(chargers).where(_of_charger(chargers))
chargers_after = (
    select(chargers)
    .where(
        chargers.c.organization_uuid == given(chargers.c.organization_uuid),
        chargers.c.charge_box_id > given(chargers.c.charge_box_id, "after"),
    )
    .order_by(chargers.c.charge_box_id)
    .limit(_limit())
)
CHANGEABLE = (
    "charger_name",
    "vendor_name",
    "model_name",
    "serial_number",
    "security_profile",
    "allowed_versions",
    "password_digest",
)
replace_charger = (
    update(chargers)
    .where(
        chargers.c.organization_uuid == given(chargers.c.organization_uuid, "of_organization"),
        chargers.c.charge_box_id == given(chargers.c.charge_box_id, "of_charger"),
    )
    .values(_values(chargers.c[name] for name in CHANGEABLE))
    .returning(chargers)
)
delete_charger = delete(chargers).where(_of_charger(chargers)).returning(chargers.c.charge_box_id)


def _note_charger(**changed: Any) -> Any:
    return update(chargers).where(_of_charger(chargers)).values(**changed)


def _only_where_empty(column: Column[Any]) -> Any:
    return func.coalesce(column, given(column, f"claimed_{column.key}"))


note_boot = _note_charger(
    vendor_name=_only_where_empty(chargers.c.vendor_name),
    model_name=_only_where_empty(chargers.c.model_name),
    serial_number=_only_where_empty(chargers.c.serial_number),
    firmware_version=given(chargers.c.firmware_version),
    boot_payload=given(chargers.c.boot_payload),
    last_seen=given(chargers.c.last_seen, "at"),
)
note_connected = _note_charger(
    last_seen=given(chargers.c.last_seen, "at"), ocpp_version=given(chargers.c.ocpp_version)
)
note_seen = _note_charger(last_seen=given(chargers.c.last_seen, "at"))
note_disconnected = _note_charger(
    last_seen=given(chargers.c.last_seen, "at"),
    last_disconnect=given(chargers.c.last_disconnect, "gone_at"),
    last_close_code=given(chargers.c.last_close_code),
    last_close_reason=given(chargers.c.last_close_reason),
)

_CONNECTOR_KEY = ("organization_uuid", "charge_box_id", "evse_id", "connector_id")
# A charger that was deleted meanwhile has no connectors: inserted from what is still there.
_status = upsert(connectors).from_select(
    list(connectors.c.keys()),
    select(*(given(column).label(column.key) for column in connectors.c))
    .select_from(chargers)
    .where(_of_charger(chargers)),
)
note_status = _status.on_conflict_do_update(
    index_elements=_CONNECTOR_KEY,
    set_={c.key: _status.excluded[c.key] for c in connectors.c if c.key not in _CONNECTOR_KEY},
)
connectors_of_charger = (
    select(connectors)
    .where(_of_charger(connectors))
    .order_by(connectors.c.evse_id, connectors.c.connector_id)
)
connectors_between = (
    select(connectors)
    .where(
        connectors.c.organization_uuid == given(connectors.c.organization_uuid),
        connectors.c.charge_box_id >= given(connectors.c.charge_box_id, "first"),
        connectors.c.charge_box_id <= given(connectors.c.charge_box_id, "last"),
    )
    .order_by(connectors.c.charge_box_id, connectors.c.evse_id, connectors.c.connector_id)
)

# ---- proxy configurations, cursors, id maps ----

add_proxy_configuration = _insert(proxy_configurations, without=("id",)).returning(
    proxy_configurations.c.id
)
proxy_configuration = select(proxy_configurations).where(
    proxy_configurations.c.organization_uuid == given(proxy_configurations.c.organization_uuid),
    proxy_configurations.c.id == given(proxy_configurations.c.id),
)
proxy_configuration_of = select(proxy_configurations).where(_of_charger(proxy_configurations))
proxy_configurations_after = (
    select(proxy_configurations)
    .where(
        proxy_configurations.c.organization_uuid == given(proxy_configurations.c.organization_uuid),
        proxy_configurations.c.id > given(proxy_configurations.c.id, "after"),
    )
    .order_by(proxy_configurations.c.id)
    .limit(_limit())
)
_FIXED = ("id", "organization_uuid", "charge_box_id", "created_at")
replace_proxy_configuration = (
    update(proxy_configurations)
    .where(
        proxy_configurations.c.id == given(proxy_configurations.c.id, "of_id"),
        proxy_configurations.c.organization_uuid
        == given(proxy_configurations.c.organization_uuid, "of_organization"),
    )
    .values(_values(c for c in proxy_configurations.c if c.key not in _FIXED))
    .returning(proxy_configurations)
)
delete_proxy_configuration = (
    delete(proxy_configurations)
    .where(
        proxy_configurations.c.organization_uuid == given(proxy_configurations.c.organization_uuid),
        proxy_configurations.c.id == given(proxy_configurations.c.id),
    )
    .returning(proxy_configurations.c.id)
)

sealed_passwords = select(proxy_configurations.c.target_auth_basic_password).where(
    proxy_configurations.c.target_auth_basic_password.is_not(null())
)

cursor = select(cursors).where(
    cursors.c.proxy_configuration_id == given(cursors.c.proxy_configuration_id)
)
add_cursor = _insert(cursors)
note_cursor = (
    update(cursors)
    .where(cursors.c.proxy_configuration_id == given(cursors.c.proxy_configuration_id, "of_id"))
    .values(position=given(cursors.c.position))
)
note_booted = (
    update(cursors)
    .where(cursors.c.proxy_configuration_id == given(cursors.c.proxy_configuration_id, "of_id"))
    .values(booted_at=given(cursors.c.booted_at))
)

add_transaction_id = (
    upsert(transaction_ids)
    .from_select(
        ["proxy_configuration_id", "ours", "theirs"],
        # A configuration that was deleted meanwhile takes its ids along.
        select(
            proxy_configurations.c.id,
            given(transaction_ids.c.ours),
            given(transaction_ids.c.theirs),
        ).where(proxy_configurations.c.id == given(proxy_configurations.c.id, "of_id")),
    )
    .on_conflict_do_update(
        index_elements=["proxy_configuration_id", "ours"],
        set_={"theirs": given(transaction_ids.c.theirs, "theirs")},
    )
)
their_transaction_id = select(transaction_ids.c.theirs).where(
    transaction_ids.c.proxy_configuration_id == given(transaction_ids.c.proxy_configuration_id),
    transaction_ids.c.ours == given(transaction_ids.c.ours),
)
our_transaction_id = (
    select(transaction_ids.c.ours)
    .where(
        transaction_ids.c.proxy_configuration_id == given(transaction_ids.c.proxy_configuration_id),
        transaction_ids.c.theirs == given(transaction_ids.c.theirs),
    )
    .order_by(transaction_ids.c.id.desc())
    .limit(1)
)

# ---- transactions ----

transaction = select(transactions).where(
    _of_charger(transactions),
    transactions.c.transaction_id == given(transactions.c.transaction_id),
)
transaction_taken = (
    select(transactions.c.transaction_id)
    .where(
        transactions.c.organization_uuid == given(transactions.c.organization_uuid),
        transactions.c.transaction_id == given(transactions.c.transaction_id),
    )
    .limit(1)
)

transaction_named = (
    select(transactions)
    .where(
        transactions.c.organization_uuid == given(transactions.c.organization_uuid),
        transactions.c.transaction_id == given(transactions.c.transaction_id),
    )
    .order_by(transactions.c.started_at.desc())
    .limit(1)
)


def _same(column: Column[Any]) -> ColumnElement[bool]:
    return column.is_not_distinct_from(given(column))


started_like = (
    select(transactions)
    .where(
        _of_charger(transactions),
        schema.RUNNING,
        transactions.c.evse_id == given(transactions.c.evse_id),
        _same(transactions.c.id_token),
        transactions.c.start_timestamp == given(transactions.c.start_timestamp),
        _same(transactions.c.meter_start_wh),
    )
    .order_by(transactions.c.started_at.desc())
    .limit(1)
)
running_transactions = (
    select(transactions)
    .where(_of_charger(transactions), schema.RUNNING)
    .order_by(transactions.c.started_at)
)
running_between = (
    select(transactions)
    .where(
        transactions.c.organization_uuid == given(transactions.c.organization_uuid),
        transactions.c.charge_box_id >= given(transactions.c.charge_box_id, "first"),
        transactions.c.charge_box_id <= given(transactions.c.charge_box_id, "last"),
        schema.RUNNING,
    )
    .order_by(transactions.c.charge_box_id, transactions.c.started_at)
)
_TRANSACTION_ORDER = (
    transactions.c.started_at,
    transactions.c.charge_box_id,
    transactions.c.transaction_id,
)
_NEWEST_TRANSACTIONS = (
    select(transactions)
    .where(
        transactions.c.organization_uuid == given(transactions.c.organization_uuid),
        tuple_(*_TRANSACTION_ORDER)
        < tuple_(
            given(transactions.c.started_at, "before_started_at"),
            given(transactions.c.charge_box_id, "before_charge_box_id"),
            given(transactions.c.transaction_id, "before_transaction_id"),
        ),
    )
    .order_by(*(column.desc() for column in _TRANSACTION_ORDER))
    .limit(_limit())
)
transactions_before = _NEWEST_TRANSACTIONS
transactions_of_charger_before = _NEWEST_TRANSACTIONS.where(
    transactions.c.charge_box_id == given(transactions.c.charge_box_id)
)
add_transaction = upsert(transactions).values(_values(transactions.c)).on_conflict_do_nothing()
_START_METER = transactions.c.meter_start_wh
_STOP_METER = given(transactions.c.meter_stop_wh, "meter")
# A meter that says nothing, or less than before, leaves what the values in between told.
_ENERGY = case(
    (_STOP_METER >= _START_METER, _STOP_METER - _START_METER), else_=transactions.c.energy_wh
)
_THIS_TRANSACTION = and_(
    transactions.c.organization_uuid == given(transactions.c.organization_uuid, "of_organization"),
    transactions.c.charge_box_id == given(transactions.c.charge_box_id, "of_charger"),
    transactions.c.transaction_id == given(transactions.c.transaction_id, "of_transaction"),
    schema.RUNNING,
)
end_transaction = (
    update(transactions)
    .where(_THIS_TRANSACTION)
    .values(
        state="ended",
        stopped_at=given(transactions.c.stopped_at),
        meter_stop_wh=_STOP_METER,
        energy_wh=_ENERGY,
        stop_reason=given(transactions.c.stop_reason),
    )
)
note_progress = (
    update(transactions)
    .where(_THIS_TRANSACTION)
    .values(
        meter_start_wh=func.coalesce(_START_METER, _STOP_METER),
        energy_wh=case(
            (_STOP_METER < _START_METER, transactions.c.energy_wh),
            else_=_STOP_METER - func.coalesce(_START_METER, _STOP_METER),
        ),
    )
)
note_particulars = (
    update(transactions)
    .where(_THIS_TRANSACTION)
    .values(
        evse_id=func.coalesce(
            func.nullif(transactions.c.evse_id, 0), given(transactions.c.evse_id, "claimed_evse_id")
        ),
        connector_id=_only_where_empty(transactions.c.connector_id),
        id_token=_only_where_empty(transactions.c.id_token),
        remote_start_id=_only_where_empty(transactions.c.remote_start_id),
    )
)
add_reading = _insert(meter_readings, without=("id",))
readings = (
    select(meter_readings.c.samples)
    .where(
        _of_charger(meter_readings),
        meter_readings.c.transaction_id == given(meter_readings.c.transaction_id),
    )
    .order_by(meter_readings.c.id)
)

# ---- tokens and commands ----

accept_token = _upsert(id_tokens, ("organization_uuid", "id_token", "source", "charge_box_id"))
_TOKEN_SINCE = (
    select(id_tokens.c.id_token)
    .where(
        id_tokens.c.organization_uuid == given(id_tokens.c.organization_uuid),
        id_tokens.c.id_token == given(id_tokens.c.id_token),
        id_tokens.c.accepted_at >= given(id_tokens.c.accepted_at, "since"),
    )
    .limit(1)
)
# What we started is known on its charger only, a target's verdict in the whole organization.
token_of_target = _TOKEN_SINCE.where(id_tokens.c.source == "target")
token_of_platform = _TOKEN_SINCE.where(
    id_tokens.c.source == "platform",
    id_tokens.c.charge_box_id == given(id_tokens.c.charge_box_id),
)

add_command = _insert(commands)
finish_command = (
    update(commands)
    .where(commands.c.command_id == given(commands.c.command_id, "of_command"))
    .values(
        state=given(commands.c.state),
        response=given(commands.c.response),
        finished_at=given(commands.c.finished_at),
    )
)
command = select(commands).where(
    _of_charger(commands), commands.c.command_id == given(commands.c.command_id)
)

# ---- messages ----

append_message = _insert(messages)
# A cursor may be committed though the message that it passed was lost: its position is taken too.
_positions = union_all(
    select(func.max(messages.c.seq).label("position")), select(func.max(cursors.c.position))
).subquery()
last_position = select(func.max(_positions.c.position).label("position"))
calls_after = (
    select(messages)
    .where(
        _of_charger(messages),
        NO_ANSWER,
        messages.c.seq > given(messages.c.seq, "after"),
        messages.c.direction == "charger_to_platform",
        messages.c.message_type == "Call",
    )
    .order_by(messages.c.seq)
    .limit(_limit())
)


# How the columns of a call's answer are told from the call's own.
ANSWER = "answer_"
_answers = messages.alias("answers")
_exchanges = (
    select(*messages.c, *(column.label(ANSWER + column.key) for column in _answers.c))
    .select_from(messages.outerjoin(_answers, _answers.c.answers == messages.c.seq))
    .where(_of_charger(messages), NO_ANSWER)
    .order_by(messages.c.seq.desc())
    .limit(_limit())
)
_FILTERS: Mapping[str, ColumnElement[bool]] = {
    "action": messages.c.action == given(messages.c.action),
    "direction": messages.c.direction == given(messages.c.direction),
    "message_id": messages.c.message_id == given(messages.c.message_id),
    "since": messages.c.timestamp >= given(messages.c.timestamp, "since"),
    "until": messages.c.timestamp < given(messages.c.timestamp, "until"),
    "before": messages.c.seq < given(messages.c.seq, "before"),
}


@cache
def page_of_exchanges(filters: frozenset[str]) -> Select[Any]:
    """Return the query for a page with these filters; each combination is built once."""
    return _exchanges.where(*(_FILTERS[name] for name in sorted(filters)))
