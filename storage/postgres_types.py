"""
Values as PostgreSQL takes them.

Its text has every character but NUL. So NUL is written as two others, and what begins such a pair
is doubled likewise: no two texts are stored alike, and nobody outside sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Dialect, String, Text
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.types import NullType, TypeEngine

Process = Callable[[Any], Any]

NUL = "\0"
MARK = "\x1a"  # SUBSTITUTE: what stands for a character that cannot be represented
_NUL, _MARK = MARK + "0", MARK + "1"


def escaped(value: Any) -> Any:
    """Return a text without NUL; what is no text is returned as it is."""
    if isinstance(value, str) and (NUL in value or MARK in value):
        return value.replace(MARK, _MARK).replace(NUL, _NUL)
    return value


def unescaped(value: Any) -> Any:
    """Return the text that was escaped."""
    if isinstance(value, str) and MARK in value:
        return value.replace(_NUL, NUL).replace(_MARK, MARK)
    return value


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else unescaped(value)


class _EscapedText(Text):
    def bind_processor(self, dialect: Dialect) -> Process:
        return escaped

    def result_processor(self, dialect: Dialect, coltype: object) -> Process:
        return unescaped


class _EscapedString(String):
    def bind_processor(self, dialect: Dialect) -> Process:
        return escaped

    def result_processor(self, dialect: Dialect, coltype: object) -> Process:
        return unescaped


class _Untyped(NullType):
    """A value of a statement that says no type: what it is shows when it is there."""

    def bind_processor(self, dialect: Dialect) -> Process:
        return escaped

    def result_processor(self, dialect: Dialect, coltype: object) -> Process:
        return _plain


class _PostgresDialect(PGDialect_psycopg2):
    """Of PostgreSQL's own types there are none in our tables: all others are as everywhere."""

    supports_statement_cache = True
    colspecs: dict[type[TypeEngine[Any]], type[TypeEngine[Any]]] = {  # noqa: RUF012 - SQLAlchemy's own
        Text: _EscapedText,
        String: _EscapedString,
        NullType: _Untyped,
    }


DIALECT: Dialect = _PostgresDialect(paramstyle="format")  # type: ignore[no-untyped-call] # SQLAlchemy's own
