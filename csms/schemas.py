"""The library's JSON schemas, compiled: what is a payload of an OCPP version, and what is not.

Validation is advice about what chargers and targets send, and law for what we send. Formats are
checked only in what users ask for: no two chargers agree on a timestamp.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import islice
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import jsonschema_rs

# What a request needs no answer to (a 2.1 Send) has neither ending, nor has a request of 1.6.
_FILE = re.compile(r"(?P<action>\w+?)(?P<part>Request|Response)?\.json")


# Of an action.
Part: TypeAlias = Literal["request", "response"]


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with a payload: the CALLERROR code, and a sentence naming the field."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class _Version:
    """Where an OCPP version has its schema files, and the CALLERROR for each broken rule."""

    package: str
    not_an_object: str
    codes: Mapping[str, str]


def _version(package: str, form: str, occurrence: str) -> _Version:
    rules = {
        "additionalProperties": form,
        "type": "TypeConstraintViolation",
        "required": occurrence,
        "minItems": occurrence,
        "maxItems": occurrence,
    }
    return _Version(package, form, MappingProxyType(rules))


# The 1.6 codes are official typos, kept on purpose (J errata §5).
_VERSIONS: Mapping[str, _Version] = MappingProxyType(
    {
        "1.6": _version("ocpp.v16", "FormationViolation", "OccurenceConstraintViolation"),
        "2.0.1": _version("ocpp.v201", "FormatViolation", "OccurrenceConstraintViolation"),
        "2.1": _version("ocpp.v21", "FormatViolation", "OccurrenceConstraintViolation"),
    }
)
_OTHER_RULES = "PropertyConstraintViolation"
_MOST_FAULTS = 20
_LONGEST_PATH, _LONGEST_FAULT = 100, 200  # characters


class Schemas:
    """Check payloads of one OCPP version; each schema is compiled when it is first needed."""

    def __init__(self, version: str) -> None:
        self._version = _VERSIONS[version]
        self._requests, self._responses = _checks(self._version.package)

    @property
    def actions(self) -> frozenset[str]:
        """Name every action of the version, in either direction."""
        return frozenset(self._requests.files)

    @property
    def sends(self) -> frozenset[str]:
        """Name the actions that are never answered (2.1)."""
        return frozenset(self._requests.files.keys() - self._responses.files.keys())

    def knows(self, action: str) -> bool:
        """Tell whether the version has this action."""
        return action in self._requests.files

    def request(self, action: str, fields: Any) -> Violation | None:
        """Return what is wrong with a CALL's payload, None if nothing is."""
        if self._requests[action](fields):
            return None
        return self._found(self._requests, action, fields)

    def names(self, action: str, field: str) -> bool:
        """Tell whether the request of an action has a field of this name."""
        return field in _properties(self._version.package, self._requests.files[action])

    def faults(self, action: str, fields: Mapping[str, Any]) -> dict[str, list[str]]:
        """Tell by dotted path what is wrong with a CALL's payload, of very much the first.

        Unlike what chargers and targets send, it has to keep to the formats too.
        """
        told: dict[str, list[str]] = {}
        file = self._requests.files[action]
        validator = _validator(self._version.package, file, formats=True)
        if validator.is_valid(fields):
            return told
        for error in islice(validator.iter_errors(fields), _MOST_FAULTS):
            for path in _paths(error):
                told.setdefault(path[:_LONGEST_PATH], []).append(error.message[:_LONGEST_FAULT])
        return told

    def document(self, action: str, part: Part) -> Mapping[str, Any]:
        """Return the schema of an action's request or response, as OCPP has published it."""
        checks = self._requests if part == "request" else self._responses
        return _document(self._version.package, checks.files[action])

    def response(self, action: str, fields: Any) -> Violation | None:
        """Return what is wrong with a CALLRESULT's payload, None if nothing is."""
        if self._responses[action](fields):
            return None
        return self._found(self._responses, action, fields)

    def _found(self, checks: _Checks, action: str, fields: Any) -> Violation:
        if action not in checks.files:
            return Violation("NotImplemented", "action is not known")
        if not isinstance(fields, dict):
            return Violation(self._version.not_an_object, "payload is not an object")
        validator = _validator(self._version.package, checks.files[action])
        return self._violation(next(validator.iter_errors(fields)))

    def _violation(self, error: jsonschema_rs.ValidationError) -> Violation:
        where = ".".join(map(str, error.instance_path))
        message = f"{where}: {error.message}" if where else error.message
        return Violation(self._version.codes.get(error.kind.name, _OTHER_RULES), message)


class _Checks(dict[str, Callable[[Any], bool]]):
    """What tells whether a payload fits its action; costs no call where it is known already."""

    def __init__(self, package: str, files: Mapping[str, str]) -> None:
        super().__init__()
        self.files = files  # by action
        self._package = package

    def __missing__(self, action: str) -> Callable[[Any], bool]:
        if action not in self.files:  # also keeps a peer's text out of file names
            return _never
        check = self[action] = _validator(self._package, self.files[action]).is_valid
        return check


def _never(_fields: Any) -> bool:
    return False


def _checks(package: str) -> tuple[_Checks, _Checks]:
    requests: dict[str, str] = {}
    responses: dict[str, str] = {}
    for file in files(package).joinpath("schemas").iterdir():
        if (named := _FILE.fullmatch(file.name)) is not None:
            its = responses if named["part"] == "Response" else requests
            its[named["action"]] = file.name
    return _Checks(package, requests), _Checks(package, responses)


def _paths(error: jsonschema_rs.ValidationError) -> list[str]:
    """Name what an error is about: also a field that is missing, or that should not be there."""
    where = [str(step) for step in error.instance_path]
    about = {"required": "property", "additionalProperties": "unexpected"}.get(error.kind.name)
    if about is None:
        return [".".join(where) or "body"]
    named = getattr(error.kind, about)
    names = [named] if isinstance(named, str) else named[:_MOST_FAULTS]
    return [".".join([*where, name]) for name in names]


@cache
def _properties(package: str, file: str) -> frozenset[str]:
    return frozenset(_document(package, file).get("properties", ()))


def _document(package: str, file: str) -> dict[str, Any]:
    text = files(package).joinpath("schemas", file).read_text("utf-8-sig")
    document: dict[str, Any] = json.loads(text)
    return document


@cache
def _validator(package: str, file: str, *, formats: bool = False) -> jsonschema_rs.Validator:
    document = _document(package, file)
    # Messages end up in logs and answers: the values of a payload stay out of them.
    return jsonschema_rs.validator_for(document, validate_formats=formats, mask="value")
