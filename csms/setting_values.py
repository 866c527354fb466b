"""Read what is written in environment variables; what cannot be used raises ValueError."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import NamedTuple, TypeAlias
from urllib.parse import urlsplit

from sqlalchemy import URL

from storage.engines import UnknownEngine, parse_url
from storage.retention_terms import LEAST, MOST

MAX_PORT = 65535

Network: TypeAlias = IPv4Network | IPv6Network


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


class Rate(NamedTuple):
    """How many a second in the long run, and how many at once."""

    per_second: float
    burst: int


def bind(text: str) -> Bind:
    """Read ADDRESS:PORT."""
    match = re.fullmatch(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<host>[^:\[\]]+)):(?P<port>[0-9]+)", text)
    if match is None:
        raise ValueError("wanted is ADDRESS:PORT")
    if int(match["port"]) > MAX_PORT:
        raise ValueError(f"the highest port is {MAX_PORT}")
    host = match["six"] or match["host"]
    if host != "localhost":
        ip_address(host)
    return Bind(host, int(match["port"]))


def directory(text: str) -> Path:
    """Read a directory."""
    if not text:
        raise ValueError("wanted is a directory")
    return Path(text)


def boolean(text: str) -> bool:
    """Read true or false."""
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in words:
        raise ValueError("wanted is true or false")
    return words[text.lower()]


def networks(text: str) -> tuple[Network, ...]:
    """Read CIDRs with commas between."""
    return tuple(_network(item.strip()) for item in text.split(",") if item.strip())


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        wanted = "wanted are addresses, or networks whose host bits are zero, like 10.0.0.0/8"
        raise ValueError(wanted) from None


def url(*schemes: str) -> Callable[[str], str | None]:
    """Return what reads a URL of one of these schemes, without the slash at its end."""

    def parse(text: str) -> str | None:
        parts = urlsplit(text)
        if text and (parts.scheme not in schemes or not parts.hostname or parts.port == 0):
            raise ValueError(f"wanted is a URL that begins with {' or '.join(schemes)}")
        if parts.query or parts.fragment:
            raise ValueError("wanted is a URL that can be continued")
        return text.rstrip("/") or None

    return parse


def public_url(*schemes: str) -> Callable[[str], str | None]:
    """Return what reads a URL that others are told, so that it names no user."""

    def parse(text: str) -> str | None:
        if "@" in urlsplit(text).netloc:
            raise ValueError("wanted is a URL without a user")
        return url(*schemes)(text)

    return parse


def token_endpoint(text: str) -> str:
    """Read the URL of a token endpoint."""
    endpoint = url("http", "https")(text)
    if endpoint is None or "@" in endpoint:
        raise ValueError("wanted is the URL of a token endpoint, without a user")
    return endpoint


def database(text: str) -> URL | None:
    """Read where the database is."""
    try:
        return parse_url(text) if text else None
    except UnknownEngine as unknown:
        raise ValueError(str(unknown)) from None


def one_of(*words: str) -> Callable[[str], str]:
    """Return what reads one of these words."""

    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"wanted is one of {', '.join(words)}")
        return text.lower()

    return parse


def optional(parse: Callable[[str], str]) -> Callable[[str], str | None]:
    """Return what reads the same, or nothing."""
    return lambda text: parse(text) if text else None


def bus(text: str) -> str:
    """Read which bus it is."""
    if text != "embedded":
        raise ValueError("only 'embedded' until the Kafka bus is there")
    return text


def frame_bytes(text: str) -> int:
    """Read how long a frame may be."""
    if not text.isdecimal() or not 4096 <= int(text) <= 1 << 26:
        raise ValueError("wanted are 4096 to 67108864 bytes")
    return int(text)


def days(text: str) -> int:
    """Read a number of days."""
    if not text.isdecimal() or not LEAST <= int(text) <= MOST:
        raise ValueError(f"wanted are {LEAST} to {MOST} days")
    return int(text)


def rate(text: str) -> Rate:
    """Read so many a second, and after a slash so many at once."""
    match = re.fullmatch(r"(\d{1,6})(?:/(\d{1,7}))?", text)
    if match is None or int(match[1]) < 1 or int(match[2] or match[1]) < int(match[1]):
        raise ValueError("wanted is REQUESTS_PER_SECOND/BURST, for example 100/1000")
    return Rate(float(match[1]), int(match[2] or match[1]))


def files(text: str) -> tuple[Path, ...]:
    """Read one file, or two with a comma between."""
    paths = tuple(Path(item.strip()) for item in text.split(",") if item.strip())
    if len(paths) > 2:
        raise ValueError("wanted are one or two files")
    return paths


def command(text: str) -> tuple[str, ...]:
    """Read a command and its arguments, quoted as in a shell; no shell runs it."""
    return tuple(shlex.split(text))


def cookie(text: str) -> str:
    """Read the name of a cookie (RFC 6265)."""
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}", text):
        raise ValueError("wanted is the name of a cookie")
    return text
