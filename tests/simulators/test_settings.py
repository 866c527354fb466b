from __future__ import annotations

import pytest

from simulators.settings import Setting, Settings, fixed


@pytest.fixture
def settings() -> Settings:
    return Settings(
        {
            "Number": Setting("1"),
            "Flag": Setting("true", "boolean"),
            "Text": Setting("a", "text", needs_reboot=True),
            "Fixed": fixed(7),
        }
    )


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("Number", "60", "Accepted"),
        ("Number", "-1", "Rejected"),
        ("Number", "²", "Rejected"),
        ("Number", "", "Rejected"),
        ("Flag", "False", "Accepted"),
        ("Flag", "no", "Rejected"),
        ("Text", "b", "RebootRequired"),
        ("Fixed", "8", "Rejected"),
        ("Other", "1", "NotSupported"),
    ],
)
def test_a_write_has_its_verdict(settings: Settings, name: str, value: str, verdict: str) -> None:
    before = settings.get(name)

    assert settings.change(name, value) == verdict
    taken = verdict in ("Accepted", "RebootRequired")
    assert (settings.get(name) != before) is taken


def test_values_are_read_by_kind(settings: Settings) -> None:
    settings.put("Fixed", 9)

    assert settings.integer("Fixed") == 9
    assert settings.flag("Flag")
    assert settings.text("Text") == "a"
