"""The server under attack: that of `bench.faults`, which tells of each guess that it evaluates."""

from __future__ import annotations

import os

import structlog

from bench.faults.server import main
from csms.attempts import Attempts
from storage.records import ChargerKey

log = structlog.get_logger("bench.attacks")


def tell_of_guesses() -> None:
    """Log whose attempts are evaluated: from outside all refusals look the same."""
    original = Attempts.allows

    def allows(self: Attempts, address: str, key: ChargerKey | None) -> bool:
        allowed = original(self, address, key)
        if allowed and key is not None:
            evaluated = f"evaluated {address} {key.charge_box_id}"
            log.info(evaluated)
        return allowed

    Attempts.allows = allows  # type: ignore[method-assign]  # this is the point


if __name__ == "__main__":
    tell_of_guesses()
    main(os.environ)
