"""A link follows what is stored, however often it has to be told."""

from __future__ import annotations

import asyncio
from typing import Any

from proxy.following import Following
from proxy.states import Glance, State
from storage.errors import StorageUnavailable
from storage.records import ChargerKey
from tests.doubles import until

KEY = ChargerKey("org", "CP-1")


class Stubborn:
    """Be told in vain so often; ``told`` counts."""

    def __init__(self, faults: int) -> None:
        self.faults = faults
        self.told = 0

    async def configure(self, key: ChargerKey) -> None:
        assert key == KEY
        self.told += 1
        if self.told <= self.faults:
            raise (StorageUnavailable if self.told % 2 else RuntimeError)

    def glance(self, configuration: Any) -> Glance:
        return Glance(State.READY)


async def test_it_is_told_until_it_has_heard() -> None:
    links = Stubborn(3)
    await Following(links, 0.001).begin(KEY)
    assert links.told == 4


async def test_at_the_end_what_is_on_its_way_has_a_moment() -> None:
    links = Stubborn(1)
    following = Following(links, 0.001)
    following.begin(KEY)
    await following.close()
    assert links.told == 2


async def test_at_the_end_it_lets_go(monkeypatch: Any) -> None:
    monkeypatch.setattr("proxy.following._FAREWELL", 0.001)
    links = Stubborn(1)
    following = Following(links, 1000.0)
    task = following.begin(KEY)
    await until(lambda: links.told == 1)
    await following.close()
    assert task.cancelled()
    await asyncio.sleep(0)
    assert links.told == 1
