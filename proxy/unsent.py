"""Answer a target's GetTransactionStatus: what waits here for the target waits as well (E14).

The charger knows of its own queue only. To its target both are the station's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from csms import frames
from csms.readings import mapping
from proxy import splice
from storage.repositories.queues import Place

if TYPE_CHECKING:
    from csms.frames import Reply
    from proxy.asked import Ask, Asked
    from storage.records import Message
    from storage.store import Storage

_EVENTS = frozenset({("2.0.1", "TransactionEvent"), ("2.1", "TransactionEvent")})


class Unsent:
    """Add our queue to what the charger says of its own.

    Behind ``most`` events of other transactions the answer is yes, unseen.
    """

    def __init__(self, storage: Storage, ask: Ask, page: int = 500, most: int = 10_000) -> None:
        self._storage = storage
        self._ask = ask
        self._page, self._pages = page, most // page

    async def serve(self, asked: Asked) -> Reply:
        """Answer GetTransactionStatus; raise CallRefused, LinkError or StorageError."""
        call = asked.call
        result = await self._ask(call.action, call.payload, asked.position)
        delivery, configuration = asked.target.delivery, asked.configuration
        place = Place(configuration.id, configuration.key, delivery.position)
        waits = await self._waits(place, mapping(call.fields).get("transactionId"))
        told = splice.put(result.payload, "messagesInQueue", b"true") if waits else result.payload
        return frames.call_result(call.id, told)

    async def _waits(self, place: Place, transaction_id: object) -> bool:
        await self._storage.journal.flush()
        for _ in range(self._pages):
            page = await self._storage.queues.kept(place, _EVENTS, self._page)
            if any(transaction_id in (None, _transaction_of(message)) for message in page):
                return True
            if len(page) < self._page:
                return False
            place = place._replace(position=page[-1].seq)
        return True


def _transaction_of(event: Message) -> object:
    _type, _id, _action, fields = orjson.loads(event.frame)
    return mapping(mapping(fields).get("transactionInfo")).get("transactionId")
