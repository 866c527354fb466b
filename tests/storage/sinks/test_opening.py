"""Each type is opened by its own module, which is imported when it is first needed."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, get_args

import pytest

from storage.records import SinkRecord, SinkType
from storage.sinks.errors import SinkRefused
from storage.sinks.opening import OPENERS, open_sink
from storage.sinks.port import Outside
from tests.storage.doubles import NOON, ORGANIZATION
from tests.storage.sinks.strangers import LoopbackDoor

# Google's and Azure's take half a second each, and most servers need one of them or none.
LIBRARIES = ("aiobotocore", "botocore", "azure", "google")


def record(
    kind: SinkType, configuration: dict[str, Any], credentials: dict[str, str]
) -> SinkRecord:
    return SinkRecord(
        id="c",
        organization_uuid=ORGANIZATION,
        name="lake",
        type=kind,
        configuration=configuration,
        credentials=credentials,
        token_key="",
        inserted_at=NOON,
        updated_at=NOON,
    )


def test_every_type_can_be_opened() -> None:
    assert set(OPENERS) == set(get_args(SinkType))


S3 = {"access_key_id": "AKIA", "secret_access_key": "x"}
OPENED: list[tuple[SinkType, str, dict[str, Any], dict[str, str]]] = [
    ("aws_s3", "S3Sink", {"bucket": "lake", "region": "eu-central-1"}, S3),
    ("digital_ocean_spaces", "S3Sink", {"bucket": "lake", "region": "fra1"}, S3),
    (
        "azure_storage",
        "AzureSink",
        {"storage_account": "lake", "container": "logs"},
        {"account_key": "Y2FuYXJ5" * 8},
    ),
]


@pytest.mark.parametrize(("kind", "made", "configuration", "credentials"), OPENED)
async def test_a_sink_is_one_of_its_type(
    kind: SinkType, made: str, configuration: dict[str, Any], credentials: dict[str, str]
) -> None:
    door = LoopbackDoor()
    sink = await open_sink(record(kind, configuration, credentials), Outside(door))
    await sink.close()

    assert type(sink).__name__ == made
    assert door.resolved == []  # nobody is asked before there is something to store


NOTHING = dict.fromkeys(
    (
        "bucket",
        "region",
        "storage_account",
        "container",
        "access_key_id",
        "secret_access_key",
        "account_key",
        "service_account_json",
    ),
    "",
)


@pytest.mark.parametrize("kind", get_args(SinkType))
async def test_what_could_never_work_is_refused_at_once(kind: SinkType) -> None:
    door = LoopbackDoor()
    with pytest.raises(SinkRefused):
        await open_sink(record(kind, NOTHING, NOTHING), Outside(door))

    assert door.resolved == []


def test_no_library_is_imported_before_it_is_needed() -> None:
    question = (
        "import sys, storage.sinks.opening\n"
        f"print([name for name in {LIBRARIES!r} if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", question], capture_output=True, text=True, check=True
    )

    assert answer.stdout == "[]\n"
