"""All that is remembered, opened and closed as one."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from storage import engines
from storage.clock import Clock
from storage.commits import Commits, WatchedDatabase
from storage.database import Database
from storage.errors import StorageUnavailable
from storage.files import Files
from storage.group_commit import GroupCommit
from storage.journal import Journal
from storage.probe import Probe
from storage.rekeying import require_keys
from storage.repositories.audit import Audit
from storage.repositories.availability import AvailabilityWishes, DeferredResets
from storage.repositories.backlogs import Backlogs
from storage.repositories.certificate_requests import CertificateRequests
from storage.repositories.charger_certificates import ChargerCertificates
from storage.repositories.chargers import Chargers
from storage.repositories.charging_profiles import ChargingProfiles
from storage.repositories.client_certificates import ClientCertificates
from storage.repositories.commands import Commands
from storage.repositories.connection_details import StoredDetails
from storage.repositories.conversations import Conversations
from storage.repositories.dead_letters import DeadLetters
from storage.repositories.fleet import Fleet
from storage.repositories.id_pairs import IdPairs
from storage.repositories.id_tokens import IdTokens
from storage.repositories.idempotent_requests import IdempotentRequests
from storage.repositories.installations import Installations
from storage.repositories.jobs import Jobs
from storage.repositories.known_tokens import KnownTokens
from storage.repositories.limit_records import LimitRecords
from storage.repositories.local_lists import LocalLists
from storage.repositories.members import Members
from storage.repositories.organizations import ApiKeys, Organizations
from storage.repositories.overlays import Overlays
from storage.repositories.password_rotations import PasswordRotations
from storage.repositories.power import MeasuredPower
from storage.repositories.proxy_configurations import ProxyConfigurations
from storage.repositories.queues import Queues
from storage.repositories.readings import Readings
from storage.repositories.remote_starts import RemoteStarts
from storage.repositories.reservations import Reservations
from storage.repositories.rollouts import Rollouts
from storage.repositories.sinks import Sinks
from storage.repositories.sites import Sites
from storage.repositories.station_limits import StationLimits
from storage.repositories.transactions import Transactions
from storage.repositories.visits import Visits
from storage.secrets import Sealer
from storage.statements import chargers, deliveries, messages

# What the most rows are written by; in the writer's batches none of them meets another statement.
_APART = (messages.append_message, chargers.note_status, deliveries.note_position)


# The repositories that need no more than a database and its writer.
_WRITTEN_IN_BATCHES: Mapping[str, Callable[[Database, GroupCommit], Any]] = {
    "availability": AvailabilityWishes,
    "charging_profiles": ChargingProfiles,
    "commands": Commands,
    "dead_letters": DeadLetters,
    "deferred_resets": DeferredResets,
    "id_pairs": IdPairs,
    "id_tokens": IdTokens,
    "local_lists": LocalLists,
    "limit_records": LimitRecords,
    "overlays": Overlays,
    "queues": Queues,
    "remote_starts": RemoteStarts,
    "visits": Visits,
    "reservations": Reservations,
    "station_limits": StationLimits,
}

# Those that need no more than a database.
_OF_DATABASE: Mapping[str, Callable[[Database], Any]] = {
    "backlogs": Backlogs,
    "certificate_requests": CertificateRequests,
    "charger_certificates": ChargerCertificates,
    "conversations": Conversations,
    "jobs": Jobs,
    "known_tokens": KnownTokens,
    "measured_power": MeasuredPower,
    "members": Members,
    "password_rotations": PasswordRotations,
    "sites": Sites,
}


@dataclass(frozen=True)
class Storage:
    """The journal and the repositories of one open database."""

    database: Database
    group: GroupCommit
    journal: Journal
    organizations: Organizations
    api_keys: ApiKeys
    members: Members
    chargers: Chargers
    proxy_configurations: ProxyConfigurations
    client_certificates: ClientCertificates
    charger_certificates: ChargerCertificates
    certificate_requests: CertificateRequests
    transactions: Transactions
    id_pairs: IdPairs
    id_tokens: IdTokens
    idempotent_requests: IdempotentRequests
    known_tokens: KnownTokens
    commands: Commands
    queues: Queues
    backlogs: Backlogs
    dead_letters: DeadLetters
    charging_profiles: ChargingProfiles
    audit: Audit
    overlays: Overlays
    availability: AvailabilityWishes
    deferred_resets: DeferredResets
    station_limits: StationLimits
    limit_records: LimitRecords
    measured_power: MeasuredPower
    readings: Readings
    password_rotations: PasswordRotations
    remote_starts: RemoteStarts
    visits: Visits
    reservations: Reservations
    local_lists: LocalLists
    jobs: Jobs
    sinks: Sinks
    sites: Sites
    connection_details: StoredDetails
    installations: Installations
    rollouts: Rollouts
    files: Files
    sealer: Sealer
    commits: Commits
    fleet: Fleet
    conversations: Conversations

    @cached_property
    def probe(self) -> Probe:
        """Return what tries whether the database takes anything, one for all who ask."""
        return Probe(self.database)

    async def sweep_files(self) -> None:
        """Remove files that nobody knows of; for the one server, before it takes in new ones."""
        await asyncio.to_thread(self.files.sweep, await self.jobs.with_files())


def new_uuid() -> str:
    """Return a random UUID as text."""
    return str(uuid.uuid4())


@contextlib.asynccontextmanager
async def open_storage(
    data_dir: Path,
    clock: Clock,
    new_id: Callable[[], str] = new_uuid,
    database_url: URL | None = None,
    *,
    serving: bool = False,
) -> AsyncIterator[Storage]:
    """Open an installation, made on first use, and keep its one writer until the context ends.

    Without a URL the database is a file in the data directory. The server is ``serving``: nobody
    else may log messages until it ends.
    Raises StorageUnavailable or SealBroken.
    """
    await asyncio.to_thread(_prepare, data_dir)
    opened = await engines.open_database(database_url or engines.default_url(data_dir))
    commits = Commits()
    database = WatchedDatabase(opened, commits)
    group = GroupCommit(database, apart=_APART)
    writing = asyncio.create_task(group.run())
    try:
        if serving:  # before the log's end is read: the server before this one may still write
            await database.claim()
        sealer = await require_keys(database, data_dir)
        storage = await assemble(database, group, sealer, clock, new_id, Files(data_dir), commits)
        yield storage
    finally:
        writing.cancel()  # it writes what is left before it ends
        await asyncio.gather(writing, return_exceptions=True)
        await database.close()


def _prepare(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StorageUnavailable(
            f"The data directory {data_dir} cannot be used: {error}."
        ) from error


async def assemble(
    database: Database,
    group: GroupCommit,
    sealer: Sealer,
    clock: Clock,
    new_id: Callable[[], str],
    files: Files,
    commits: Commits | None = None,
) -> Storage:
    """Build the journal and the repositories on an open database and its writer.

    Without ``commits`` nobody hears what is committed.
    """
    proxy_configurations = ProxyConfigurations(database, group, sealer)
    rollouts = Rollouts(database, sealer)
    return Storage(
        database=database,
        group=group,
        journal=await Journal.open(database, group, clock),
        organizations=Organizations(database, clock, new_id),
        api_keys=ApiKeys(database, group, clock, new_id),
        chargers=Chargers(database, group, clock, proxy_configurations),
        proxy_configurations=proxy_configurations,
        client_certificates=ClientCertificates(database, sealer),
        audit=Audit(database, group, sealer),
        transactions=Transactions(database, group, clock),
        idempotent_requests=IdempotentRequests(database, sealer),
        readings=Readings(database, clock),
        sinks=Sinks(database, sealer),
        connection_details=StoredDetails(database, sealer),
        installations=Installations(database, proxy_configurations, rollouts),
        rollouts=rollouts,
        files=files,
        sealer=sealer,
        commits=commits or Commits(),
        fleet=Fleet(database, clock),
        **{name: repository(database) for name, repository in _OF_DATABASE.items()},
        **{name: repository(database, group) for name, repository in _WRITTEN_IN_BATCHES.items()},
    )
