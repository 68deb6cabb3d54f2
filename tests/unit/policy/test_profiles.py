"""Gateway profiles: texts of queries, and how series name functions. Their answers are tested on a real Prometheus."""

import pickle

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.profiles import Profile, matchers, profiles_of, quoted
from autoscaler.policy.source_settings import SourceSettings


def profile(gateway: dict[str, object], **source: object) -> Profile:
    settings = SourceSettings.model_validate({"url": "http://p", "gateways": [gateway], **source})
    (found,) = profiles_of(settings)
    return found


OPENFAAS: dict[str, object] = {"profile": "openfaas", "match": {"job": "gateway"}, "defaultNamespace": "openfaas-fn"}
CUSTOM: dict[str, object] = {
    "profile": "custom",
    "match": {"job": "edge"},
    "queries": {
        "rate": "sum by (namespace, function) (rate(r{{selector}}[{range}])) # mine",
        "activity": "a{{selector}}",
    },
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("figlet", FunctionKey("openfaas-fn", "figlet")),
        ("figlet.openfaas-fn", FunctionKey("openfaas-fn", "figlet")),
        ("resize.v2.alice-fn", FunctionKey("alice-fn", "resize.v2")),
        ("trailing.", FunctionKey("openfaas-fn", "trailing")),
        (".leading", None),
        ("", None),
    ],
)
def test_both_forms_of_a_name_are_one_function(name: str, expected: FunctionKey | None) -> None:
    """A name splits at its last dot; without one it belongs to the default namespace."""
    found = profile(OPENFAAS).readings({"function_name": name, "code": "200"})
    assert found == ({expected} if expected is not None else set())


def test_without_a_default_namespace_a_bare_name_is_nobodys() -> None:
    """A bare name is ignored where no default namespace is set."""
    bare = profile({"profile": "openfaas", "match": {"job": "gateway"}})
    assert bare.readings({"function_name": "figlet"}) == set()
    assert bare.readings({}) == set()


def test_custom_series_name_functions_by_two_labels() -> None:
    """Profile custom takes namespace and function from the labels that the settings name."""
    found = profile(CUSTOM | {"namespaceLabel": "ns", "functionLabel": "fn"})
    assert found.readings({"ns": "a", "fn": "b.c"}) == {FunctionKey("a", "b.c")}
    assert found.readings({"namespace": "a", "function": "b"}) == set()


def test_at_most_four_queries_whatever_is_asked_for() -> None:
    """Both profiles ask four instant queries at most, each signal once."""
    everything = dict.fromkeys(("rate", "concurrency", "inFlight", "activity", "alive"), "x{{selector}}")
    for gateway in (OPENFAAS, CUSTOM | {"queries": everything}):
        names = [query.name for query in profile(gateway).queries]
        assert names == ["rate", "concurrency", "in_flight", "proof"]


def test_custom_texts_are_filled_in() -> None:
    """`{selector}` and `{range}` become the gateway's matchers and the source's range."""
    rate, proof = profile(CUSTOM, scrapeInterval="5s").queries
    assert rate.text == 'sum by (namespace, function) (rate(r{job="edge"}[20s])) # mine'
    assert 'a{job="edge"}\n)' in proof.text


def test_flags_say_what_a_profile_can_prove() -> None:
    """What the queries lack, the profile says it lacks."""
    openfaas, custom = profile(OPENFAAS), profile(CUSTOM)
    assert (openfaas.has_in_flight, openfaas.has_activity, openfaas.has_alive) == (True, True, True)
    assert (custom.has_in_flight, custom.has_activity, custom.has_alive) == (False, True, False)


def test_custom_without_queries_is_refused() -> None:
    """Profile custom without queries is a ValueError, never an empty answer."""
    with pytest.raises(ValueError, match="queries"):
        profile({"profile": "custom"})


@pytest.mark.parametrize(
    ("interval", "range_", "expected"),
    [("15s", None, 4), ("15s", "60s", 4), ("15s", "70s", 4), ("1s", "4s", 4), ("100ms", "400ms", 4), ("15s", "5m", 20)],
)
def test_a_full_range_has_a_scrape_per_interval(interval: str, range_: str | None, expected: int) -> None:
    """A wholly covered range has as many scrapes as whole intervals fit in it."""
    assert profile(OPENFAAS, scrapeInterval=interval, range=range_).full_scrapes == expected


def test_tenants_are_all_or_those_named() -> None:
    """`*` is every tenant of the source."""
    assert profile(OPENFAAS).tenants is None
    assert profile(OPENFAAS | {"tenants": ["acme"]}).tenants == {"acme"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a", '"a"'), ('"} or up{x="', '"\\"} or up{x=\\""'), ("a\\b\nc", '"a\\\\b\\nc"'), ("\\", '"\\\\"')],
)
def test_no_value_can_end_its_text(value: str, expected: str) -> None:
    """Quotes, backslashes and line breaks in a label's value are escaped."""
    assert quoted(value) == expected


def test_matchers_are_sorted_and_named_well() -> None:
    """One text for one set of labels; a name that no label can have is refused."""
    assert matchers({"job": "g", "a": "b"}) == 'a="b",job="g"'
    with pytest.raises(ValueError, match="label name"):
        matchers({'x="y"} or up{z': "1"})


def test_a_profile_goes_to_another_process() -> None:
    """A profile is the same after pickling."""
    assert pickle.loads(pickle.dumps(profile(OPENFAAS))) == profile(OPENFAAS)
