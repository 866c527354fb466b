"""Tell of what is committed which chargers it changes, as far as an overview shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, cast

from storage.database import Row, Statement, Values, Write
from storage.records import ChargerKey
from storage.statements import chargers, proxies, sites, transactions

_Keys: TypeAlias = Callable[[Values], Iterable[ChargerKey]]


def changed(writes: Sequence[Write]) -> Iterator[ChargerKey]:
    """Yield which chargers a transaction has changed; one may come more than once."""
    for statement, rows in writes:
        keys = _CHANGING.get(statement)
        if keys is not None:
            for row in rows:
                yield from keys(row)


def _first(row: Values) -> Iterator[ChargerKey]:
    organization_uuid, charge_box_id, *_ = cast("tuple[str, ...]", row)
    yield ChargerKey(organization_uuid, charge_box_id)


def _named(row: Values) -> Iterator[ChargerKey]:
    values = cast("Row", row)
    yield ChargerKey(values["organization_uuid"], values["charge_box_id"])


def _pointed_at(row: Values) -> Iterator[ChargerKey]:
    values = cast("Row", row)
    yield ChargerKey(values["of_organization"], values["of_charger"])


def _among(row: Values) -> Iterator[ChargerKey]:
    values = cast("Row", row)
    names = {name for key, name in values.items() if key.startswith("name_")}
    return (ChargerKey(values["organization_uuid"], name) for name in names)


_CHANGING: Mapping[Statement, _Keys] = {
    chargers.note_status: _first,
    chargers.add_charger: _named,
    chargers.delete_charger: _named,
    chargers.note_boot: _named,
    chargers.note_connected: _named,
    chargers.note_disconnected: _named,
    chargers.replace_charger: _pointed_at,
    proxies.add_proxy_configuration: _named,
    proxies.replace_proxy_configuration: _named,
    sites.enter_site: _among,
    sites.leave_site: _among,
    transactions.add_reading: _named,
    transactions.add_transaction: _named,
    transactions.change_transaction: _pointed_at,
}
