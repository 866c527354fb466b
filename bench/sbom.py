"""
Write the bill of materials of a lock as CycloneDX 1.6, on standard output.

`make sbom` runs this in the environment that the lock is installed in. Names, versions and hashes
are the lock's; licences and who needs whom are what the installed packages say of themselves, so
a package for another system has its name, version and hashes alone. The same lock in the same
environment gives the same bytes.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_PIN = re.compile(r"^([a-z0-9.-]+)==([^ ;\\]+)(?: ; ([^\\\n]+?))?[ \\]*$", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_NEEDED = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Pin:
    """A package as a lock has it; ``marker`` says where it is installed, empty is everywhere."""

    name: str
    version: str
    marker: str
    hashes: Sequence[str]

    @property
    def purl(self) -> str:
        """Return the package's URL, by which scanners know it."""
        return f"pkg:pypi/{self.name}@{self.version}"


def pins(lock: str) -> list[Pin]:
    """Read the packages of a lock."""
    found = list(_PIN.finditer(lock))
    ends = [*(each.start() for each in found[1:]), len(lock)]
    return [
        Pin(each[1], each[2], each[3] or "", sorted(_HASH.findall(lock[each.end() : end])))
        for each, end in zip(found, ends, strict=True)
    ]


def bill(lock: str, name: str, version: str) -> dict[str, Any]:
    """Return the bill of materials of a product that installs a lock."""
    packages = pins(lock)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": name,
                "name": name,
                "version": version,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": [_component(each) for each in packages],
        "dependencies": _dependencies(name, packages),
    }


def _component(pin: Pin) -> dict[str, Any]:
    said = _installed(pin)
    licences = _licences(said) if said else []
    marker = [{"name": "ringmain:marker", "value": pin.marker}] if pin.marker else []
    return {
        "type": "library",
        "bom-ref": pin.purl,
        "name": pin.name,
        "version": pin.version,
        "purl": pin.purl,
        # Of every file that the lock lets in: which of them is installed depends on the system.
        "externalReferences": [
            {
                "type": "distribution",
                "url": pin.purl,  # wherever it is installed from
                "hashes": [{"alg": "SHA-256", "content": each} for each in pin.hashes],
            }
        ],
        **({"licenses": licences} if licences else {}),
        **({"properties": marker} if marker else {}),
    }


def _installed(pin: Pin) -> metadata.PackageMetadata | None:
    try:
        found = metadata.distribution(pin.name)
    except metadata.PackageNotFoundError:
        return None
    return found.metadata if found.version == pin.version else None


def _licences(said: metadata.PackageMetadata) -> list[dict[str, Any]]:
    if expressions := said.get_all("License-Expression"):
        return [{"expression": expressions[0]}]
    named = [
        classifier.rpartition(" :: ")[2]
        for classifier in said.get_all("Classifier") or []
        if classifier.startswith("License :: ")
    ]
    return [{"license": {"name": each}} for each in named]


def _dependencies(name: str, packages: Sequence[Pin]) -> list[dict[str, Any]]:
    refs: dict[str, list[str]] = {}
    for pin in packages:
        refs.setdefault(pin.name, []).append(pin.purl)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needs = [(name, project["dependencies"])]
    needs += [(pin.purl, metadata.requires(pin.name) or ()) for pin in packages if _installed(pin)]
    return [{"ref": ref, "dependsOn": sorted(_found(lines, refs))} for ref, lines in needs]


def _found(lines: Sequence[str], refs: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the packages of the lock that are named, each once, without those of extras."""
    names = {_canonical(line) for line in lines if "extra ==" not in line}
    for name in names:
        yield from refs.get(name, ())


def _canonical(requirement: str) -> str:
    name = _NEEDED.match(requirement)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else ""


def main(arguments: Sequence[str]) -> None:
    """Print the bill of the lock that is named."""
    [path] = arguments
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    made = bill(Path(path).read_text(), project["name"], project["version"])
    print(json.dumps(made, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
