"""Metrics of chargers, targets and the door: who is there, what is said, how long it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from prometheus_client.core import Metric

from api.metering.families import counter, gauge, histogram
from api.metering.sources import Sources
from csms.stations import STATIONS
from csms.tallies import LinkTally
from csms.traffic import Traffic
from proxy.states import State
from storage.tallies import Histogram

_UNKNOWN = "unknown"


def of_chargers(sources: Sources) -> Iterator[Metric]:
    """Tell which chargers there are."""
    versions = Counter(each.station.version for each in sources.registry)
    connected = {(kind.version,): versions[kind.version] for kind in STATIONS.values()}
    told = "Chargers with a live link, by OCPP version."
    yield gauge("chargers_connected", told, connected, ("ocpp_version",))
    totals = sources.census.totals
    if totals is not None:
        enrolled = {(version or _UNKNOWN,): count for version, count in totals.chargers.items()}
        enrolled = dict.fromkeys(connected, 0) | enrolled
        told = "Chargers that are enrolled, by the OCPP version that each spoke last."
        yield gauge("chargers_enrolled", told, enrolled, ("ocpp_version",))


def of_links(sources: Sources) -> Iterator[Metric]:
    """Tell what the links on both sides have carried, and how long answers took."""
    sides = {"charger": sources.gateway.links, "target": sources.relays.links}
    carried = {side: tally.traffic() for side, tally in sides.items()}
    both = ("link", "direction")
    told = "Frames of OCPP, by the side of the link and the direction as we see it."
    yield counter("link_frames", told, _ways(carried, "frames"), both)
    told = "Bytes of those frames, without WebSocket and TLS."
    yield counter("link_bytes", told, _ways(carried, "bytes"), both)
    told = "Frames that came and are no OCPP-J."
    malformed = {(side,): traffic.malformed for side, traffic in carried.items()}
    yield counter("link_malformed_frames", told, malformed, ("link",))
    told = "Answers that came to nothing that was asked."
    unsolicited = {(side,): traffic.unsolicited for side, traffic in carried.items()}
    yield counter("link_unsolicited_frames", told, unsolicited, ("link",))
    yield gauge("links", "Open links.", {(side,): len(t) for side, t in sides.items()}, ("link",))
    yield from _answers(sides)


def _answers(sides: Mapping[str, LinkTally]) -> Iterator[Metric]:
    labels = ("link", "action")
    served = _by_action({side: tally.served for side, tally in sides.items()})
    told = "From a peer's CALL until our answer left, which is when it was stored."
    yield histogram("calls_served_seconds", told, served, labels)
    asked = _by_action({side: tally.asked for side, tally in sides.items()})
    told = "From a CALL of ours until the peer's answer."
    yield histogram("calls_asked_seconds", told, asked, labels)
    refused = _of_actions({side: tally.refused for side, tally in sides.items()})
    yield counter("calls_refused", "CALLs of ours answered by a CALLERROR.", refused, labels)
    silent = _of_actions({side: tally.silent for side, tally in sides.items()})
    told = "CALLs of ours that had no answer in time."
    yield counter("calls_unanswered", told, silent, labels)


def _ways(carried: Mapping[str, Traffic], what: str) -> dict[tuple[str, str], float]:
    return {
        (side, way): getattr(traffic, f"{what}_{way}")
        for side, traffic in carried.items()
        for way in ("received", "sent")
    }


def _by_action(sides: Mapping[str, Mapping[str, Histogram]]) -> dict[tuple[str, str], Histogram]:
    return {
        (side, action): one for side, actions in sides.items() for action, one in actions.items()
    }


def _of_actions(sides: Mapping[str, Mapping[str, int]]) -> dict[tuple[str, str], float]:
    return {
        (side, action): count
        for side, actions in sides.items()
        for action, count in actions.items()
    }


def of_the_door(sources: Sources) -> Iterator[Metric]:
    """Tell who was not let in, and what concerns security."""
    refused = {(reason,): count for reason, count in sources.gateway.tally.refused.items()}
    told = "Chargers, or whoever said so, that were not let in, by why."
    yield counter("handshakes_refused", told, refused, ("reason",))
    told = "Sockets that stand at the door and have not shown who they are."
    yield gauge("handshakes_waiting", told, {(): len(sources.gateway.doorstep)})
    events = {(kind,): count for kind, count in sources.events.counted.items()}
    told = "Security events, those that the audit leaves out too."
    yield counter("security_events", told, events, ("type",))


def of_targets(sources: Sources) -> Iterator[Metric]:
    """Tell how the targets are, and what waits for them."""
    states = {(state.value,): count for state, count in _all(sources.relays.states()).items()}
    yield gauge("target_links", "Links to targets, by state.", states, ("state",))
    census = sources.census
    if census.totals is None:
        return
    stored = {
        (str(enabled).lower(),): census.totals.configurations.get(enabled, 0)
        for enabled in (True, False)
    }
    yield gauge("proxy_configurations", "Proxy configurations.", stored, ("enabled",))
    yield gauge(
        "dead_letters", "Messages that targets did not take.", {(): census.totals.dead_letters}
    )
    waiting = [each for each in census.queues.found.values() if each.messages]
    told = "Targets for which something waits."
    yield gauge("queues_waiting", told, {(): len(waiting)})
    told = "Messages that wait for targets."
    yield gauge("queue_messages", told, {(): sum(each.messages for each in waiting)})
    oldest = min((each.oldest for each in waiting if each.oldest), default=None)
    age = (sources.clock.now() - oldest).total_seconds() if oldest else 0.0
    yield gauge("queue_oldest_seconds", "Age of the oldest of them.", {(): max(age, 0.0)})


def _all(states: Counter[State]) -> dict[State, int]:
    return {state: states[state] for state in State}
