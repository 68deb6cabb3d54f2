"""JSON bodies, byte by byte: what is taken is what every reader would take."""

import json

import orjson
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from autoscaler.server.bodies import read_json
from autoscaler.server.errors import Refused
from tests.property.effort import examples

GOOD = json.dumps(
    {
        "version": "4",
        "alerts": [
            {
                "status": "firing",
                "labels": {"a": 'b"c', "d": "é"},
                "startsAt": "2026-01-01T00:00:00Z",
                "fingerprint": "0",
            }
        ],
        "truncatedAlerts": 0,
    }
).encode()
KEYS = st.sampled_from(["a", "b", "version", 'a"', '"', "\\", "é", "\0", "", "\u2028"])
PAIRS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(KEYS, inner), max_size=4).map(tuple),
    max_leaves=8,
)
"""Values of which an object is a tuple of its pairs, so that it may have a key twice."""
TOKENS = st.sampled_from(
    [b"", b'"', b"\\", b"\\u0022", b"\\u0061", b"\\ud83d", b"\0", b"{", b"}", b"[", b"]", b":", b",", b" ", b"\n", b"\xff", b"\xc3",
     b'"version":"3",', b'"a":1,', b"NaN", b"1e999", b"-", b"0", b"\xef\xbb\xbf", b"true", b"nul"]
)  # fmt: skip


def written(value: object, *, escaped: bool) -> str:
    """Write a value as JSON, with its keys as often as it has them."""
    if isinstance(value, tuple):
        return "{" + ", ".join(f"{_text(key, escaped)} : {written(one, escaped=escaped)}" for key, one in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(one, escaped=escaped) for one in value) + "]"
    return _text(value, escaped) if isinstance(value, str) else json.dumps(value)


def _text(text: str, escaped: bool) -> str:
    return '"' + "".join(f"\\u{ord(char):04x}" for char in text) + '"' if escaped else json.dumps(text)


def has_a_key_twice(value: object) -> bool:
    """Tell whether any object in it has one, by looking."""
    if isinstance(value, tuple):
        keys = [key for key, _ in value]
        return len(set(keys)) != len(keys) or any(has_a_key_twice(one) for _, one in value)
    return isinstance(value, list) and any(has_a_key_twice(one) for one in value)


def plain(value: object) -> object:
    """Give a value with objects as Python has them."""
    if isinstance(value, tuple):
        return {key: plain(one) for key, one in value}
    return [plain(one) for one in value] if isinstance(value, list) else value


@settings(max_examples=examples(150), deadline=None)
@given(PAIRS, st.booleans())
@example((("a", 1), ('""', 2), ("a", 3)), True)  # two quotes lost, two gained by an escape
def test_a_key_twice_is_refused_and_nothing_else(value: object, escaped: bool) -> None:
    """However it is written, an object with a key twice is refused, and any other value is read as it is."""
    body = written(value, escaped=escaped).encode()
    try:
        read = read_json(body)
    except Refused as refused:
        assert has_a_key_twice(value)
        assert refused.status == 400  # noqa: PT017
    else:
        assert not has_a_key_twice(value)
        assert read == plain(value)


@settings(max_examples=examples(250), deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(GOOD)), st.integers(0, 6), TOKENS), min_size=1, max_size=4))
def test_a_damaged_body_is_refused_or_means_what_its_bytes_say(edits: list[tuple[int, int, bytes]]) -> None:
    """Cut and pasted, it is a refusal of a line, or a value that a plain reader reads too."""
    body = GOOD
    for start, length, token in edits:
        body = body[:start] + token + body[start + length :]
    try:
        read = read_json(body)
    except Refused as refused:
        assert refused.status == 400  # noqa: PT017
        assert all(part.isprintable() and part for part in (refused.what, refused.where, refused.allowed))  # noqa: PT017
        return
    assert json.loads(body) == read


@settings(max_examples=examples(30), deadline=None)
@given(st.integers(1, 3_000), st.sampled_from(["[", '{"a":', '[{"\\u0022":']), st.booleans())
def test_depth_is_a_refusal_at_worst(depth: int, opening: str, is_closed: bool) -> None:
    """Lists and objects in each other, thousands deep, are read or refused, and never more than that."""
    closing = "".join({"[": "]", "{": "}"}[char] for char in reversed(opening) if char in "[{")
    body = (opening * depth + "1" + closing * depth * is_closed).encode()
    try:
        orjson.dumps(read_json(body))
    except Refused as refused:
        assert refused.status == 400  # noqa: PT017
        assume(is_closed)
        assert depth * len(closing) > 254
