"""A charger: a client of a CSMS with a will of its own.

The public face is small: ``run`` it, ``plug_in``, ``start``, ``stop``, ``drop`` it, read its power
and energy, and await what it becomes with ``until``. What it says is in voice16, voice201 and
voice21, what it answers in answers16, answers201 and voice21, its wires in hardware.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from ssl import SSLContext

from csms.frames import Call, Reply, Send
from simulators import conversation
from simulators.admission import EvseInUse, NotAuthorized, admits
from simulators.boot import Boot
from simulators.certificates import CertificateStore
from simulators.client import BackOff, Client
from simulators.habits import Habits
from simulators.hardware import Hardware, Transaction
from simulators.jobs import Jobs
from simulators.local_list import LocalList
from simulators.oracle import NoOracle, OracleFile
from simulators.outbox import Outbox
from simulators.profiles import Supply
from simulators.restarts import come_back
from simulators.statuses import Statuses
from simulators.voice import Identity, Message, Voice
from simulators.voice16 import Voice16
from simulators.voice21 import Voice21
from simulators.voice201 import Voice201
from simulators.watched import Fields, Now, utc_now

__all__ = ["VOICES", "Charger", "EvseInUse", "Habits", "NotAuthorized"]

_SOON_S = 0.001
ISO14443 = "ISO14443"
VOICES: Mapping[str, Callable[[], Voice]] = {"1.6": Voice16, "2.0.1": Voice201, "2.1": Voice21}


class Charger(Client):
    """Play one charger.

    ``time_factor`` makes energy flow, and the charger's own intervals pass, that much faster than
    the clock. ``back_off`` is (first, most) in s. ``oracle`` is a directory.
    """

    _alarm: asyncio.TimerHandle | None = None  # when limits change by themselves

    def __init__(
        self,
        url: str,
        charge_box_id: str,
        password: str | bytes | None = None,
        version: str = "1.6",
        *,
        evses: int = 2,
        max_power_w: float = 11_000.0,
        supply: Supply | None = None,
        time_factor: float = 1.0,
        habits: Habits | None = None,
        identity: Identity | None = None,
        oracle: Path | None = None,
        now: Now = utc_now,
        back_off: tuple[float, float] = (1.0, 30.0),
        answer_timeout: float = 30.0,
        ssl: SSLContext | None = None,
        keep_events: int | None = 10_000,
    ) -> None:
        super().__init__(
            url,
            charge_box_id,
            password,
            VOICES[version](),
            now=now,
            back_off=BackOff(*back_off),
            answer_timeout=answer_timeout,
            ssl=ssl,
            keep_events=keep_events,
        )
        self.version, self.habits = version, habits or Habits()
        self.identity = identity or Identity(serial_number=f"SIM-{charge_box_id}"[:25])
        built_in = self.habits.built_in
        self.hardware = Hardware(
            evses, now, max_power_w=max_power_w, supply=supply, time_factor=time_factor, **built_in
        )
        self.settings = self.voice.settings(self.hardware, self.identity)
        self.statuses = Statuses(self.hardware, self.voice, now)
        self.boot = Boot(self.habits.boot_retry_s)
        self.local_list, self.certificates, self.jobs = LocalList(), CertificateStore(), Jobs()
        self.transactions: list[Transaction] = []
        # What the CSMS has left here by id: monitors, messages, firmware.
        self.shelves: defaultdict[str, dict[int, Fields]] = defaultdict(dict)
        self.time_factor = time_factor
        self.outbox = Outbox(NoOracle() if oracle is None else OracleFile(oracle, charge_box_id))
        self._suspended: set[str] = set()

    # ---- the public face ----

    @property
    def connected(self) -> bool:
        """Tell whether there is a live link and the CSMS has accepted the boot."""
        return self.linked and self.boot.status == "Accepted" and self.boot.due is None

    @property
    def waiting(self) -> int:
        """Return how many transaction messages wait for their answer."""
        return len(self.outbox)

    async def run(self) -> None:
        """Play until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._work:
                self._work.create_task(conversation.read_meters(self))
                await self.stay_connected()
        finally:
            self._work = None
            self._follow_limits()

    def close(self) -> None:
        """Leave nothing open behind."""
        self.outbox.close()

    async def wait_connected(self, timeout: float | None = 10.0) -> None:
        """Wait until the CSMS has accepted us; raise TimeoutError."""
        await self.until(lambda charger: charger.connected, timeout)

    def power_w(self, evse_id: int = 1) -> float:
        """Return the power that flows now, in W."""
        return self.hardware.power_w(evse_id)

    def energy_wh(self, evse_id: int = 1) -> float:
        """Return the meter register, in Wh."""
        return self.hardware.energy_wh(evse_id)

    def plug_in(self, evse_id: int = 1) -> None:
        """Connect a vehicle; that may start a transaction (2.x TxStartPoint EVConnected)."""
        own = self.hardware.plug(evse_id, plugged=True)
        if own is not None:
            self._tell(own, self.voice.plugged)
        elif self.voice.starts_with_cable(self.settings) and self.hardware.is_free(evse_id):
            self._started(self.hardware.begin(evse_id))
        self.limits_changed()

    def unplug(self, evse_id: int = 1) -> None:
        """Take the vehicle away; a running transaction ends."""
        own = self.hardware.evses[evse_id].transaction
        if own is not None:
            self.end(own, "EVDisconnected")
        self.hardware.plug(evse_id, plugged=False)
        self.changed()

    async def start(
        self,
        evse_id: int,
        id_token: str,
        token_type: str = ISO14443,
        timeout: float = 10.0,
        *,
        plug: bool = True,
    ) -> Transaction:
        """Present a token; return the transaction, when online with its id.

        The vehicle is plugged in with it, or comes later without ``plug``. Raises NotAuthorized or
        EvseInUse. Offline the local list and the settings tell who may charge; in the beginning
        that is everybody.
        """
        if not await admits(self, evse_id, id_token, token_type):
            raise NotAuthorized(id_token)
        own = self.begin(evse_id, id_token, token_type, plug=plug)
        await self.until(lambda charger: own.confirmed or not charger.connected, timeout)
        return own

    async def stop(self, evse_id: int, timeout: float = 10.0) -> Transaction:
        """End the transaction by hand; when online wait until the CSMS knows.

        Raises LookupError where none is running.
        """
        own = self.hardware.evses[evse_id].transaction
        if own is None:
            raise LookupError(f"no transaction on {evse_id}")
        self.end(own, "Local")
        await self.until(
            lambda charger: not charger.messages_wait(own) or not charger.connected, timeout
        )
        return own

    # ---- what answers need ----

    async def authorize(self, id_token: str, token_type: str) -> bool:
        """Ask the CSMS about a token."""
        answer = await self.call(*self.voice.authorize(id_token, token_type))
        return self.voice.authorized(answer)

    def begin(
        self,
        evse_id: int,
        id_token: str,
        token_type: str,
        remote_start_id: int | None = None,
        *,
        plug: bool = True,
    ) -> Transaction:
        """Start a transaction and tell the CSMS; raise EvseInUse where one is running.

        One that the cable has started is charged with from now on.
        """
        who = (id_token, token_type, remote_start_id)
        own = self.hardware.evses[evse_id].transaction
        if own is not None and own.authorized:
            raise EvseInUse(evse_id)
        if own is not None:
            self.hardware.identify(own, *who)
            self._tell(own, self.voice.identified)
        else:
            own = self.hardware.begin(evse_id, *who, plug=plug)
            self._started(own)
        self.limits_changed()
        return own

    def _started(self, own: Transaction) -> None:
        self.transactions.append(own)
        self._tell(own, self.voice.started)

    def end(self, transaction: Transaction, reason: str) -> None:
        """End a transaction and tell the CSMS; ``reason`` is a word of 1.6."""
        self.hardware.end(transaction, reason)
        self._suspended.discard(transaction.reference)
        self._tell(transaction, self.voice.stopped)

    def read_meters(self, evse_id: int | None = None) -> None:
        """Tell the CSMS the meters of the running transactions."""
        for own in self.hardware.transactions:
            if evse_id in (None, own.evse_id):
                self._tell(own, self.voice.sampled)

    def limits_changed(self) -> None:
        """Let power follow the profiles, and tell the CSMS of what is suspended or resumed."""
        for own in self.hardware.transactions:
            suspended = own.may_charge and self.hardware.power_w(own.evse_id) <= 0
            if suspended != (own.reference in self._suspended):
                self._suspended.symmetric_difference_update({own.reference})
                self._tell(own, self.voice.resumed)
        self._follow_limits()
        self.changed()

    def messages_wait(self, transaction: Transaction) -> bool:
        """Tell whether messages of a transaction wait for their answer."""
        return self.outbox.holds(transaction)

    async def pause(self, seconds: float) -> None:
        """Wait in the charger's own time."""
        await asyncio.sleep(seconds / self.time_factor)

    # ---- what a connection needs ----

    async def wait_to_dial(self) -> None:
        """Restart, or wait before the next attempt."""
        await (come_back(self) if self.hardware.restarting else super().wait_to_dial())

    def excuse(self, call: Call | Send) -> Reply | None:
        """Return what this make says instead of doing what it is told."""
        return self.habits.instead(call)

    def link_changed(self) -> None:
        """Let profiles know that hold for so long without a CSMS."""
        self.hardware.link_changed(up=self.linked)
        self.limits_changed()

    async def live(self) -> None:
        """Lead the conversation on a new link."""
        await conversation.lead(self)

    async def say_boot(self, reason: str) -> Fields:
        """Send the BootNotification and return its answer."""
        return await self.call(*self.voice.boot(self.identity, reason))

    def _follow_limits(self) -> None:
        """Look again when the next limit begins or ends."""
        if self._alarm is not None:
            self._alarm.cancel()
        edge = self.hardware.next_edge() if self._work is not None else None
        if edge is not None:
            wait = max(_SOON_S, (edge - self.now()).total_seconds())
            self._alarm = asyncio.get_running_loop().call_later(wait, self.limits_changed)

    def _tell(self, transaction: Transaction, say: Callable[..., Message | None]) -> None:
        sample = self.hardware.sample(transaction.evse_id)
        message = say(transaction, sample, offline=not self.connected)
        if message is not None:
            action, fields = message
            self.outbox.add(action, fields, transaction, sample.energy_wh)
        self.changed()
