"""A value inside a JSON text is exchanged, and every byte around it survives."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.splice import EACH, find, put, remove, repeats_a_key, replace, sift, values_at
from tests.proxy.json_texts import BLANKS, VALUES, around


@given(halves=around(), value=VALUES)
def test_any_text_keeps_every_byte_around_the_value(
    halves: tuple[bytes, bytes], value: str
) -> None:
    before, after = halves
    payload = before + value.encode() + after

    assert values_at(payload, ("id",)) == [value.encode()]
    assert replace(payload, ("id",), lambda _: b"7") == before + b"7" + after


@given(halves=around(), value=VALUES)
def test_a_text_with_the_same_value_stays_itself(halves: tuple[bytes, bytes], value: str) -> None:
    payload = halves[0] + value.encode() + halves[1]

    assert replace(payload, ("id",), lambda raw: raw) is payload


@given(halves=around(), value=VALUES)
def test_a_text_without_the_value_stays_itself(halves: tuple[bytes, bytes], value: str) -> None:
    payload = halves[0] + value.encode() + halves[1]

    assert replace(payload, ("absent",), lambda _: b"7") is payload


def test_a_nested_value_is_found_on_its_path_only() -> None:
    payload = b'{"id":1, "a":{"id" : 2,"b":{"id":3}}, "b":{"id":4}}'

    assert replace(payload, ("a", "id"), lambda raw: b"<" + raw + b">") == (
        b'{"id":1, "a":{"id" : <2>,"b":{"id":3}}, "b":{"id":4}}'
    )


def test_a_repeated_key_is_exchanged_each_time() -> None:
    payload = b'{"a":{"id":1},"id":2,"a":{"id":3}}'

    assert values_at(payload, ("a", "id")) == [b"1", b"3"]
    assert replace(payload, ("a", "id"), lambda _: b"9") == b'{"a":{"id":9},"id":2,"a":{"id":9}}'


def test_a_key_is_compared_after_its_escapes() -> None:
    assert values_at(rb'{"\u0069d":1}', ("id",)) == [b"1"]


@pytest.mark.parametrize("payload", [b"null", b"[]", b'"id"', b"{}", b' {"a":[{"id":1}]}', b"1"])
def test_what_has_no_such_path_has_no_value(payload: bytes) -> None:
    assert values_at(payload, ("a", "id")) == []


@pytest.mark.parametrize(
    "payload",
    [
        b'{"a":1,"a":2}',
        b'{"a":1,"\\u0061":1}',
        b'{"key":1,"Key":2}',
        b'[{"x":{"a":1,"b":2,"a":3}}]',
    ],
)
def test_a_key_that_two_parsers_read_differently_is_noticed(payload: bytes) -> None:
    assert repeats_a_key(payload)


@pytest.mark.parametrize(
    "payload", [b"{}", b'{"a":{"a":1},"b":{"a":1}}', b'[{"a":1},{"a":1}]', b"3"]
)
def test_the_same_key_in_different_objects_is_no_repetition(payload: bytes) -> None:
    assert not repeats_a_key(payload)


SCALARS = st.sampled_from(["1", "-2.50", "null", "true", '"id"', '"a b"', '"x:1,"', '"\\u0069d"'])
PLACED = st.sampled_from(["id", "Id", "other", "\\u0069d", "idle", "°"])
BLANK = st.sampled_from(["", " ", "\n\t "])
NESTED = st.sampled_from(['{"id":7}', "[]", '[{"x":[1,{"id":2}]}]', "{}"])


@given(members=st.lists(st.tuples(PLACED, SCALARS | NESTED, BLANK)), any_case=st.booleans())
def test_wherever_a_key_is_its_values_are_found(
    *, members: list[tuple[str, str, str]], any_case: bool
) -> None:
    written = [f'{blank}"{key}"{blank}:{blank}{value}{blank}' for key, value, blank in members]
    payload = f"{{{','.join(written)}}}".encode()
    names = [(json.loads(f'"{key}"'), value) for key, value, _ in members]
    wanted = [v for key, v in names if key == "id" or (any_case and key.casefold() == "id")]

    found = find(payload, ("id",), any_case=any_case)
    assert [value.decode() for value in found.values] == wanted


def test_a_long_run_of_blanks_is_read_once() -> None:
    payload = b'{"a":1,%b"b":2%b,"id" %b' % (b" " * 100_000, b" " * 100_000, b" " * 100_000)

    assert find(payload + b":3}", ("id",)).values == [b"3"]
    assert find(payload + b":{}}", ("id",)).values == [b"{}"]


# ---- keys in any letter case ----


def test_letter_case_counts_unless_told_otherwise() -> None:
    payload = b'{"ID":1,"id":2}'

    assert values_at(payload, ("id",)) == [b"2"]
    places = find(payload, ("id",), any_case=True)
    assert places.values == [b"1", b"2"]
    assert places.exchanged([b"8", b"9"]) == b'{"ID":8,"id":9}'
    assert remove(payload, ("id",), any_case=True) == b"{}"


@pytest.mark.parametrize(
    "key",
    ["id", "Id", "ID", "\\u0069d", "\\u0049D", "i\\u0064"],
)
def test_no_spelling_hides_a_key(key: str) -> None:
    payload = b'{"x":"\xc2\xb0C","%b":1,"y":2,"%b":3}' % (key.encode(), key.encode())

    for spelled in (payload, payload.replace(b"\xc2\xb0", b"")):
        assert find(spelled, ("id",), any_case=True).values == [b"1", b"3"]


@pytest.mark.parametrize("key", ["tran\u017factionId", "TRAN\u017fACTIONID"])
def test_no_letter_that_reads_as_another_hides_a_key(key: str) -> None:
    payload = b'{"%b":1}' % key.encode()

    assert find(payload, ("transactionId",), any_case=True).values == [b"1"]


# ---- taking a member out ----


@given(halves=around(), value=VALUES)
def test_a_member_goes_with_one_comma_and_the_rest_reads_as_before(
    halves: tuple[bytes, bytes], value: str
) -> None:
    before, after = halves
    payload = before + value.encode() + after

    removed = remove(payload, ("id",))

    assert pairs_of(removed) == [pair for pair in pairs_of(payload) if pair[0] != "id"]
    assert is_subsequence(removed, payload)


@pytest.mark.parametrize(
    ("payload", "left"),
    [
        (b'{ "id" : 1 }', b"{  }"),
        (b'{"id":1, "a":6.0}', b'{"a":6.0}'),
        (b'{"a":6.0 , "id":1}', b'{"a":6.0}'),
        (b'{"a":6.0, "id":1 ,"b":1e3}', b'{"a":6.0 ,"b":1e3}'),
        (b'{"id":1,"id":2,"a":0,"id":3}', b'{"a":0}'),
        (b'{"id":1,"\\u0069d":2}', b"{}"),
    ],
)
def test_every_other_byte_stays_where_a_member_goes(payload: bytes, left: bytes) -> None:
    assert remove(payload, ("id",)) == left


def test_a_nested_member_goes_from_its_path_only() -> None:
    payload = b'{"id":1,"a":{"id":2,"b":3},"a":{"id":4}}'

    assert remove(payload, ("a", "id")) == b'{"id":1,"a":{"b":3},"a":{}}'


def test_nothing_goes_where_nothing_is() -> None:
    payload = b' {"a":[{"id":1}]}'

    assert remove(payload, ("id",)) is payload


# ---- elements of arrays ----


@st.composite
def arrays(draw: st.DrawFn) -> tuple[list[str], bytes]:
    """Elements, and an array of them with any blanks around each."""
    elements = draw(st.lists(VALUES, max_size=4))
    return elements, written(draw, elements).encode()


def written(draw: st.DrawFn, elements: list[str]) -> str:
    spaced = [draw(BLANKS) + element + draw(BLANKS) for element in elements]
    return f"[{','.join(spaced) or draw(BLANKS)}]"


@given(halves=around(), listed=arrays())
def test_each_element_is_found_and_exchanged_where_it_is(
    halves: tuple[bytes, bytes], listed: tuple[list[str], bytes]
) -> None:
    elements, array = listed
    payload = halves[0] + array + halves[1]
    path = ("id", EACH)
    raw = [element.encode() for element in elements]

    assert values_at(payload, path) == raw
    assert replace(payload, path, lambda value: value) is payload
    assert sift(payload, ("id",), raw) is payload
    marked = replace(payload, path, lambda value: b"<" + value + b">")
    assert marked.replace(b"<", b"").replace(b">", b"") == payload.replace(b"<", b"").replace(
        b">", b""
    )
    sevens = sift(payload, ("id",), [b"7"] * len(raw))
    assert values_at(sevens, path) == [b"7"] * len(raw)
    assert (sevens.startswith(halves[0]), sevens.endswith(halves[1])) == (True, True)


@given(halves=around(), listed=arrays(), data=st.data())
def test_some_elements_go_with_one_comma_each_and_the_rest_reads_as_before(
    halves: tuple[bytes, bytes], listed: tuple[list[str], bytes], data: st.DataObject
) -> None:
    elements, array = listed
    payload = halves[0] + array + halves[1]
    stay = data.draw(st.lists(st.booleans(), min_size=len(elements), max_size=len(elements)))
    kept = [
        element.encode() if stays else None for element, stays in zip(elements, stay, strict=True)
    ]

    sifted = sift(payload, ("id",), kept)

    left = [element for element in kept if element is not None]
    others = [pair for pair in pairs_of(payload) if pair[0] != "id"]
    assert [pair for pair in pairs_of(sifted) if pair[0] != "id"] == others
    assert values_at(sifted, ("id", EACH)) == left
    assert ("id" in dict(pairs_of(sifted))) is (bool(left) or not elements)
    assert is_subsequence(sifted, payload)


@pytest.mark.parametrize(
    ("payload", "left"),
    [
        (b'{"a":[1 , 2,3 ]}', b'{"a":[<1>,<3> ]}'),
        (b'{"a":[2, 1]}', b'{"a":[<1>]}'),
        (b'{"a":[1,2,2]}', b'{"a":[<1>]}'),
        (b'{"b":6.0, "a":[2] ,"c":1e3}', b'{"b":6.0 ,"c":1e3}'),
        (b'{"a":[ ],"b":0}', b'{"a":[ ],"b":0}'),
        (b'{"a":2,"b":0}', b'{"b":0}'),  # what is no array is its own only element
        (b'{"a": 1,"b":0}', b'{"a": <1>,"b":0}'),
        (b'{"a":[2],"b":[2],"\\u0061":[1,2],"A":[2]}', b'{"b":[2],"\\u0061":[<1>]}'),
        (b'[{"a":[2]}]', b'[{"a":[2]}]'),
        (b'{"x":{"a":[2]},"[]":[2],"a":[[2],1]}', b'{"x":{"a":[2]},"[]":[2],"a":[<[2]>,<1>]}'),
    ],
)
def test_what_goes_and_what_stays_of_a_list(payload: bytes, left: bytes) -> None:
    elements = find(payload, ("a", EACH), any_case=True).values
    kept = [None if element == b"2" else b"<" + element + b">" for element in elements]

    assert sift(payload, ("a",), kept, any_case=True) == left


def test_a_member_of_each_element_is_found_on_its_path_only() -> None:
    payload = b'{"a":[{"id":1},{"b":{"id":9}},[{"id":9}],{"id" : 2,"id":3}, 7],"a":{"id":4}}'

    assert values_at(payload, ("a", EACH, "id")) == [b"1", b"2", b"3", b"4"]
    assert values_at(payload, ("a", EACH, EACH, "id")) == [b"1", b"9", b"2", b"3", b"4"]


def test_a_long_list_is_read_once() -> None:
    payload = b'{"id":[%b]}' % b" , ".join([b'{"id":[1]}'] * 40_000)

    found = find(payload, ("id", EACH))
    assert len(found.values) == 40_000
    odd = [value if number % 2 else None for number, value in enumerate(found.values)]
    assert len(sift(payload, ("id",), odd)) < len(payload) / 2 + 20


# ---- setting a flag ----


@pytest.mark.parametrize(
    ("payload", "flagged"),
    [
        (b"{ }", b'{"flag":true }'),
        (b' { "a":6.0}', b' {"flag":true, "a":6.0}'),
        (b'{"a":1e3, "flag" : false}', b'{"a":1e3, "flag" : true}'),
        (b'{"flag":false,"flag":0}', b'{"flag":true,"flag":true}'),
        (b'["flag"]', b'["flag"]'),
    ],
)
def test_a_flag_is_set_and_every_other_byte_stays(payload: bytes, flagged: bytes) -> None:
    assert put(payload, "flag", b"true") == flagged


def pairs_of(payload: bytes) -> list[tuple[str, object]]:
    """Read an object's members as they are written, numbers as text."""
    found = json.loads(payload, object_pairs_hook=list, parse_int=str, parse_float=str)
    assert isinstance(found, list)
    return found


def is_subsequence(shorter: bytes, longer: bytes) -> bool:
    """Tell whether bytes were only left out."""
    rest = iter(longer)
    return all(byte in rest for byte in shorter)
