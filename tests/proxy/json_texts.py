"""JSON as peers write it: texts for hypothesis, with every freedom that JSON leaves."""

from __future__ import annotations

import json
from collections.abc import Collection

from hypothesis import strategies as st

from proxy import splice

NUMBERS = st.sampled_from(["6.0", "1e3", "-0", "12345678901234567890123", "0.10", "1E+2"])
TEXTS = st.text().map(json.dumps) | st.text().map(lambda text: json.dumps(text, ensure_ascii=False))
BLANKS = st.text(" \t\n\r", max_size=3)
SIGNED = st.just(r'{"signedMeterData":"T0NNRg\/\u003d=","format":"SignedData","value":0.10}')
LEAVES = NUMBERS | TEXTS | SIGNED | st.sampled_from(["true", "false", "null"])


def listed(pieces: st.SearchStrategy[str], ends: str) -> st.SearchStrategy[str]:
    """Write pieces between two ends, with commas and one kind of blank."""
    return st.builds(
        lambda inside, gap: f"{ends[0]}{gap}{f'{gap},{gap}'.join(inside)}{gap}{ends[1]}",
        st.lists(pieces, max_size=4),
        BLANKS,
    )


def members(inner: st.SearchStrategy[str], but: Collection[str] = ()) -> st.SearchStrategy[str]:
    """Write a member whose key is none of those, in no letter case; some keys look like ids."""
    doomed = {key.casefold() for key in but}
    keys = (st.just('"transactionId"') | TEXTS).filter(
        lambda key: json.loads(key).casefold() not in doomed
    )
    return st.builds(lambda key, gap, value: f"{key}{gap}:{gap}{value}", keys, BLANKS, inner)


VALUES = st.recursive(
    LEAVES, lambda inner: listed(inner, "[]") | listed(members(inner), "{}"), max_leaves=12
)


def objects(but: Collection[str] = ()) -> st.SearchStrategy[bytes]:
    """Write an object without these keys at its top level."""
    return listed(members(VALUES, but), "{}").map(str.encode)


def without_repeats(payloads: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Leave out what two parsers may read in two ways."""
    return payloads.filter(lambda payload: not splice.repeats_a_key(payload))


@st.composite
def around(draw: st.DrawFn, key: str = "id", but: Collection[str] = ()) -> tuple[bytes, bytes]:
    """Two halves of an object text with room for a value of the key between them."""
    others = members(VALUES, {key, *but})
    before = [piece + "," for piece in draw(st.lists(others, max_size=3))]
    after = ["," + piece for piece in draw(st.lists(others, max_size=3))]
    gap = draw(BLANKS)
    halves = (
        gap + "{" + "".join(before) + f'{gap}"{key}"{gap}:{gap}',
        gap + "".join(after) + "}" + gap,
    )
    return halves[0].encode(), halves[1].encode()
