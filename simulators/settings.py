"""A charger's own settings: 1.6 configuration keys and 2.0.1 variables behave alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["Accepted", "Rejected", "NotSupported", "RebootRequired"]
Kind: TypeAlias = Literal["integer", "boolean", "text"]

TAKEN = frozenset({"Accepted", "RebootRequired"})
_VALID: Mapping[Kind, Callable[[str], bool]] = {
    "integer": lambda value: value.isascii() and value.isdigit(),
    "boolean": lambda value: value.lower() in ("true", "false"),
    "text": lambda _value: True,
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One value with what may be done to it."""

    value: str
    kind: Kind = "integer"
    writable: bool = True
    readable: bool = True
    needs_reboot: bool = False


def fixed(value: object, kind: Kind = "integer") -> Setting:
    """Describe a value that nobody can change."""
    return Setting(str(value), kind, writable=False)


class Settings(dict[str, Setting]):
    """Hold settings by name."""

    def text(self, name: str) -> str:
        """Return a value."""
        return self[name].value

    def integer(self, name: str) -> int:
        """Return a value as a number."""
        return int(self[name].value)

    def flag(self, name: str) -> bool:
        """Return a value as yes or no."""
        return self[name].value.lower() == "true"

    def put(self, name: str, value: object) -> None:
        """Set a value from inside the charger."""
        self[name] = replace(self[name], value=str(value))

    def change(self, name: str, value: str) -> Verdict:
        """Set a value for the CSMS and say what came of it."""
        setting = self.get(name)
        if setting is None:
            return "NotSupported"
        if not setting.writable or not _VALID[setting.kind](value):
            return "Rejected"
        self[name] = replace(setting, value=value)
        return "RebootRequired" if setting.needs_reboot else "Accepted"
