"""S-03: every refusal at the door is the same to the byte, and asks the same of the database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests import certificates
from tests.hostile import ORGANIZATION
from tests.security.doors import (
    PASSWORD,
    Knocking,
    answer,
    authorization,
    enrol,
    secured,
    told,
    trusting,
)
from tests.security.ground import served


@pytest.mark.sqlite_only("about what is answered")
async def test_s03_whatever_is_wrong_is_answered_with_the_same_bytes_cwe_522(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground)
        await enrol(ground, "CP02", security_profile=2)
        own = f"/{ground.organization_uuid}/ocpp"
        wrong = [authorization("CP01", f"wrong-{number}") for number in range(20)]
        answers = [
            await answer(ground, f"{own}/CP01"),
            await answer(ground, f"{own}/CP99", authorization("CP99", PASSWORD)),
            await answer(ground, f"{own}/CP02", authorization("CP02", PASSWORD)),
            await answer(ground, f"/{ORGANIZATION}/ocpp/CP01", authorization("CP01", PASSWORD)),
            await answer(ground, "/nonsense", authorization("CP01", PASSWORD)),
            await answer(ground, f"{own}/CP01", *wrong[:2]),
            *[await answer(ground, f"{own}/CP01", each) for each in wrong],  # slowed down
            await answer(ground, f"{own}/CP01", authorization("CP01", PASSWORD)),  # and still
        ]

    (one,) = set(answers)
    assert one.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    for word in (b"Server:", b"CP0", b"websockets", b"Python", b"Ringmain"):
        assert word not in one


@pytest.mark.sqlite_only("about what is answered")
async def test_s03_so_it_is_for_client_certificates(tmp_path: Path) -> None:
    async with secured(tmp_path) as ground:
        await enrol(ground, "CP01", security_profile=3)
        of = ground.organization_uuid
        foreign = trusting(certificates.issued("CP02", of=of), tmp_path)
        expired = trusting(certificates.issued("CP01", of=of, ends=-certificates.DAY / 2), tmp_path)
        path = f"/{of}/ocpp/CP01"
        answers = {
            await answer(ground, path, tls=foreign),
            await answer(ground, path, tls=expired),
            await answer(ground, path, authorization("CP01", PASSWORD), tls=trusting()),
            await answer(ground, f"/{of}/ocpp/CP99", tls=foreign),
        }

    assert len(answers) == 1


async def test_s03_known_and_unknown_cost_the_same_questions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground)
        asked: list[str] = []
        fetch = ground.server.storage.database.fetch

        async def watched(statement: Any, *values: Any) -> Any:
            asked.append(str(statement))
            return await fetch(statement, *values)

        monkeypatch.setattr(ground.server.storage.database, "fetch", watched)

        async def questions(name: str, password: str, source: str) -> Sequence[str]:
            asked.clear()
            assert await Knocking(ground, name, password, source=source).outcome() == 401
            return tuple(each.partition("WHERE")[0] for each in asked if "FROM audit" not in each)

        wrong = await questions("CP01", "wrong", "127.0.0.3")
        unknown = await questions("CP99", "wrong", "127.0.0.3")
        for _ in range(8):
            await Knocking(ground, password="wrong", source="127.0.0.4").outcome()
        slowed = await questions("CP01", PASSWORD, "127.0.0.4")
        # What stands in for the password of a stranger must be one that nobody can present.
        empty = await questions("CP01", "", "127.0.0.4")

    assert wrong == unknown == slowed == empty
    assert len(wrong) == 3


@pytest.mark.sqlite_only("about what is noted")
async def test_s03_what_is_not_evaluated_is_not_noted_and_names_fill_no_disk(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground)
        for number in range(8):
            await Knocking(ground, password=f"wrong-{number}").outcome()
        for number in range(30):
            await Knocking(ground, f"made-up-{number}", PASSWORD).outcome()
        events = await told(ground)

    assert len([each for each in events if each.charge_box_id == "CP01"]) == 5
    assert len([each for each in events if each.action == "UnknownCharger"]) == 10
