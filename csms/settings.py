"""The settings: read once from the environment, validated, frozen, passed on as arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from sqlalchemy import URL

from csms.errors import RingmainError
from storage.engines import UnknownEngine, parse_url
from storage.retention_terms import DEFAULT, LEAST, MOST

Network: TypeAlias = IPv4Network | IPv6Network


class SettingError(RingmainError):
    """A setting has a value that cannot be used."""


@dataclass(frozen=True, slots=True)
class Bind:
    """An address to listen on; port 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Tell whether only this machine can reach it."""
        return self.host == "localhost" or ip_address(self.host).is_loopback


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a user can decide; one field per variable of VARIABLES."""

    data_dir: Path
    database_url: URL | None
    http_bind: Bind
    ocpp_bind: Bind
    public_ocpp_url: str | None
    public_http_url: str | None
    bus: str
    allow_plain: bool
    trusted_proxies: tuple[Network, ...]
    max_frame_bytes: int
    unknown_charger_status: int
    allow_insecure_targets: bool
    allowed_target_networks: tuple[Network, ...]
    retention_days: int
    gcp_token_uri: str
    log_format: str
    log_level: str


def _bind(text: str) -> Bind:
    match = re.fullmatch(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<host>[^:\[\]]+)):(?P<port>\d{1,5})", text)
    if match is None or int(match["port"]) > 65535:
        raise ValueError("wanted is ADDRESS:PORT")
    host = match["six"] or match["host"]
    if host != "localhost":
        ip_address(host)
    return Bind(host, int(match["port"]))


def _directory(text: str) -> Path:
    if not text:
        raise ValueError("wanted is a directory")
    return Path(text)


def _boolean(text: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in words:
        raise ValueError("wanted is true or false")
    return words[text.lower()]


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ip_network(item.strip()) for item in text.split(",") if item.strip())


def _url(*schemes: str) -> Callable[[str], str | None]:
    def parse(text: str) -> str | None:
        parts = urlsplit(text)
        if text and (parts.scheme not in schemes or not parts.hostname or parts.port == 0):
            raise ValueError(f"wanted is a URL that begins with {' or '.join(schemes)}")
        if parts.query or parts.fragment:
            raise ValueError("wanted is a URL that can be continued")
        return text.rstrip("/") or None

    return parse


def _token_endpoint(text: str) -> str:
    url = _url("http", "https")(text)
    if url is None or "@" in url:
        raise ValueError("wanted is the URL of a token endpoint, without a user")
    return url


def _database(text: str) -> URL | None:
    try:
        return parse_url(text) if text else None
    except UnknownEngine as unknown:
        raise ValueError(str(unknown)) from None


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"wanted is one of {', '.join(words)}")
        return text.lower()

    return parse


def _bus(text: str) -> str:
    if text != "embedded":
        raise ValueError("only 'embedded' until the Kafka bus is there")
    return text


def _frame_bytes(text: str) -> int:
    if not text.isdecimal() or not 4096 <= int(text) <= 1 << 26:
        raise ValueError("wanted are 4096 to 67108864 bytes")
    return int(text)


def _days(text: str) -> int:
    if not text.isdecimal() or not LEAST <= int(text) <= MOST:
        raise ValueError(f"wanted are {LEAST} to {MOST} days")
    return int(text)


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable: its default as one would write it, and its meaning."""

    name: str
    default: str
    parse: Callable[[str], Any]
    meaning: str

    @property
    def field(self) -> str:
        """Name the field of Settings that it fills."""
        return self.name.removeprefix("RINGMAIN_").lower()


VARIABLES = (
    Variable("RINGMAIN_DATA_DIR", "./ringmain-data", _directory, "embedded database and key ring"),
    Variable(
        "RINGMAIN_DATABASE_URL",
        "",
        _database,
        "postgresql://USER@HOST/NAME or sqlite:///PATH; empty: SQLite file in the data directory",
    ),
    Variable("RINGMAIN_HTTP_BIND", "127.0.0.1:8080", _bind, "REST"),
    Variable("RINGMAIN_OCPP_BIND", "127.0.0.1:9000", _bind, "chargers"),
    Variable(
        "RINGMAIN_PUBLIC_OCPP_URL",
        "",
        _url("ws", "wss"),
        "prefix of the ocpp_proxy_url handed to users; empty: ws://<ocpp bind>",
    ),
    Variable(
        "RINGMAIN_PUBLIC_HTTP_URL",
        "",
        _url("http", "https"),
        "prefix of the URLs that chargers send logs to; empty: where the request for one came in",
    ),
    Variable("RINGMAIN_BUS", "embedded", _bus, "where sinks read from"),
    Variable(
        "RINGMAIN_ALLOW_PLAIN",
        "false",
        _boolean,
        "allow an OCPP bind other than loopback without TLS or a trusted proxy in front",
    ),
    Variable("RINGMAIN_TRUSTED_PROXIES", "", _networks, "CIDRs whose X-Forwarded-For is believed"),
    Variable("RINGMAIN_MAX_FRAME_BYTES", str(1 << 20), _frame_bytes, "one cap for both links"),
    Variable(
        "RINGMAIN_UNKNOWN_CHARGER_STATUS",
        "401",
        lambda text: int(_one_of("401", "404")(text)),
        "404 for conformance runs",
    ),
    Variable(
        "RINGMAIN_ALLOW_INSECURE_TARGETS",
        "false",
        _boolean,
        "allow ws:// targets and http:// object stores",
    ),
    Variable(
        "RINGMAIN_ALLOWED_TARGET_NETWORKS",
        "",
        _networks,
        "CIDRs that targets and object stores may use although they are private",
    ),
    Variable(
        "RINGMAIN_RETENTION_DAYS",
        str(DEFAULT.messages),
        _days,
        "how long messages are kept where an organization has not said so",
    ),
    Variable(
        "RINGMAIN_GCP_TOKEN_URI",
        "https://oauth2.googleapis.com/token",
        _token_endpoint,
        "the only token endpoint that Google service accounts may use",
    ),
    Variable(
        "RINGMAIN_LOG_FORMAT",
        "auto",
        _one_of("auto", "console", "json"),
        "auto: console on a terminal, else json",
    ),
    Variable(
        "RINGMAIN_LOG_LEVEL",
        "info",
        _one_of("debug", "info", "warning", "error", "critical"),
        "least urgent level that is printed",
    ),
)

# Promised by the contract, not there yet: setting them must not look as if it had worked.
LATER = (
    "RINGMAIN_RATE_LIMIT",
    "RINGMAIN_TLS_CERT",
    "RINGMAIN_TLS_KEY",
    "RINGMAIN_TLS_CLIENT_CA",
    "RINGMAIN_TLS_PRESET",
    "RINGMAIN_KRATOS_URL",
    "RINGMAIN_KRATOS_COOKIE",
)


# What `ringmain simulate` reads by itself may stay exported in the same shell.
NO_SETTINGS = ("RINGMAIN_API_KEY",)


def read(environ: Mapping[str, str]) -> Settings:
    """Read and validate all settings; raise SettingError that names the wrong one."""
    _refuse_strangers(environ)
    settings = Settings(**{variable.field: _value(variable, environ) for variable in VARIABLES})
    if not (settings.ocpp_bind.loopback or settings.allow_plain or settings.trusted_proxies):
        raise SettingError(
            f"RINGMAIN_OCPP_BIND: {settings.ocpp_bind} is reachable from other machines and has "
            "no TLS: put a TLS proxy in front and name it in RINGMAIN_TRUSTED_PROXIES, or set "
            "RINGMAIN_ALLOW_PLAIN=true."
        )
    _refuse_plain_tokens(settings)
    return settings


def _refuse_plain_tokens(settings: Settings) -> None:
    endpoint = urlsplit(settings.gcp_token_uri)
    if endpoint.scheme == "http" and not (
        settings.allow_insecure_targets or _loopback(endpoint.hostname or "")
    ):
        raise SettingError(
            "RINGMAIN_GCP_TOKEN_URI: tokens would cross the network in clear: begin it with "
            "https://, or set RINGMAIN_ALLOW_INSECURE_TARGETS=true."
        )


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_strangers(environ: Mapping[str, str]) -> None:
    known = {*NO_SETTINGS, *(variable.name for variable in VARIABLES)}
    for name in sorted(environ):
        if name.startswith("RINGMAIN_") and name not in known:
            reason = "is not available yet" if name in LATER else "is no setting of Ringmain"
            raise SettingError(f"{name} {reason}.")


def _value(variable: Variable, environ: Mapping[str, str]) -> Any:
    text = environ.get(variable.name, variable.default)
    try:
        return variable.parse(text)
    except ValueError as wrong:
        reason = str(wrong).removesuffix(".")
        raise SettingError(f"{variable.name}: {_shown(text)!r} cannot be used: {reason}.") from None


def _shown(text: str) -> str:
    """Return what was given, without the password that a URL may hold."""
    concealed = re.sub(r"(password=)[^&]*", r"\1***", text)
    return re.sub(r"(?<=//).*@|^(?!.*//).*@", "***@", concealed)


def describe() -> str:
    """List every variable with its default and meaning, for ``ringmain serve --help``."""
    return "\n".join(
        f"{variable.name} (default: {variable.default or 'empty'}): {variable.meaning}."
        for variable in VARIABLES
    )
