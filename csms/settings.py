"""The settings: read once from the environment, validated, frozen, passed on as arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from csms import setting_values as values
from csms.errors import RingmainError
from csms.setting_rules import broken_rules
from csms.setting_values import Bind, Network, Rate
from storage.retention_terms import DEFAULT

__all__ = [
    "VARIABLES",
    "Bind",
    "Network",
    "Rate",
    "SettingError",
    "Settings",
    "describe",
    "look_at",
    "read",
]


class SettingError(RingmainError):
    """A setting has a value that cannot be used."""


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
    client_cert_header: str | None
    max_frame_bytes: int
    unknown_charger_status: int
    allow_insecure_targets: bool
    allowed_target_networks: tuple[Network, ...]
    retention_days: int
    gcp_token_uri: str
    rate_limit: Rate
    tls_cert: tuple[Path, ...]
    tls_key: tuple[Path, ...]
    tls_client_ca: tuple[Path, ...]
    tls_preset: str
    ca_command: tuple[str, ...]
    ca_url: str | None
    kratos_url: str | None
    kratos_cookie: str
    traces_url: str | None
    log_format: str
    log_level: str

    @property
    def secured(self) -> bool:
        """Tell whether the listener for chargers speaks TLS itself."""
        return bool(self.tls_cert)

    @property
    def ocpp_scheme(self) -> str:
        """Return how an address of the listener for chargers begins."""
        return "wss" if self.secured else "ws"

    @property
    def chargers_use_tls(self) -> bool:
        """Tell whether chargers reach us by TLS, ours or that of a proxy."""
        public = self.public_ocpp_url or f"{self.ocpp_scheme}:"
        return public.startswith("wss:")


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
    Variable(
        "RINGMAIN_DATA_DIR", "./ringmain-data", values.directory, "embedded database and key ring"
    ),
    Variable(
        "RINGMAIN_DATABASE_URL",
        "",
        values.database,
        "postgresql://USER@HOST/NAME or sqlite:///PATH; empty: SQLite file in the data directory",
    ),
    Variable("RINGMAIN_HTTP_BIND", "127.0.0.1:8080", values.bind, "REST"),
    Variable("RINGMAIN_OCPP_BIND", "127.0.0.1:9000", values.bind, "chargers"),
    Variable(
        "RINGMAIN_PUBLIC_OCPP_URL",
        "",
        values.url("ws", "wss"),
        "prefix of the ocpp_proxy_url handed to users; empty: ws://<ocpp bind>, with TLS wss://",
    ),
    Variable(
        "RINGMAIN_PUBLIC_HTTP_URL",
        "",
        values.public_url("http", "https"),
        "prefix of the URLs that chargers send logs to, and of pages that may write with a session "
        "cookie; empty: where the request came in",
    ),
    Variable("RINGMAIN_BUS", "embedded", values.bus, "where sinks read from"),
    Variable(
        "RINGMAIN_ALLOW_PLAIN",
        "false",
        values.boolean,
        "allow an OCPP bind other than loopback without TLS or a trusted proxy in front",
    ),
    Variable(
        "RINGMAIN_TRUSTED_PROXIES",
        "",
        values.networks,
        "CIDRs whose X-Forwarded-For and X-Forwarded-Proto are believed",
    ),
    Variable(
        "RINGMAIN_CLIENT_CERT_HEADER",
        "",
        values.optional(values.one_of("client-cert", "x-ssl-client-cert")),
        "where they tell of chargers' certificates: Client-Cert (RFC 9440), or X-SSL-Client-Cert "
        "beside X-SSL-Client-Verify; empty: no forwarded certificate is believed",
    ),
    Variable(
        "RINGMAIN_MAX_FRAME_BYTES", str(1 << 20), values.frame_bytes, "one cap for both links"
    ),
    Variable(
        "RINGMAIN_UNKNOWN_CHARGER_STATUS",
        "401",
        lambda text: int(values.one_of("401", "404")(text)),
        "404 for conformance runs",
    ),
    Variable(
        "RINGMAIN_ALLOW_INSECURE_TARGETS",
        "false",
        values.boolean,
        "allow ws:// targets and http:// object stores",
    ),
    Variable(
        "RINGMAIN_ALLOWED_TARGET_NETWORKS",
        "",
        values.networks,
        "CIDRs that targets and object stores may use although they are private",
    ),
    Variable(
        "RINGMAIN_RETENTION_DAYS",
        str(DEFAULT.messages),
        values.days,
        "how long messages are kept where an organization has not said so",
    ),
    Variable(
        "RINGMAIN_GCP_TOKEN_URI",
        "https://oauth2.googleapis.com/token",
        values.token_endpoint,
        "the only token endpoint that Google service accounts may use",
    ),
    Variable(
        "RINGMAIN_RATE_LIMIT",
        "100/1000",
        values.rate,
        "requests a second of one API key or session, and how many may come at once",
    ),
    Variable(
        "RINGMAIN_TLS_CERT",
        "",
        values.files,
        "PEM chain for the OCPP listener, which speaks TLS then; two with a comma: RSA and ECDSA",
    ),
    Variable("RINGMAIN_TLS_KEY", "", values.files, "PEM key of each RINGMAIN_TLS_CERT, in order"),
    Variable(
        "RINGMAIN_TLS_CLIENT_CA",
        "",
        values.files,
        "PEM authorities (and CRLs) of chargers' certificates, for security profile 3",
    ),
    Variable(
        "RINGMAIN_TLS_PRESET",
        "strict",
        values.one_of("strict", "ocpp-conformance"),
        "strict: TLS 1.3 and ECDHE; ocpp-conformance: also the TLS_RSA suites that OCPP wants",
    ),
    Variable(
        "RINGMAIN_CA_COMMAND",
        "",
        values.command,
        "signs what chargers send by SignCertificate: PEM CSR on its input, PEM chain as output",
    ),
    Variable(
        "RINGMAIN_CA_URL",
        "",
        values.url("http", "https"),
        "the same by HTTP: POST of a PEM CSR, answered with a PEM chain",
    ),
    Variable(
        "RINGMAIN_KRATOS_URL",
        "",
        values.url("http", "https"),
        "Ory Kratos public API; empty: no sessions, API keys only",
    ),
    Variable(
        "RINGMAIN_KRATOS_COOKIE",
        "ory_kratos_session",
        values.cookie,
        "name of the session cookie",
    ),
    Variable(
        "RINGMAIN_TRACES_URL",
        "",
        values.url("http", "https"),
        "where traces are sent to, by OTLP over HTTP, like http://127.0.0.1:4318/v1/traces; needs "
        "the extra tracing; empty: nothing is traced",
    ),
    Variable(
        "RINGMAIN_LOG_FORMAT",
        "auto",
        values.one_of("auto", "console", "json"),
        "auto: console on a terminal, else json",
    ),
    Variable(
        "RINGMAIN_LOG_LEVEL",
        "info",
        values.one_of("debug", "info", "warning", "error", "critical"),
        "least urgent level that is printed",
    ),
)

HINT = "`ringmain serve --help` lists them."

# What `ringmain simulate` reads by itself may stay exported in the same shell.
NO_SETTINGS = ("RINGMAIN_API_KEY",)


def read(environ: Mapping[str, str]) -> Settings:
    """Read and validate all settings; raise SettingError that names the first wrong one."""
    looked_at = look_at(environ)
    for told in looked_at.faults.values():
        raise SettingError(told)
    return looked_at.settings


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What the environment says: what is wrong, by the name of the variable, and the settings.

    A wrong one has its default there.
    """

    settings: Settings
    faults: Mapping[str, str]


def look_at(environ: Mapping[str, str]) -> LookedAt:
    """Read all settings and find all that is wrong with them."""
    faults = dict(_strangers(environ))
    values = {}
    for variable in VARIABLES:
        try:
            values[variable.field] = _value(variable, environ)
        except SettingError as wrong:
            faults[variable.name] = str(wrong)
            values[variable.field] = variable.parse(variable.default)
    settings = Settings(**values)
    return LookedAt(settings, {**faults, **broken_rules(settings, without=faults)})


def _strangers(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    known = {*NO_SETTINGS, *(variable.name for variable in VARIABLES)}
    for name in sorted(environ):
        if name.startswith("RINGMAIN_") and name not in known:
            meant = get_close_matches(name, known, n=1, cutoff=0.85)
            yield (
                name,
                f"{name} is no setting of Ringmain"
                + (f": {meant[0]} may be meant." if meant else ".")
                + f" {HINT}",
            )


def _value(variable: Variable, environ: Mapping[str, str]) -> Any:
    text = environ.get(variable.name, variable.default)
    try:
        return variable.parse(text)
    except ValueError as wrong:
        reason = str(wrong).removesuffix(".")
        raise SettingError(f"{variable.name}: {_shown(text)!r} cannot be used: {reason}.") from None


def _shown(text: str) -> str:
    """Return what was given, without what a URL may hold in secret: a password, and its query."""
    told, asks, query = text.partition("?")
    told = re.sub(r"(?<=//).*@|^(?!.*//).*@", "***@", told)
    if "@" in query:  # the question mark may be part of a password
        told = re.sub(r"(?<=//).*|^(?!.*//).*", "***", told)
    return told + ("?***" if asks else "")


def describe() -> str:
    """List every variable with its default and meaning, for ``ringmain serve --help``."""
    return "\n".join(
        f"{variable.name} (default: {variable.default or 'empty'}): {variable.meaning}."
        for variable in VARIABLES
    )
