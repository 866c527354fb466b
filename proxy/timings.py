"""How patient the proxy is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Every deadline, pause and rate of relays and target links; durations in s."""

    # A charger waits so long for its target's answer, before ours goes out.
    ask: float = 15.0
    # A target has so long to answer one CALL.
    answer: float = 30.0
    # A target's command waits so long for its turn on the charger's link.
    patience: float = 20.0
    # And the charger has so long to answer it; both together end before the target gives up.
    command: float = 30.0
    # As a charge point sends transaction messages again (OCPP 1.6 §3.7.1).
    attempts: int = 3
    attempt_interval: float = 60.0
    # How far a target has got is on disk so long after it got there: the log tells it as well.
    noting: float = 1.0
    # A target that leaves so many CALLs in a row unanswered, without a word, is dialled anew.
    silent_calls: int = 3
    # A target that loses its link so often with one and the same message in flight gets another.
    hang_ups: int = 10
    # What has waited so long is worth nothing any more, but for what begins and ends a session.
    longest_wait: float = 7 * 86_400.0
    # How many bytes may wait for all targets of one organization.
    largest_queue: int = 1 << 30
    # How often both are looked at.
    sweep: float = 600.0
    # Name lookup, TCP, TLS and handshake together.
    dial: float = 10.0
    first_backoff: float = 1.0
    longest_backoff: float = 30.0
    # After 401 or 403: somebody has to correct a configuration first.
    longest_backoff_refused: float = 300.0
    # Whatever a target asks for with Retry-After.
    longest_backoff_wanted: float = 3600.0
    jitter: float = 0.2
    dials_per_window: int = 10
    dial_window: float = 60.0
    # When many chargers come at once their targets are dialled in waves, this far apart.
    wave: float = 1.0
    # Where a target that is not ready names no interval.
    boot_interval: float = 60.0
    # A target that wants us more often has to be content with this.
    shortest_interval: float = 1.0
    # Where a target has not named one yet.
    heartbeat_interval: float = 300.0
    # However much is said besides.
    rarest_heartbeat: float = 86_400.0
    # A charger never seen before has so long to introduce itself, before the target hears of it.
    introduction: float = 5.0
    # After a start chargers have so long to come back, before what waits is delivered without them.
    resume: float = 60.0
    # A target link outlives its charger's so long: most are back at once.
    linger: float = 5.0
    # What is on its way to a target when its link is to end has so long to be answered.
    farewell: float = 2.0
    # A target that is to be left gets what waits for it in this time, where its owner wants that.
    drain: float = 600.0
    # A clock that is further off than this is worth a line in the log.
    skew: float = 60.0
    # As a target orders it by key; else its Boot's interval holds.
    ordered_heartbeat: float | None = None
    # How often a target's link is probed.
    ping: float = 10.0
    # A charger that has ended a transaction has so long to say what else there is.
    settling: float = 2.0
    # What a target starts remotely begins in this time; a driver may have to plug in first.
    remote_start: float = 600.0
    # A token that the target accepted so long ago is accepted while the target is away.
    known_token: float = 30 * 86_400.0
