"""What an error of each status looks like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.schemas.example_values import COMMAND, MOMENT

_VALUES = "Some values cannot be used."


def _told(error: str, message: str, **more: Any) -> Mapping[str, Any]:
    return {"error": error, "message": message, **more}


PROBLEMS: Mapping[int, Mapping[str, Any]] = {
    400: _told("invalid_json", "The body is not valid JSON."),
    401: _told(
        "unauthorized",
        "A valid API key (x-api-key or Authorization: Bearer) or session is needed.",
    ),
    403: _told("forbidden", "The API key has not the scope operate."),
    404: _told("not_found", "There is no such object."),
    408: _told("too_slow", "The body did not arrive in time."),
    409: _told(
        "charger_offline",
        "The charger is not connected.",
        last_seen=MOMENT,
        last_disconnect=MOMENT,
    ),
    413: _told("too_large", "The body is larger than 1 MiB."),
    415: _told(
        "unsupported_media_type", "The body must be sent with Content-Type: application/json."
    ),
    422: _told("invalid", _VALUES, fields={"charge_box_id": ["Missing data for required field."]}),
    429: _told("rate_limited", "Too many requests at once; come again in some seconds."),
    500: _told("internal", "Something went wrong on our side."),
    502: _told(
        "charger_error",
        "The charger refused the command.",
        charger_error={"code": "NotSupported", "description": ""},
        command_id=COMMAND,
    ),
    503: _told("unavailable", "The database does not answer at the moment."),
    504: _told("charger_timeout", "The charger did not answer in time.", command_id=COMMAND),
}
