"""Name what serves a target's CALL that the policy lets pass."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from csms.frames import Call, CallResult, Reply

if TYPE_CHECKING:
    from proxy.target import TargetLink
    from storage.records import ProxyConfiguration


@dataclass(frozen=True, slots=True)
class Asked:
    """One CALL of a target that the policy lets pass, whose it is, and its position in the log."""

    call: Call
    target: TargetLink
    position: int

    @property
    def configuration(self) -> ProxyConfiguration:
        """Return what is stored of the target; its id is the owner of what the target sets."""
        return self.target.configuration


# Answer the target under its own message id, or return None: then the charger is asked in the
# target's words. CallRefused and LinkError become the target's CALLERROR.
Serve: TypeAlias = Callable[[Asked], Awaitable[Reply | None]]


class Ask(Protocol):
    """Call the charger with an action and its payload, in turn with everybody else."""

    async def __call__(self, action: str, told: bytes, origin: int | None = None, /) -> CallResult:
        """Return the answer; ``origin`` is the position of the target's CALL that is passed on."""
