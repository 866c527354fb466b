"""Where no container engine is, the trial of the image says so and fails nobody's build."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import containers


def test_without_an_engine_one_line_says_that_nothing_was_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = tmp_path / "docker"  # there, and without its daemon
    engine.write_text("#!/bin/sh\nexit 1\n")
    engine.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert containers.main([]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "containers: neither docker nor podman answers here: the image is not built"
    ]
