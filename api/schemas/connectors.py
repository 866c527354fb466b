"""Data connectors (seed 000): what is given of one, and what is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import marshmallow
from marshmallow import fields, validate

from api.schemas.common import Done, OfKinds, Schema, Success, next_cursor
from api.schemas.connector_types import KINDS, Kind
from api.schemas.fields import Boolean, Integer, Moment, choice, text
from storage.sink_probe import STEPS

FIELDS = ("name", "type", "enabled", "configuration", "credentials")

Kinds: TypeAlias = Mapping[str, marshmallow.Schema]  # by type


# ---- what is given ----


class ConnectorFields(Schema):
    """What all types have in common."""

    name = text(
        100,
        pattern=r"[a-z0-9-]*",
        required=True,
        about="Unique in the organization: lowercase letters, numbers and dashes.",
    )
    enabled = Boolean(
        load_default=True,
        metadata={"description": "Whether records are written; they wait while they are not."},
    )


def _of(types: Mapping[str, Kind], suffix: str, *, partial: Sequence[str]) -> Kinds:
    """Return the schema of each type, in which some fields need not be given."""
    return {
        type: ConnectorFields.from_dict(
            {
                "type": choice(type, required=True),
                "configuration": fields.Nested(kind.configuration, required=True),
                "credentials": fields.Nested(kind.credentials, required=True, load_only=True),
            },
            name=f"{kind.name}{suffix}",
        )(partial=partial)
        for type, kind in types.items()
    }


class _AnyType(OfKinds, ConnectorFields):
    """What is asked of a body before its type is known."""

    type = choice(*KINDS, required=True)
    configuration = fields.Dict(required=True)
    credentials = fields.Dict(required=True, load_only=True)


class ConnectorRequest(_AnyType):
    """A whole connector, judged as its `type` wants it."""

    kinds: ClassVar[Kinds] = _of(KINDS, "Connector", partial=())

    def load(self, data: Any, **options: Any) -> Any:
        """Return the body; raise ValidationError."""
        named = data.get("type") if isinstance(data, Mapping) else None
        kind = self.kinds.get(named) if isinstance(named, str) else None
        return kind.load(data, **options) if kind else super().load(data, **options)


class ConnectorChange(_AnyType):
    """Some fields of a connector, judged when its type is known, which the path says."""

    kinds: ClassVar[Kinds] = _of(KINDS, "ConnectorChange", partial=FIELDS)


# ---- what is told ----


class DataConnector(Schema):
    """A connector as it is told; its credentials never are."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    type = fields.String(required=True, validate=validate.OneOf(list(KINDS)))
    enabled = Boolean(required=True)
    configuration = fields.Dict(required=True, metadata={"description": "As it was given."})
    credentials: fields.Constant[dict[str, str]] = fields.Constant(
        {}, required=True, metadata={"type": "object", "maxProperties": 0}
    )
    inserted_at = Moment(required=True)
    updated_at = Moment(required=True)


class Connectors(Done):
    """A page of connectors."""

    connectors = fields.List(fields.Nested(DataConnector), required=True)
    next_cursor = next_cursor()


class OneConnector(Done):
    """One connector."""

    connector = fields.Nested(DataConnector, required=True)


def _count(about: str, **more: Any) -> Integer:
    return Integer(required=True, metadata={"description": about}, **more)


class ConnectorStatus(Schema):
    """How a connector is, and how far it has got."""

    state = fields.String(
        required=True,
        validate=validate.OneOf(["running", "disabled", "error"]),
        metadata={"description": "error: nothing is written at the moment, see `last_error`."},
    )
    last_delivered_seq = _count("The `seq` of the last record that is written.", allow_none=True)
    last_delivered_at = Moment(allow_none=True, required=True)
    lag_records = _count("How many records are not written yet.")
    lag_seconds = fields.Float(
        required=True, metadata={"description": "How old the oldest of them is."}
    )
    last_error = fields.String(
        allow_none=True,
        required=True,
        metadata={"description": "Why nothing is written, and what to do about it."},
    )
    last_error_at = Moment(allow_none=True, required=True)
    objects_written = _count("How many objects there are.")
    records_written = _count("How many records are in them.")
    bytes_written = _count("How large they are, compressed.")


class OneConnectorStatus(Success):
    """How one connector is."""

    status = fields.Nested(ConnectorStatus, required=True)


class ConnectorTestStep(Schema):
    """One step of a test."""

    step = fields.String(required=True, validate=validate.OneOf(STEPS))
    ok = Boolean(required=True)
    detail = fields.String(required=True)


class ConnectorTest(Success):
    """What came of a test: its steps in order; the first that failed is the last."""

    ok = Boolean(required=True)
    message = fields.String(required=True)
    steps = fields.List(fields.Nested(ConnectorTestStep), required=True)
