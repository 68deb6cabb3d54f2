"""Queries are built from typed holes: whatever stands in a label, a selector keeps its shape and selects what it says."""

import promql_parser as promql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.policy.further import cpu_query, queue_query
from autoscaler.policy.profiles import matchers, profiles_of, quoted
from autoscaler.policy.source_settings import SourceSettings

NASTY = [
    '"',
    "\\",
    "\n",
    "\r",
    "\t",
    "\x00",
    "}",
    "{",
    "'",
    "`",
    "#",
    "or",
    ' or up{job="x"}',
    "\\u0022",
    "\\x22",
    "$1",
]
TEXTS = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=8)), max_size=8).map("".join)
NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,12}", fullmatch=True).filter(lambda name: name != "__name__")
MATCHES = st.dictionaries(NAMES, TEXTS, min_size=1, max_size=3)
DURATIONS = st.integers(1, 4_000)


def sent(text: str) -> str:
    """Give a text as it can be sent at all: in UTF-8, without lone surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8")


def selectors(text: str) -> list[promql.VectorSelector]:
    """Give every selector of a query."""
    found: list[promql.Expr] = []
    promql.walk(promql.parse(text), found.append)
    return [node for node in found if isinstance(node, promql.VectorSelector)]


def shape(text: str) -> list[str | None]:
    """Give the metrics that a query reads, in its order."""
    return [one.name for one in selectors(text)]


@given(TEXTS)
def test_a_quoted_text_is_one_string(text: str) -> None:
    """What is written as a string is read as this string, and nothing follows it."""
    (selector,) = selectors(f"up{{job={quoted(sent(text))}}}")
    assert [(one.name, one.value) for one in selector.matchers.matchers] == [("job", sent(text))]


@given(MATCHES)
def test_match_selects_what_it_says(match: dict[str, str]) -> None:
    """Every label of `match` is one equality, with its value as written, and there is nothing else."""
    given_match = {name: sent(value) for name, value in match.items()}
    (selector,) = selectors(f"up{{{matchers(given_match)}}}")
    found = {one.name: (one.op, one.value) for one in selector.matchers.matchers}
    assert found == {name: (promql.MatchOp.Equal, value) for name, value in given_match.items()}
    assert not selector.matchers.or_matchers


def settings_of(match: dict[str, str], interval_s: int, profile: str = "openfaas") -> SourceSettings:
    custom = {"rate": "sum by (function_name) (rate(calls{{selector}}[{range}]))", "activity": "calls{{selector}}"}
    gateway = {"profile": profile, "match": match} | ({"queries": custom} if profile == "custom" else {})
    further = {"cpu": {"match": match}, "queue": {"match": match}}
    return SourceSettings.model_validate(
        {"url": "http://x", "scrapeInterval": f"{interval_s}s", "gateways": [gateway], **further}
    )


def queries_of(settings: SourceSettings) -> list[str]:
    own = [query.text for profile in profiles_of(settings) for query in profile.queries]
    return [*own, cpu_query(settings), queue_query(settings)]


@pytest.mark.parametrize("profile", ["openfaas", "custom"])
@given(match=MATCHES, interval_s=DURATIONS)
def test_no_label_changes_what_a_query_reads(profile: str, match: dict[str, str], interval_s: int) -> None:
    """With any labels the queries read the same metrics as with a plain one, and every selector has all the labels."""
    given_match = {name: sent(value) for name, value in match.items()}
    plain, nasty = (settings_of(one, interval_s, profile) for one in ({"job": "gateway"}, given_match))
    for ordinary, text in zip(queries_of(plain), queries_of(nasty), strict=True):
        assert shape(text) == shape(ordinary)
        for selector in selectors(text):
            found = {(one.name, one.value) for one in selector.matchers.matchers}
            assert set(given_match.items()) <= found


@given(st.text(max_size=20).filter(lambda name: not name.isascii() or not name.replace("_", "a").isalnum()))
def test_a_name_that_no_label_has_is_refused(name: str) -> None:
    """A label's name has no quotes to hide in: what is none is refused, never written."""
    with pytest.raises(ValueError, match="label name"):
        matchers({name: "x"})
