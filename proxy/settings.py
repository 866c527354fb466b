"""Rule on every configuration key that a target sets, and on what it reads of each.

Whose a key is decides: the target's own link's are ours to apply, metering is shared by all
owners, the charger's link to us is closed, and the rest is the charger's.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from proxy import metering
from proxy.auditing import TargetAudit, names_told
from proxy.keys import Kind, kind_of
from proxy.overlay import LinkKey, link_key, timings_of, value_of

if TYPE_CHECKING:
    from proxy.parts import RelayParts
    from proxy.target import TargetLink
    from proxy.timings import Timings
    from storage.records import ChargerKey, ProxyConfiguration

Keep: TypeAlias = Callable[[], Awaitable[None]]

ACCEPTED, REJECTED, OTHER_ATTRIBUTE = "Accepted", "Rejected", "NotSupportedAttributeType"
_TAKEN = frozenset({ACCEPTED, "RebootRequired"})
_HEX_KEY = re.compile(r"([0-9A-Fa-f]{2}){16,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Setting:
    """A key (1.6) or ``component.variable`` (2.x), and the value that a target gives it.

    2.x only: ``plain`` is false of another instance or EVSE, ``actual`` of another attribute.
    """

    name: str
    value: str = field(repr=False)
    plain: bool = True
    actual: bool = True


async def _nothing() -> None:
    """Keep nothing."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of one setting: our status, or None where the charger is told ``value``.

    ``keep`` is what follows once the setting is taken, by us or by the charger.
    """

    status: str | None
    value: str = field(default="", repr=False)
    keep: Keep = _nothing

    async def settle(self, status: str | None) -> None:
        """Keep the setting where its status says that it was taken."""
        if status in _TAKEN:
            await self.keep()


@dataclass(frozen=True, slots=True)
class View:
    """What a target reads in the place of what the charger tells."""

    timings: Timings
    metering: Mapping[str, str]

    def told(self, name: str) -> str | None:
        """Return the value of a key that the charger is not asked for, or not believed."""
        key = link_key(name)
        if key is not None:
            return value_of(key, self.timings)
        shared = metering.metering_key(name)
        return self.metering.get(shared) if shared else None


class Settings:
    """Rule for the targets of one charger of one OCPP version."""

    def __init__(
        self, key: ChargerKey, version: str, parts: RelayParts, audit: TargetAudit
    ) -> None:
        self._key = key
        self._password_of = _PASSWORDS[version]
        self._overlays = parts.storage.overlays
        self._configurations = parts.storage.proxy_configurations
        self._base = parts.timings
        self._audit = audit

    async def rule(self, target: TargetLink, action: str, setting: Setting) -> Ruling:
        """Rule on one setting, and note what is denied."""
        ruling = await self._ruled(target, action, setting)
        if ruling.status not in (None, ACCEPTED):
            self._note(target.configuration, action, "denied", setting, reason=ruling.status)
        return ruling

    async def view(self, configuration: ProxyConfiguration) -> View:
        """Return what a target reads."""
        return await view_of(self._overlays, configuration, self._base)

    async def _ruled(self, target: TargetLink, action: str, setting: Setting) -> Ruling:
        link, kind = link_key(setting.name), kind_of(setting.name, setting.value)
        shared = metering.metering_key(setting.name)
        if link is None and kind is Kind.OPEN and shared is None:
            return Ruling(None, setting.value)
        if not (setting.actual and setting.plain):
            return Ruling(REJECTED if setting.actual else OTHER_ATTRIBUTE)
        if link is not None:
            return self._of_link(target, action, setting, link)
        if kind is Kind.PASSWORD:
            return self._password(target, action, setting)
        if kind is Kind.CLOSED or shared is None or not metering.is_legal(shared, setting.value):
            return Ruling(REJECTED)
        return await self._of_metering(target.configuration, setting, shared)

    def _of_link(self, target: TargetLink, action: str, setting: Setting, key: LinkKey) -> Ruling:
        number = key.number(setting.value)
        if number is None:
            return Ruling(REJECTED)
        configuration = target.configuration

        async def keep() -> None:
            await self._overlays.note_link(configuration.id, key.name, str(number))
            settings = await self._overlays.of_link(configuration.id)
            target.retime(timings_of(self._base, settings))
            self._note(configuration, action, "overlaid", setting, value=number)

        return Ruling(ACCEPTED, keep=keep)

    def _password(self, target: TargetLink, action: str, setting: Setting) -> Ruling:
        configuration = target.configuration
        password = self._password_of(setting.value)
        if password is None or configuration.target_authentication_method != "Basic":
            return Ruling(REJECTED)

        async def keep() -> None:
            await self._configurations.note_password(configuration, password)
            target.configuration = replace(
                target.configuration,
                target_auth_basic_password=password,
                password_from_target=True,
            )
            self._note(configuration, action, "intercepted", setting)

        return Ruling(ACCEPTED, keep=keep)

    async def _of_metering(
        self, configuration: ProxyConfiguration, setting: Setting, key: str
    ) -> Ruling:
        wishes = await self._overlays.shared(self._key)
        after = metering.with_wish(wishes, configuration.id, key, setting.value)
        finest = metering.joined(after, key) or setting.value

        async def keep() -> None:
            await self._overlays.note_shared(self._key, configuration.id, key, setting.value)

        if set(after) == {configuration.id}:
            return Ruling(None, setting.value, keep=keep)
        # Somebody wants it finer, and the charger does so already.
        if metering.joined(wishes, key) == finest != setting.value:
            return Ruling(ACCEPTED, keep=keep)
        return Ruling(None, finest, keep=keep)

    def _note(
        self,
        configuration: ProxyConfiguration,
        action: str,
        result: str,
        setting: Setting,
        **details: Any,
    ) -> None:
        keys = names_told([setting.name])
        self._audit.note(configuration, action, result, keys=keys, **details)


async def view_of(overlays: Any, configuration: ProxyConfiguration, base: Timings) -> View:
    """Return what a target reads of the keys that it shares or has for itself."""
    settings = await overlays.of_link(configuration.id)
    wishes = await overlays.shared(configuration.key)
    return View(timings_of(base, settings), wishes.get(configuration.id, {}))


def _password16(value: str) -> str | None:
    """Read an AuthorizationKey: 32 to 40 hex digits are 16 to 20 bytes, which may be no text."""
    if _HEX_KEY.fullmatch(value):
        return bytes.fromhex(value).decode(errors="surrogateescape")
    return value if value.isprintable() and 16 <= len(_octets(value)) <= 20 else None


def _password2(value: str, *, longest: int) -> str | None:
    """Read a BasicAuthPassword: 16 characters at least (OCPP 2.0.1 A00.FR.205)."""
    readable = value.isprintable() and _octets(value)
    return value if readable and 16 <= len(value) <= longest else None


def _octets(value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return b""


_PASSWORDS: Mapping[str, Callable[[str], str | None]] = {
    "1.6": _password16,
    "2.0.1": partial(_password2, longest=40),
    "2.1": partial(_password2, longest=64),
}
