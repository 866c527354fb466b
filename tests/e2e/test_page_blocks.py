"""What a page shows as an answer is what is compared, and a wrong one is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.pages import Block, blocks, differences, read, said

pytestmark = pytest.mark.sqlite_only("about the pages")

PAGE = """# A page

<!-- stage: fleet -->

```sh
ask none   # {"a": 1, …}
ask one    # with words
# {"state": "ready",
#  "id": 418, …} and so on
ask two
# 409 {"error": "conflict"}
```

1. In a list:

   <!-- in the background -->
   ```sh
   serve
   ```

<!-- not run: needs root and a machine -->
```console
$ ask
{"a": 1}
```

```sh
ask three
```
```json
{"a": […, {"b": true}]}
```
"""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Block]:
    monkeypatch.setattr("tests.e2e.pages.ROOT", tmp_path)
    (tmp_path / "page.md").write_text(PAGE)
    return blocks(tmp_path / "page.md")


def test_a_page_is_cut_into_blocks_and_steps(page: list[Block]) -> None:
    first, behind, marked, last, shown = page

    none, one, two = first.steps()
    assert (none.text, none.shape) == ("ask none", {"a": 1, "…": 0})
    assert (one.text, one.status) == ("ask one    # with words", None)
    assert one.shape["state"] == "ready"
    assert (two.text, two.status, two.shape) == ("ask two", 409, {"error": "conflict"})
    assert behind.behind
    assert behind.text == "serve\n"
    assert not marked.runs
    assert [step.shape for step in last.steps()] == [{"a": ["…", {"b": True}]}]
    assert not shown.runs


@pytest.mark.parametrize(
    "text", ['{"a": …, …}', "{…}", '["x", …, {"b": "y…", …}]', '{"a": {"b": […]}}, or "Unknown"']
)
def test_ellipses_leave_things_out(text: str) -> None:
    assert json.dumps(read(text))


@pytest.mark.parametrize(
    ("shape", "told", "wrong"),
    [
        ('{"state": "ready", …}', {"state": "ready", "more": 1}, 0),
        ('{"state": "ready"}', {"state": "backoff"}, 1),
        ('{"state": "ready"}', {}, 1),
        ('{"on": true}', {"on": False}, 1),
        ('{"id": 418, "at": "2026-11-21", "key": "rm_…"}', {"id": 7, "at": None, "key": "x"}, 0),
        ('{"list": [{"a": "yes"}]}', {"list": []}, 1),
        ('{"list": [{"a": "yes"}, …]}', {"list": [{"a": "no"}]}, 1),
        ('{"list": […]}', {"list": {}}, 1),
        ('{"a": 1}', None, 1),
        ('{"next_cursor": "NTE"}', {}, 0),
    ],
)
def test_what_is_not_as_it_is_shown_is_found(shape: str, told: object, wrong: int) -> None:
    assert len(list(differences(read(shape), told))) == wrong


def test_an_answer_is_found_among_words() -> None:
    assert said('{"first": 1}\nfalse\n{\n  "a": 1\n}\ncurl: (22) 404\n404\n') == {"a": 1}
    assert said("nothing of the kind\n") is None
