"""What was asked of chargers, one by one or many at once, and what became of it."""

from __future__ import annotations

from marshmallow import INCLUDE, fields, validate

from api.schemas.common import PageQuery, Schema, next_cursor
from api.schemas.fields import Boolean, Digits, FreeForm, Moment, choice, text
from api.schemas.stations import CamelCase

STATES = ("sent", "answered", "failed", "timeout", "offline", "collecting", "complete")
# A command of a batch has these besides.
WAITING, NOT_FOUND = "waiting", "notFound"
MOST_STATIONS = 1000


class OcppRequest(Schema):
    """The payload of an action, in the words of the charger's OCPP version."""

    class Meta:
        """Take whatever comes: the version's schema judges it."""

        unknown = INCLUDE


class CommandsQuery(PageQuery):
    """Which commands."""

    action = text(64, pattern="[A-Za-z0-9]*", load_default=None, about="Only this action.")
    state = choice(*STATES, load_default=None, about="Only those in this state.")


class PartsQuery(PageQuery):
    """Which of the parts."""

    limit = Digits(load_default=20, validate=validate.Range(min=1, max=100))


class Progress(CamelCase):
    """How far the late parts have come."""

    parts = fields.Integer(required=True)
    complete = Boolean(required=True)
    last_at = Moment(allow_none=True, required=True)


class Part(CamelCase):
    """A message that the charger sent after its answer, as it was on the wire."""

    action = fields.String(required=True)
    payload = fields.Dict(required=True)
    received_at = Moment(required=True)


class Command(CamelCase):
    """Something that was asked of a charger, and what became of it."""

    command_id = fields.String(required=True)
    action = fields.String(required=True)
    request = fields.Dict(required=True)
    requested_by = fields.String(required=True)
    state = choice(*STATES, required=True)
    response = fields.Dict(allow_none=True, required=True)
    created_at = Moment(required=True)
    finished_at = Moment(allow_none=True, required=True)
    batch_id = fields.String(allow_none=True, required=True)
    request_id = fields.Integer(allow_none=True, required=True)


class CommandWithParts(Command):
    """A command, and what came after its answer, oldest first."""

    progress = fields.Nested(Progress, allow_none=True, required=True)
    parts = fields.List(fields.Nested(Part), required=True)
    next_cursor = next_cursor()


class OneCommand(CamelCase):
    """One command."""

    command = fields.Nested(CommandWithParts, required=True)


class Commands(CamelCase):
    """A page of commands, newest first."""

    commands = fields.List(fields.Nested(Command), required=True)
    next_cursor = next_cursor()


class BatchRequest(CamelCase):
    """What to ask of which stations."""

    stations = fields.List(
        text(48), required=True, validate=validate.Length(min=1, max=MOST_STATIONS)
    )
    request = FreeForm(100, load_default=dict)


class BatchCounts(CamelCase):
    """How many of the stations are in which state."""

    total = fields.Integer(required=True)
    waiting = fields.Integer(required=True)
    sent = fields.Integer(required=True)
    answered = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    timeout = fields.Integer(required=True)
    offline = fields.Integer(required=True)
    collecting = fields.Integer(required=True)
    complete = fields.Integer(required=True)
    not_found = fields.Integer(required=True)


class BatchResult(CamelCase):
    """What became of it at one station."""

    station_id = fields.String(required=True)
    state = choice(WAITING, *STATES, NOT_FOUND, required=True)
    command_id = fields.String(allow_none=True, required=True)
    response = fields.Dict(allow_none=True, required=True)


class Batch(CamelCase):
    """One action asked of many stations."""

    batch_id = fields.String(required=True)
    action = fields.String(required=True)
    request = fields.Dict(required=True)
    requested_by = fields.String(required=True)
    created_at = Moment(required=True)
    finished_at = Moment(allow_none=True, required=True)
    counts = fields.Nested(BatchCounts, required=True)


class BatchesQuery(PageQuery):
    """Which of the batches."""

    limit = Digits(load_default=20, validate=validate.Range(min=1, max=100))


class StartedBatch(CamelCase):
    """A batch that has begun."""

    batch_id = fields.String(required=True)
    stations = fields.Integer(required=True)


class OneBatch(CamelCase):
    """A batch with its results, by station."""

    batch = fields.Nested(Batch, required=True)
    results = fields.List(fields.Nested(BatchResult), required=True)
    next_cursor = next_cursor()


class Batches(CamelCase):
    """A page of batches, newest first."""

    batches = fields.List(fields.Nested(Batch), required=True)
    next_cursor = next_cursor()
