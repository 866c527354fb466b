"""The message log: what was said on a charger's links, each CALL with its answer."""

from __future__ import annotations

from typing import get_args

from marshmallow import fields

from api.schemas.common import PageQuery, Schema, Success, next_cursor
from api.schemas.fields import CHARGE_BOX_ID, Boolean, Integer, Moment, choice, text
from storage.records import Direction, MessageType


class MessageQuery(PageQuery):
    """Which messages of a charger."""

    action = text(255, load_default=None)
    direction = choice(*get_args(Direction), load_default=None)
    message_id = text(255, load_default=None)
    since = Moment(load_default=None)
    until = Moment(load_default=None)


class FleetMessageQuery(MessageQuery):
    """Which messages of all chargers."""

    charge_box_id = text(48, pattern=CHARGE_BOX_ID, load_default=None)


class StreamQuery(Schema):
    """Which messages of a charger are told as they are committed."""

    action = text(255, load_default=None)
    direction = choice(*get_args(Direction), load_default=None)


class FleetStreamQuery(StreamQuery):
    """Which messages of all chargers are told as they are committed."""

    charge_box_id = text(48, pattern=CHARGE_BOX_ID, load_default=None)


class Frame(Schema):
    """What a frame says: a payload, an error, or text that cannot be read."""

    seq = Integer(required=True)
    timestamp = Moment(required=True)
    message_type = choice(*get_args(MessageType), required=True)
    payload = fields.Raw(metadata={"description": "As it was on the wire, number by number."})
    error_code = fields.String(allow_none=True)
    error_description = fields.String(allow_none=True)
    error_details = fields.Raw()
    raw = fields.String(metadata={"description": "The frame, where it cannot be read."})


class Said(Frame):
    """A frame, and who said it to whom."""

    charge_box_id = fields.String(required=True)
    direction = choice(*get_args(Direction), required=True)
    ocpp_version = fields.String(required=True)
    message_id = fields.String(allow_none=True, required=True)
    action = fields.String(allow_none=True, required=True)
    proxy_configuration_id = Integer(allow_none=True, required=True)
    origin = Integer(
        allow_none=True,
        required=True,
        metadata={
            "description": "What is passed on: the `seq` of the charger's message to a target, of "
            "a target's to the charger."
        },
    )
    maybe_duplicate = Boolean(
        allow_none=True,
        required=True,
        metadata={"description": "The target may have had it before."},
    )


class Message(Said):
    """One message that is no answer, and what came back on the same link."""

    answer = fields.Nested(Frame, allow_none=True, required=True)
    latency_ms = fields.Float(allow_none=True, required=True)


class Messages(Success):
    """A page of messages, newest first."""

    messages = fields.List(fields.Nested(Message), required=True)
    next_cursor = next_cursor()


# ---- events ----


class MessageEvent(Said):
    """One frame, as it was committed."""

    answers = Integer(
        allow_none=True,
        required=True,
        metadata={"description": "Of an answer: the `seq` of its call, where that is known."},
    )
    left_out = Integer(
        metadata={"description": "The bytes of a frame that is too large to be told here."}
    )


class GapEvent(Schema):
    """What was not told, because the client did not keep up or came back too late."""

    missed = Integer(
        required=True, metadata={"description": "How many messages, wanted ones or others."}
    )


class EndEvent(Schema):
    """Why the server ends a stream."""

    error = fields.String(required=True, metadata={"description": "A code for programs."})
    message = fields.String(required=True, metadata={"description": "A sentence for people."})
