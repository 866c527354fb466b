"""The `policy` of a proxy configuration: what its owner wishes of the proxy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, pre_dump, validate

from api.schemas.common import Schema
from api.schemas.fields import Boolean, choice
from proxy.verdicts import ACTIONS
from proxy.wishes import CHOICES, ORDERS, Wishes

_DEFAULTS = Wishes().told()


def _choice(name: str, about: str) -> fields.String:
    words = [str(value) for value in CHOICES[name]]
    return choice(*words, about=about, load_default=_DEFAULTS[name])


def _flag(name: str, about: str) -> Boolean:
    return Boolean(load_default=_DEFAULTS[name], metadata={"description": about})


class Policy(Schema):
    """What the owner of a proxy configuration decides."""

    actions = fields.Dict(
        keys=fields.String(validate=validate.OneOf(sorted(ACTIONS))),
        values=choice(*ORDERS),
        load_default=dict,
        metadata={
            "description": "Verdicts on the target's commands, by action; what would change the "
            "charger's link to the platform stays closed."
        },
    )
    authority = _choice("authority", "Who judges id tokens in hybrid mode.")
    on_target_down = _choice(
        "on_target_down",
        "What becomes of a token that the target does not judge in time; known is what it "
        "accepted in the last 30 days.",
    )
    late_reject = _choice(
        "late_reject", "What becomes of a running session whose token the target rejects late."
    )
    orphan_policy = _choice(
        "orphan_policy",
        "What follows a start that the target never took: `transactionId` -1, or nothing.",
    )
    boot_on_reconnect = _choice(
        "boot_on_reconnect",
        "Whether the target gets a Boot when only its link was lost; `auto`: unless a "
        "transaction runs.",
    )
    on_change = _choice(
        "on_change",
        "What happens when the URL or the id there changes. keep: it is the same system, which "
        "gets what waits, under the ids that it gave. drain, discard: it is another one and never "
        "reads those ids; what waits the old one gets first, or nobody.",
    )
    drain_after_disconnect = _flag(
        "drain_after_disconnect",
        "Whether the target's link outlives the charger's until all is delivered.",
    )
    allow_missing_subprotocol = _flag(
        "allow_missing_subprotocol", "Whether a target may select no subprotocol at all."
    )

    @pre_dump
    def whole(self, stored: Mapping[str, Any], **_: Any) -> Mapping[str, Any]:
        """Tell every wish, also those that were never said."""
        return Wishes.of(stored).told()


def whole_policy() -> Any:
    """Return the policy of somebody who wishes for nothing in particular."""
    return Policy().load({})
