"""Secrets that are recognised wherever they turn up."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from storage import engines
from tests.storage.postgres import Admin


@dataclass
class Canaries:
    """Secrets that are found wherever they are, also within something else."""

    known: dict[str, str] = field(default_factory=dict)

    def new(self, name: str, length: int = 20) -> str:
        """Return a secret of this name that is nobody else's."""
        return self.add(name, f"Cnry{len(self.known):02d}{name}"[:length].ljust(length, "x"))

    def add(self, name: str, secret: str) -> str:
        """Take what is secret already for a canary, and return it."""
        self.known[name] = secret
        return secret

    def found(self, text: bytes) -> set[str]:
        """Return the names of those that are in a text, in clear or as programs write them."""
        low = text.lower()
        return {
            name
            for name, value in self.known.items()
            if any(form in text for form in _forms(value)) or value.encode().hex().encode() in low
        }


def _forms(value: str) -> Iterator[bytes]:
    """Yield how a text may be written, wherever it begins in a longer one."""
    octets = value.encode()
    yield octets
    yield quote(value, safe="").encode()
    yield json.dumps(value)[1:-1].encode()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + octets)
        yield encoded[(0, 2, 3)[before] : len(encoded) // 4 * 4 - 4]


def database(data_dir: Path) -> bytes:
    """Return all that is in a database, row by row, and what lies in its files beside."""
    url = engines.default_url(data_dir)
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(url.database))) as connection:
            rows = "\n".join(connection.iterdump()).encode()
        return rows + b"".join(file.read_bytes() for file in data_dir.glob("*sqlite3*"))
    tables = (
        "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema() "
        "AND tablename <> 'alembic_version'"
    )
    with Admin.of(url) as admin:
        names = [name for (name,) in admin.asked(tables)]
        found = [row for name in names for row in admin.asked(f"SELECT t::text FROM {name} t")]
    return "\n".join(text for (text,) in found).encode()
