"""The command line of members: `ringmain member add | list | remove`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from csms import arguments
from csms.command_audit import audited
from csms.completing import ORGANIZATIONS
from csms.examples import examples
from csms.terminal import (
    COMMAND_LINE,
    OneLine,
    UnknownName,
    known,
    show,
    show_list,
    with_storage,
)
from storage.clock import SystemClock
from storage.records import Scope
from storage.security_records import Member
from storage.store import Storage

member = typer.Typer(no_args_is_help=True, help="Whose sessions (Ory Kratos) may do what.")

Org = Annotated[str, typer.Option(help="The organization's UUID.", autocompletion=ORGANIZATIONS)]
Identity = Annotated[
    str, typer.Option(callback=arguments.identity, help="The Kratos identity's UUID.")
]


@member.command(
    "add", epilog=examples('ringmain member add --org "$ORG" --identity "$IDENTITY" --role admin')
)
def member_add(
    org: Org,
    identity: Identity,
    role: Annotated[Scope, typer.Option(help="What the person may do.")] = "operate",
    *,
    one_line: OneLine = False,
) -> None:
    """Make a person a member, or give a member another role; it holds from the next request on."""

    async def work(storage: Storage) -> dict[str, Any]:
        await known(storage, org)
        added = Member(
            organization_uuid=org,
            identity_id=identity,
            role=role,
            created_by=COMMAND_LINE,
            created_at=SystemClock().now(),
        )
        stored = await storage.members.put(added)
        await audited(storage, org, "member add", identity_id=identity, role=role)
        return asdict(stored)

    show(with_storage(work), one_line=one_line)


@member.command("list", epilog=examples('ringmain member list --org "$ORG"'))
def member_list(org: Org, *, one_line: OneLine = False) -> None:
    """Print the members of an organization."""

    async def work(storage: Storage) -> tuple[Member, ...]:
        await known(storage, org)
        return await storage.members.all_of(org)

    none = "Nobody is a member of this organization: `ringmain member add` changes that."
    show_list(with_storage(work), one_line=one_line, none=none)


@member.command(
    "remove", epilog=examples('ringmain member remove --org "$ORG" --identity "$IDENTITY"')
)
def member_remove(org: Org, identity: Identity, *, one_line: OneLine = False) -> None:
    """Refuse a person from the next request on."""

    async def work(storage: Storage) -> dict[str, str]:
        if not await storage.members.remove(org, identity):
            raise UnknownName(f"Identity {identity} is no member of organization {org}.")
        await audited(storage, org, "member remove", identity_id=identity)
        return {"removed": identity}

    show(with_storage(work), one_line=one_line)
