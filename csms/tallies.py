"""What all links of one side have carried, and how long their answers took.

They are fed where it happens and read when somebody asks (`api/metrics.py`): a message costs some
additions and one look into a dictionary.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from csms.stations import STATIONS
from csms.traffic import Traffic
from storage.tallies import Histogram

# Each is told as 0 from the start: where a counter begins with 3, Prometheus sees no increase.
REASONS = (
    *("unknown", "password", "profile", "certificate", "too_many_attempts", "no_such_path"),
    *("no_subprotocol", "another_device", "tls", "crowded", "storage"),
)

# Stands for every action that no version of OCPP has: a peer can make up names without end.
OTHER = "other"


def known_actions() -> frozenset[str]:
    """Name every action of every version, in either direction."""
    return frozenset().union(*(kind.schemas.actions for kind in STATIONS.values()))


class Latencies(dict[str, Histogram]):
    """How long something took, by action; costs no call where the action was there before."""

    def __init__(self, known: frozenset[str]) -> None:
        super().__init__()
        self._known = known

    def __missing__(self, action: str) -> Histogram:
        return self.setdefault(action if action in self._known else OTHER, Histogram())


class LinkTally:
    """All links of one side: to chargers, or to targets."""

    def __init__(self, known: frozenset[str]) -> None:
        self._known = known
        self._live: set[Traffic] = set()
        self._ended = Traffic()
        self.served = Latencies(known)  # s, from a peer's CALL until our answer leaves
        self.asked = Latencies(known)  # s, from our CALL until the peer's answer
        self.refused: Counter[str] = Counter()  # of ours: answered by a CALLERROR, by action
        self.silent: Counter[str] = Counter()  # of ours: not answered in time, by action

    def __len__(self) -> int:
        """Tell how many links there are."""
        return len(self._live)

    def begin(self, traffic: Traffic) -> None:
        """Count a link from now on."""
        self._live.add(traffic)

    def end(self, traffic: Traffic) -> None:
        """Keep what a link has carried that has ended."""
        if traffic in self._live:
            self._live.discard(traffic)
            self._ended.add(traffic)

    def refuse(self, action: str) -> None:
        """Count a CALL of ours that was answered by a CALLERROR."""
        self.refused[self._name(action)] += 1

    def miss(self, action: str) -> None:
        """Count a CALL of ours that was not answered in time."""
        self.silent[self._name(action)] += 1

    def traffic(self) -> Traffic:
        """Return what all links have carried since the start."""
        whole = Traffic()
        whole.add(self._ended)
        for each in self._live:
            whole.add(each)
        return whole

    def _name(self, action: str) -> str:
        return action if action in self._known else OTHER


@dataclass(frozen=True, slots=True)
class DoorTally:
    """Who was not let in, by why; see `Verdict.reason` for what is presented at the door."""

    refused: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(REASONS, 0)))
