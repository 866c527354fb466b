"""Read what a configuration's owner wants of its proxy: the ``policy`` object, typed.

What the owner does not say, and what an older or newer release stored, has its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final, Literal, Self, TypeAlias, cast, get_args

Order: TypeAlias = Literal["forward", "answer", "error"]
Judge: TypeAlias = Literal["target", "platform", "platform_then_target"]
OnTargetDown: TypeAlias = Literal["accept_known", "accept_all", "reject"]
LateReject: TypeAlias = Literal["ignore", "notify", "remote_stop"]
OrphanPolicy: TypeAlias = Literal["minus_one", "skip"]
BootOnReconnect: TypeAlias = Literal["auto", "always", "never"]
OnChange: TypeAlias = Literal["keep", "drain", "discard"]

ORDERS: Final[tuple[str, ...]] = get_args(Order)
# What each wish may be; the API's schema is made of this table.
CHOICES: Final[Mapping[str, tuple[str | bool, ...]]] = {
    "authority": get_args(Judge),
    "on_target_down": get_args(OnTargetDown),
    "late_reject": get_args(LateReject),
    "orphan_policy": get_args(OrphanPolicy),
    "boot_on_reconnect": get_args(BootOnReconnect),
    "on_change": get_args(OnChange),
    "drain_after_disconnect": (True, False),
    "allow_missing_subprotocol": (False, True),
}
_NONE: Final[Mapping[str, Order]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the owner of a proxy configuration decided; the defaults are the contract's."""

    # Verdicts on the target's commands, by action.
    actions: Mapping[str, Order] = field(default_factory=lambda: _NONE)
    # Who judges an id token.
    authority: Judge = "target"
    # How a token is judged where the target does not say.
    on_target_down: OnTargetDown = "accept_known"
    # What becomes of a session whose token the target rejects when it runs already.
    late_reject: LateReject = "notify"
    # What follows a start that the target never took: id -1, or nothing.
    orphan_policy: OrphanPolicy = "minus_one"
    # Whether the target hears a Boot when only its link was lost.
    boot_on_reconnect: BootOnReconnect = "auto"
    # What becomes of the queue when the configuration leads to another target.
    on_change: OnChange = "keep"
    # Whether an absent charger's target link stays until its queue is empty.
    drain_after_disconnect: bool = True
    # Whether a target that selects no subprotocol is taken at the charger's.
    allow_missing_subprotocol: bool = False

    @classmethod
    def of(cls, policy: Mapping[str, Any]) -> Self:
        """Read a configuration's ``policy``."""
        known = {
            name: policy[name]
            for name, choices in CHOICES.items()
            if name in policy and _is_one_of(policy[name], choices)
        }
        return cls(actions=_orders(policy.get("actions")), **known)

    def told(self) -> dict[str, Any]:
        """Return the whole ``policy`` object, defaults included."""
        told = {wish.name: getattr(self, wish.name) for wish in fields(self)}
        return {**told, "actions": dict(self.actions)}


def _is_one_of(value: Any, choices: tuple[str | bool, ...]) -> bool:
    return any(value == choice and type(value) is type(choice) for choice in choices)


def _orders(given: Any) -> Mapping[str, Order]:
    named = given if isinstance(given, Mapping) else {}
    orders = {action: order for action, order in named.items() if order in ORDERS}
    return MappingProxyType(cast("dict[str, Order]", orders))
