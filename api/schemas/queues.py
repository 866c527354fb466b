"""The queue of a target: what it has yet to get, and what it did not take."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.common import Done, Schema, Success, next_cursor
from api.schemas.fields import Boolean, Integer, Moment, choice

STATES = ("queued", "sent", "dead")


class Entry(Schema):
    """One message of the charger; the message itself is in the message log."""

    entry = Integer(required=True, metadata={"description": "Its `seq` in the message log."})
    action = fields.String(required=True)
    queued_at = Moment(
        allow_none=True,
        required=True,
        metadata={"description": "Null where the message log has it no longer."},
    )
    state = choice(
        *STATES,
        required=True,
        about="sent: it went out, and was not taken yet. dead: it does not go out again by itself.",
    )
    reason = fields.String(allow_none=True, required=True)
    attempts = Integer(required=True)
    maybe_duplicate = Boolean(
        required=True,
        metadata={"description": "The target may have it: an attempt ended without an answer."},
    )
    bytes = Integer(allow_none=True, required=True)


class Queue(Success):
    """A page of a queue, oldest message first."""

    entries = fields.List(fields.Nested(Entry), required=True)
    next_cursor = next_cursor()


class Purged(Done):
    """How much was taken out of a queue."""

    purged = Integer(required=True)
    dead_letters = Integer(required=True)
