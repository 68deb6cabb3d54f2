"""Names in one label: what was put in is among what is read out, and nobody gets another tenant's load."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.policy.finding import NOBODY, Finder
from autoscaler.policy.name_patterns import Known, NamePattern
from autoscaler.policy.profiles import profile_of
from autoscaler.policy.source_settings import SourceSettings

NAMES = st.from_regex(r"[ab](-?[ab]){0,3}", fullmatch=True)
"""Few letters and many dashes, so that names run into each other."""
KEYS = st.tuples(NAMES, NAMES)
LITERALS = st.sampled_from(["-", "_", ".", "--", "-svc-"])
PATTERNS = st.builds(
    lambda first, between, after, end, turned: (
        f"{first}{{function}}{between}{{namespace}}{after}{end}"
        if turned
        else f"{first}{{namespace}}{between}{{function}}{after}{end}"
    ),
    st.sampled_from(["", "fn-", "a-"]),
    LITERALS,
    st.sampled_from(["", "-{*}", "@x"]),
    st.sampled_from(["", ".b"]),
    st.booleans(),
)


def written(pattern: str, key: tuple[str, str], anything: str) -> str:
    return pattern.replace("{namespace}", key[0]).replace("{function}", key[1]).replace("{*}", anything)


@given(PATTERNS, KEYS, st.text(alphabet="ab-.80", max_size=6))
def test_what_was_written_is_among_what_is_read(pattern: str, key: tuple[str, str], anything: str) -> None:
    """A value made from names has them among its readings, and each reading makes the value again."""
    value = written(pattern, key, anything)
    readings = NamePattern.parse(pattern).splits(value)
    assert key in readings
    if "{*}" not in pattern:
        assert {written(pattern, (namespace or "", name), "") for namespace, name in readings} == {value}


@given(PATTERNS, st.sets(KEYS, min_size=1, max_size=6), st.data())
def test_a_series_never_counts_for_another_known_function(
    pattern: str, keys: set[tuple[str, str]], data: st.DataObject
) -> None:
    """The series of a known function is that function's, or nobody's where it may be another known one's."""
    known = sorted(keys)
    key = data.draw(st.sampled_from(known))
    labels = {"proxy": written(pattern, key, data.draw(st.text(alphabet="ab-.80", max_size=6)))}
    gateway = {"profile": "haproxy", "match": {"job": "g"}, "names": pattern}
    source = SourceSettings.model_validate({"url": "http://p", "gateways": [gateway]})
    rows = {f"{namespace}/{name}": row for row, (namespace, name) in enumerate(known)}
    found = Finder(profile_of(source.gateways[0], source), rows, np.ones(len(known), np.bool_))
    place = found.place(labels)
    assert place == known.index(key) or (place < NOBODY and known.index(key) in found.meant(place))


@given(PATTERNS, st.sets(KEYS, min_size=1, max_size=6), st.data())
def test_knowing_the_names_takes_no_reading_away_and_adds_none(
    pattern: str, keys: set[tuple[str, str]], data: st.DataObject
) -> None:
    """Whoever reads for known names alone gets those of all readings whose two names are known."""
    value = written(pattern, data.draw(KEYS), data.draw(st.text(alphabet="ab-.80", max_size=6)))
    known = Known(frozenset(one for one, _ in keys), frozenset(one for _, one in keys))
    read = NamePattern.parse(pattern)
    expected = {one for one in read.splits(value) if one[0] in known.namespaces and one[1] in known.functions}
    assert read.splits(value, known) == expected


@given(st.text(max_size=40))
def test_whatever_a_pattern_is_it_is_read_or_refused(text: str) -> None:
    """A pattern is a value or a ValueError, and its text is kept."""
    try:
        pattern = NamePattern.parse(text)
    except ValueError:
        return
    assert pattern.text == text == "".join(pattern.parts)


@given(PATTERNS, st.text(max_size=60))
def test_whatever_a_value_is_it_has_readings_or_none(pattern: str, value: str) -> None:
    """No value of a label makes an error."""
    assert isinstance(NamePattern.parse(pattern).splits(value), frozenset)
