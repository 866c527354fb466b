"""S-05: secrets are compared as digests and in constant time, whatever somebody presents."""

from __future__ import annotations

import ast
import base64
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import aiohttp
import pytest

from storage.secrets import api_key_digest, digest_secret, secret_matches
from tests.security.ground import served

ROOT = Path(__file__).parents[2]
HALVES = ("api", "csms", "proxy", "storage")
SECRET = re.compile(r"secret|passw|token|key|digest", re.IGNORECASE)
# What is called like a secret and is none.
NO_SECRETS = {
    "key": "a charger, or a name in a table or in JSON",
    "keys": "the names in JSON",
    "charger_key": "a charger",
    "id_token": "a driver's card, which its owner shows around; it opens nothing of ours",
    "key_id": "the name of a key",
    "_PASSWORDS": "the names of settings",
    "_SECRET": "the name of a setting",
    "_natural_key": "what makes two messages the same",
    "_public_key_of": "a public key",
    "FOREIGN_KEY_VIOLATION": "what PostgreSQL says of a row",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "what SQLite says of a row",
}
# Where digests are no secrets' digests, or are looked up: by the hash of 160 random bits an index
# tells nobody anything.
NO_COMPARISONS = ("storage/statements", "storage/copying.py", "storage/migrations")


def compared(source: str) -> Iterator[tuple[int, str]]:
    """Yield the names of what `==` and `!=` compare, with their lines."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(
            isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops
        ):
            for side in (node.left, *node.comparators):
                yield node.lineno, name_of(side)


def name_of(side: ast.expr) -> str:
    """Return what a value is called: the last name in it, of a call that of its function."""
    while isinstance(side, ast.Subscript | ast.Call | ast.Await):
        if isinstance(side, ast.Subscript) and isinstance(side.slice, ast.Constant):
            return str(side.slice.value) if SECRET.search(str(side.slice.value)) else ""
        side = side.func if isinstance(side, ast.Call) else side.value
    if isinstance(side, ast.Attribute):
        return side.attr
    return side.id if isinstance(side, ast.Name) else ""


def offences(source: str) -> list[tuple[int, str]]:
    found = compared(source)
    return [(line, name) for line, name in found if SECRET.search(name) and name not in NO_SECRETS]


@pytest.mark.parametrize("half", HALVES)
def test_no_secret_is_compared_by_equality(half: str) -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted((ROOT / half).rglob("*.py"))
        if not str(path.relative_to(ROOT)).startswith(NO_COMPARISONS)
        for line, name in offences(path.read_text())
    }
    assert found == set()


@pytest.mark.parametrize(
    "source",
    [
        "password == other",
        "charger.password_digest != found",
        "a == given['api_key']",
        "digest_secret(x) == y",
        "x == (await find()).token",
        "a < b == self._secret",
    ],
)
def test_the_rule_sees_what_it_is_to_see(source: str) -> None:
    wrapped = f"async def f():\n    {source}"
    assert offences(wrapped)


# ---- what is presented ----

PASSWORD = b"a-password-of-20-cha"


@pytest.mark.parametrize(
    "presented",
    [
        b"",
        PASSWORD[:-1],
        PASSWORD + b"a",
        PASSWORD + b"\0",
        PASSWORD.upper(),
        PASSWORD * 1000,
        "\u00e4-password-of-20-cha".encode(),
        b"\xff" * 20,
    ],
    ids=lambda presented: str(len(presented)),
)
def test_another_password_of_any_length_and_script_does_not_match(presented: bytes) -> None:
    digest = digest_secret(PASSWORD)

    assert secret_matches(PASSWORD, digest)
    assert not secret_matches(presented, digest)


@pytest.mark.parametrize("digest", [b"", b"x", b"\0" * 16, b"\0" * 47, b"\0" * 48, b"\0" * 49])
def test_nothing_matches_what_is_no_digest(digest: bytes) -> None:
    assert not secret_matches(PASSWORD, digest)
    assert not secret_matches(b"", digest)


def test_the_same_secret_has_another_digest_each_time() -> None:
    assert digest_secret(PASSWORD) != digest_secret(PASSWORD)
    assert PASSWORD not in digest_secret(PASSWORD)
    assert b"rm_" not in api_key_digest("rm_00")


@pytest.mark.sqlite_only("about what is presented")
async def test_the_doors_refuse_odd_secrets_without_a_fault(tmp_path: Path) -> None:
    async with served(tmp_path) as ground:
        password = await ground.enrol("CP-1")
        statuses = [
            await knocked(f"http://{ground.server.ocpp}/{ground.organization_uuid}/ocpp/CP-1", odd)
            for odd in (b"", password[:-1].encode(), b"\xff" * 20, "\u00e9".encode() * 20)
        ]
        keys = ["", "rm_", "\u00e9" * 43, "rm_" + "0" * 40, "x" * 4000]
        asked = [await ground.session.get("/api/v1/organizations", headers=header(k)) for k in keys]

    assert set(statuses) == {HTTPStatus.UNAUTHORIZED}
    assert {one.status for one in asked} == {HTTPStatus.UNAUTHORIZED}


def header(key: str) -> dict[str, str]:
    return {"x-api-key": key}


async def knocked(url: str, password: bytes) -> int:
    """Return how an upgrade with a password is answered."""
    basic = base64.b64encode(b"CP-1:" + password).decode()
    headers = {
        "Authorization": f"Basic {basic}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Protocol": "ocpp1.6",
    }
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status
