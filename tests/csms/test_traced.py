from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from csms.frames import OCPP16
from csms.link import Link
from csms.spans import Kind, Note, untraced
from csms.traced import linking_of
from storage.records import ChargerKey
from tests.doubles import Peer, echo, socket_pair


def test_what_is_not_to_be_traced_is_an_ordinary_link() -> None:
    assert linking_of(None, "charger") is untraced
    assert untraced(ChargerKey("o", "CP-1")) is Link


@dataclass
class Noted:
    """Note the names of spans, and what each tells."""

    names: list[str] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)

    @contextlib.contextmanager
    def span(
        self,
        name: str,
        kind: Kind,
        attributes: Mapping[str, str | int],
        *,
        said: int | None = None,
        of: int | None = None,
    ) -> Iterator[Note]:
        self.names.append(name)
        self.told.append(attributes)
        yield lambda *_: None


async def test_names_that_a_peer_makes_up_are_none_of_ours() -> None:
    noted = Noted()
    ours, theirs = socket_pair()
    link = linking_of(noted, "charger")(ChargerKey("o", "CP-1"))(ours, dialect=OCPP16)
    running, peer = asyncio.create_task(link.run(echo)), Peer(theirs)
    for action in ("Heartbeat", "Vendor1"):
        await peer.calls(action)
        await peer.hears()
    asking = asyncio.ensure_future(link.call("Vendor2", b"{}"))
    await peer.answers()
    await asking
    await link.close()
    await running

    assert noted.names == ["charger Heartbeat", "charger other", "charger other"]
    assert "Vendor" not in str(noted.told)
