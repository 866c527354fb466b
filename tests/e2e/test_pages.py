"""Every page as its reader works through it: what is shown works, and answers what is shown."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import programs
from tests.e2e.pages import PAGES, ROOT, Block, Step, blocks, differences, said, whole_page
from tests.e2e.stages import STAGES, Stage

PLAYED = [
    page
    for page in PAGES
    if any(block.runs for block in blocks(page)) and (whole_page(page) or ("stage",))[0] == "stage"
]
# A refusal ends the page, but where it is what is shown; who reads no further (`head`) may.
# A stream (`curl -N`) has no end: some of it is enough.
PRELUDE = """set -eu -o pipefail
curl() {
    local ended=0 endless=
    if [[ " $* " =~ [[:blank:]]-([a-zA-Z]*N|-no-buffer)[[:blank:]] ]]; then
        endless=28
        set -- "$@" --max-time 2
    fi
    set -- --fail-with-body --max-time 20 -w '%{stderr}%{http_code}\\n' "$@"
    command curl -sS "$@" 2> "$STATUS" || ended=$?
    case $ended in
        0) echo ;;
        23|"$endless") ended=0 ;;
        *) echo; cat "$STATUS" >&2 ;;
    esac
    return $ended
}
"""
TYPED = ROOT / "tests/e2e/ringmain_typed.py"
QUIET_S = 120
MOST_LOOKS = 250


def script(page: Path, stage: Stage, out: Path) -> tuple[str, list[tuple[Block, Step]]]:
    """Write all that is typed as one script, each step with a file for what it says."""
    parts = [PRELUDE]
    steps: list[tuple[Block, Step]] = []
    for block in filter(lambda block: block.runs, blocks(page)):
        for step in [Step(block.text)] if block.behind else block.steps():
            parts.append(typed(step, stage, out / str(len(steps)), behind=block.behind))
            steps.append((block, step))
    return "".join(parts), steps


def typed(step: Step, stage: Stage, out: Path, *, behind: bool) -> str:
    text = step.text
    for name, value in stage.variables.items():
        text = re.sub(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
    for shown, here in stage.addresses.items():
        text = text.replace(shown, here)
    begin = f"exec > {out} 2>&1\n"
    if behind:
        return f"{begin}{{\n{text}\n}} &\n"
    if step.status and step.status >= 400:
        return f"{begin}set +e\n{text}\nset -e\ncat $STATUS\n"
    if "| head" in text:
        return f"{begin}set +o pipefail\n{text}\nset -o pipefail\n"
    return f"{begin}{text}\n"


async def paste(text: str, folder: Path, stage: Stage) -> int:
    """Run a script, and whatever it leaves behind, in a group of processes that ends with it."""
    path = os.pathsep.join([str(program(folder)), os.environ["PATH"]])
    known = {name: value for name, value in os.environ.items() if not name.startswith("RINGMAIN_")}
    (folder / "script").write_text(text)
    shell = await asyncio.create_subprocess_exec(
        "bash",
        str(folder / "script"),
        cwd=folder,
        env={
            **known,
            **stage.variables,
            "PATH": path,
            "STATUS": str(folder / "status"),
            "NURSERY": str(programs.nursery().fileno()),
        },
        pass_fds=[programs.nursery().fileno()],
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(QUIET_S):
            return await shell.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            await ended(shell.pid, number)


def program(folder: Path) -> Path:
    """Make a folder with what is called `ringmain` there."""
    typed = folder / "bin" / "ringmain"
    typed.parent.mkdir()
    typed.write_text(f'#!/bin/sh\nexec {sys.executable} -sSE {TYPED} "$@"\n')
    typed.chmod(0o755)
    return typed.parent


async def ended(group: int, number: signal.Signals) -> None:
    """Signal a group of processes, and wait until nobody of it is there."""
    for _ in range(MOST_LOOKS):
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            return
        await asyncio.sleep(0.02)  # nobody tells of the end of who is not our child


@pytest.mark.skipif(
    not (shutil.which("jq") and shutil.which("curl")) and os.environ.get("CI") != "true",
    reason="the pages need curl and jq",
)
@pytest.mark.sqlite_only("about the pages")
@pytest.mark.parametrize("page", PLAYED, ids=lambda page: page.name)
async def test_every_line_works(page: Path, tmp_path: Path) -> None:
    told = whole_page(page)
    out = tmp_path / "out"
    out.mkdir()
    async with STAGES[told[1] if told else "fleet"](tmp_path) as stage:
        text, steps = script(page, stage, out)
        code = await paste(text, tmp_path, stage)
    reached = [(out / str(number)).read_text() for number in range(len(list(out.iterdir())))]
    block, step = steps[len(reached) - 1]

    assert code == 0, f"{block.page}:{block.line}\n{step.text}\n{reached[-1][-3000:]}"
    if amiss := wrong(steps, reached):
        pytest.fail(amiss, pytrace=False)


def wrong(steps: Sequence[tuple[Block, Step]], reached: Sequence[str]) -> str:
    """Tell which answers are not as the page shows them."""
    found = []
    for (block, step), output in zip(steps, reached, strict=True):
        amiss = [f"is not {step.status}"] if step.status and not answered(step, output) else []
        if step.shape is not None:
            amiss += differences(step.shape, said(output))
        if amiss:
            at = f"{block.page}:{block.line}: {step.text.strip()[-300:]}"
            found += [f"{at}\n{output[-1500:]}", *(f"  answer{each}" for each in amiss)]
    return "\n".join(found)


def answered(step: Step, output: str) -> bool:
    return str(step.status) in output.split()
