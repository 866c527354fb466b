"""Connections of chargers and sites (seed 001): what is applied, and what each charger has."""

from __future__ import annotations

from typing import Any, get_args

from marshmallow import ValidationError, fields, pre_load, validate
from webargs.multidictproxy import MultiDictProxy

from api.schemas.common import Nothing, PageQuery, next_cursor
from api.schemas.fields import Boolean, Digits, Flag, Integer, Moment, choice, nullable, text
from api.schemas.stations import CamelCase
from proxy.states import State
from storage.commissioning_records import ConnectivityMode, RolloutState, StepState

MODES: tuple[str, ...] = get_args(ConnectivityMode)
STATES: tuple[str, ...] = get_args(StepState)
ROLLOUT_STATES: tuple[str, ...] = get_args(RolloutState)
# What would become of a charger.
FORESEEN = ("applied", "unchanged", "failed", "superseded", "gone")
MOST_CANARIES = 10_000
LONGEST_WAIT = 3600  # s


class Commissioned(CamelCase):
    """Names as the seed spells them: in camelCase, but for the charge_box_id."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Rename a field."""
        if field_name != "charge_box_id":
            super().on_bind_field(field_name, field_obj)


# ---- what goes in ----


class ApplyRequest(Commissioned):
    """What to apply."""

    version = text(255, required=True, about="A version of connection details.")


class Canary(Commissioned):
    """How many chargers go first, and how long their links may take."""

    chargers = Integer(
        required=True,
        validate=validate.Range(min=1, max=MOST_CANARIES),
        metadata={"description": "So many go first, connected ones before others."},
    )
    seconds = Integer(
        required=True,
        validate=validate.Range(min=1, max=LONGEST_WAIT),
        metadata={"description": "Until then all of them are to be linked."},
    )


class SiteApplyRequest(ApplyRequest):
    """What to apply to all chargers of a site, and how."""

    canary = fields.Nested(
        Canary,
        metadata={"description": "Go on to the others only if the first ones are linked in time."},
        **nullable(),
    )


class RollbackRequest(Nothing):
    """Nothing: what is taken back is the newest rollout, and a dry run is asked for in the URL."""


class DryRunQuery(CamelCase):
    """Whether it is meant. A dry run that is misspelt is refused: it would be carried out."""

    dry_run = Flag(
        load_default=False,
        metadata={
            "description": "Change nothing, and say what would change. Parameters that are not "
            "known here, or given twice, are refused."
        },
    )

    @pre_load
    def _refuse_what_is_misspelt(self, asked: MultiDictProxy, **_: object) -> MultiDictProxy:
        """Raise ValidationError naming the parameters that are unknown, or there twice."""
        known = {"pretty", *(str(one.data_key) for one in self.fields.values())}
        told = f"Unknown parameter: {' and '.join(sorted(known))} are known here."
        wrong = {
            name: ["Give this once." if name in known else told]
            for name in asked
            if name not in known or len(asked.getall(name)) > 1
        }
        if wrong:
            raise ValidationError(wrong)
        return asked


class RolloutsQuery(PageQuery):
    """Which of the rollouts."""

    limit = Digits(load_default=20, validate=validate.Range(min=1, max=100))


# ---- what comes out ----


def _told(about: str) -> fields.String:
    return fields.String(allow_none=True, required=True, metadata={"description": about})


def _serial_number() -> fields.String:
    told = "Its charge_box_id as long as nobody has told its serial number."
    return fields.String(required=True, metadata={"description": told})


class Change(Commissioned):
    """One field of the proxy configuration, before and after."""

    field = fields.String(required=True)
    from_ = fields.Raw(
        data_key="from",
        allow_none=True,
        required=True,
        metadata={"description": "Null for passwords and certificates."},
    )
    to = fields.Raw(
        allow_none=True,
        required=True,
        metadata={"description": "Null for passwords and certificates."},
    )


class ChargerApplied(Commissioned):
    """What became of one charger; in a dry run, what would become of it."""

    dry_run = Boolean(metadata={"description": "Told in a dry run only."})
    version = fields.String(required=True)
    serial_number = _serial_number()
    charge_box_id = fields.String(required=True)
    state = choice("applied", "unchanged", required=True)
    changes = fields.List(
        fields.Nested(Change), metadata={"description": "Told in a dry run only."}
    )


class Result(Commissioned):
    """What has become of one charger so far."""

    serial_number = _serial_number()
    charge_box_id = fields.String(required=True)
    state = choice(*STATES, required=True)
    error = _told("Why it failed or was halted.")


class SiteApplied(Commissioned):
    """A rollout that has begun."""

    site_id = fields.String(required=True)
    version = _told("What is applied; null where a rollout is taken back.")
    rollout_id = fields.String(required=True)
    results = fields.List(fields.Nested(Result), required=True)


class ForeseenResult(Commissioned):
    """What would become of one charger."""

    serial_number = _serial_number()
    charge_box_id = fields.String(required=True)
    state = choice(*FORESEEN, required=True)
    error = _told("Why it would fail.")
    changes = fields.List(fields.Nested(Change), required=True)


class SiteForeseen(Commissioned):
    """What a dry run says: what would change, of which nothing was done."""

    dry_run = Boolean(required=True)
    site_id = fields.String(required=True)
    version = _told("What would be applied; null where a rollout would be taken back.")
    results = fields.List(fields.Nested(ForeseenResult), required=True)


class ChargerConnection(Commissioned):
    """What a charger is to have, what it has, and how its link is."""

    serial_number = _serial_number()
    charge_box_id = fields.String(required=True)
    site_id = fields.String(allow_none=True, required=True)
    wanted_version = _told("What was applied last; null: nothing of ours.")
    applied_version = _told("What is installed; null: nothing of ours.")
    applied_at = Moment(allow_none=True, required=True)
    requested_by = _told("The id of the key or the person that applied it, or `automatic`.")
    connectivity_mode = choice(
        *MODES, allow_none=True, required=True, about="As the applied version says."
    )
    charge_point_id = _told("As which the charger is known at the operator's server.")
    state = choice(
        *STATES, allow_none=True, required=True, about="Of the last apply; null: there was none."
    )
    error = _told("Why the last apply failed or was halted.")
    link_state = choice(
        *(state.value for state in State),
        allow_none=True,
        required=True,
        about="Null without a proxy configuration.",
    )
    last_error = _told("What was wrong with the link last.")
    proxy_configuration_id = fields.Integer(allow_none=True, required=True)
    drift = fields.List(
        fields.String(),
        required=True,
        metadata={
            "description": "Fields of the proxy configuration that were changed by hand since; "
            "`proxy_configuration` where it was deleted."
        },
    )


def _count() -> fields.Integer:
    return fields.Integer(required=True)


Counts = Commissioned.from_dict({state: _count() for state in STATES}, name="RolloutCounts")


class ToldCanary(Commissioned):
    """How many chargers went first, and how long their links could take."""

    chargers = fields.Integer(required=True)
    seconds = fields.Integer(required=True)


class Rollout(Commissioned):
    """A version applied to all chargers of a site, or such a rollout taken back."""

    rollout_id = fields.String(required=True)
    version = _told("What is applied; null where a rollout is taken back.")
    takes_back = _told("The rollout that is taken back.")
    state = choice(*ROLLOUT_STATES, required=True)
    error = _told("Why it was halted.")
    canary = fields.Nested(ToldCanary, allow_none=True, required=True)
    requested_by = fields.String(required=True)
    created_at = Moment(required=True)
    finished_at = Moment(allow_none=True, required=True)
    counts = fields.Nested(Counts, required=True)


class SiteConnections(Commissioned):
    """A site, its last rollout, and what its chargers have, by charge_box_id."""

    site_id = fields.String(required=True)
    name = fields.String(required=True)
    rollout = fields.Nested(Rollout, allow_none=True, required=True)
    results = fields.List(fields.Nested(ChargerConnection), required=True)
    next_cursor = next_cursor()


class SiteRollouts(Commissioned):
    """A page of a site's rollouts, newest first."""

    rollouts = fields.List(fields.Nested(Rollout), required=True)
    next_cursor = next_cursor()


class FinishedResult(Result):
    """What has become of one charger so far, and since when."""

    finished_at = Moment(allow_none=True, required=True)


class OneRollout(Commissioned):
    """A rollout, and what has become of each charger, in the order in which they are changed."""

    rollout = fields.Nested(Rollout, required=True)
    results = fields.List(fields.Nested(FinishedResult), required=True)
    next_cursor = next_cursor()
