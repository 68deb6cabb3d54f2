"""What answers of a Prometheus and a cluster come to: which finding, where, and whether it is only a warning."""

from typing import Any

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.live_checks import (
    Finding,
    GatewayAnswers,
    Heard,
    gateway_findings,
    interval_query,
    metrics_query,
    query_findings,
    targets_query,
)
from autoscaler.policy.live_functions import Running, grace_findings, linger_findings, place_of, unseen_findings
from autoscaler.policy.profiles import CATALOG
from autoscaler.policy.source_settings import GatewaySettings, SourceSettings
from tests.unit.policy.texts import loaded, policy, tenant

PATH = "sources.main.gateways[0]"
KEYS = tuple(FunctionKey("acme", name) for name in "abcdefg")


def gateway(profile: str = "openfaas", **more: Any) -> GatewaySettings:
    return GatewaySettings.model_validate({"profile": profile, "match": {"job": "gw"}, **more})


def source(**more: Any) -> SourceSettings:
    return SourceSettings.model_validate({"url": "http://p", "gateways": [gateway()], **more})


def judged(told: GatewayAnswers, one: GatewaySettings | None = None, **more: Any) -> list[tuple[str, str, bool]]:
    """Give code, path and whether it is a warning."""
    found = gateway_findings(PATH, one or gateway(), source(**more), told)
    return [(one.problem.code, one.problem.path, one.is_warning) for one in found]


def answers(profile: str = "openfaas", **more: Any) -> GatewayAnswers:
    """Give the answers of a gateway that is as it should be, but for what is said."""
    metrics = frozenset(needed.metric for needed in CATALOG[profile].needed)
    return GatewayAnswers(**{"targets": 2, "interval_s": 15.0, "labels": ("function_name",), "metrics": metrics} | more)


@pytest.mark.parametrize("profile", sorted(CATALOG))
def test_a_gateway_with_all_its_metrics_has_no_finding(profile: str) -> None:
    """Of each profile: everything that is needed is there."""
    assert judged(answers(profile), gateway(profile)) == []


@pytest.mark.parametrize("profile", sorted(CATALOG))
def test_each_metric_that_is_missing_is_told_with_what_is_lost(profile: str) -> None:
    """Of each profile: a gateway without any of its metrics has one finding for each, at least one no warning."""
    found = gateway_findings(PATH, gateway(profile), source(), answers(profile, metrics=frozenset()))
    needed = CATALOG[profile].needed
    assert [one.problem.code for one in found] == ["SeriesMissing"] * len(needed)
    assert [one.is_warning for one in found] == [not one.is_essential for one in needed]
    assert all(metric.metric in one.problem.wrong and one.lost for metric, one in zip(needed, found, strict=True))
    assert not all(one.is_warning for one in found)


def test_a_counter_that_nobody_called_yet_is_a_warning() -> None:
    """A gateway that is known by its other metrics may lack a counter until the first call; one that is not, may not."""
    known = frozenset({"gateway_service_count", "process_start_time_seconds"})
    missing = [("SeriesMissing", f"{PATH}.profile", True)] * 2
    assert judged(answers(metrics=known)) == missing
    foreign = judged(answers(metrics=frozenset({"process_start_time_seconds"})))
    assert ("SeriesMissing", f"{PATH}.profile", False) in foreign


def test_no_target_hides_its_consequences() -> None:
    """Where `match` finds nothing, that alone is told, with the jobs that there are."""
    found = gateway_findings(PATH, gateway(), source(), GatewayAnswers(0, jobs=("a", "b")))
    assert [one.problem.code for one in found] == ["NoTarget"]
    assert "a, b" in found[0].problem.allowed


@pytest.mark.parametrize(
    ("interval_s", "codes"),
    [(None, []), (15.0, []), (18.0, []), (5.0, []), (30.0, ["ScrapedTooSeldom"]), (61.0, ["ScrapedTooSeldom"])],
)
def test_scrapes_that_are_too_seldom(interval_s: float | None, codes: list[str]) -> None:
    """A mean that is longer than the settings say by more than a fourth is told; one that nobody can tell is not."""
    assert [code for code, _, _ in judged(answers(interval_s=interval_s))] == codes


def test_what_is_lost_by_seldom_scrapes_depends_on_the_range() -> None:
    """Two scrapes in a range leave lower bounds, fewer leave nothing; the place is the source's interval."""
    within, beyond = (
        gateway_findings(PATH, gateway(), source(), answers(interval_s=interval_s))[0] for interval_s in (30.0, 31.0)
    )
    assert within.lost != beyond.lost
    assert within.problem.path == "sources.main.scrapeInterval"


@pytest.mark.parametrize(
    ("one", "heard", "expected"),
    [
        (gateway(), Heard(series=4), []),
        (gateway(), Heard(series=0), []),
        (gateway(), Heard(series=4, unnamed=1), [("LabelsMissing", f"{PATH}.functionLabel", True)]),
        (gateway(), Heard(series=4, unnamed=4), [("LabelsMissing", f"{PATH}.functionLabel", False)]),
        (gateway(), Heard(series=2, unclear=frozenset(KEYS[:2])), [("NameUnclear", f"{PATH}.names", False)]),
        (gateway(), Heard(error="refused"), [("QueryFails", f"{PATH}.profile", False)]),
    ],
)
def test_answers_of_a_known_profile(one: GatewaySettings, heard: Heard, expected: list[tuple[str, str, bool]]) -> None:
    """Series that name nobody are a warning as long as some do; a load of nobody yet is none."""
    assert judged(answers(heard={"rate": heard}), one) == expected


@pytest.mark.parametrize(
    ("name", "heard", "code", "field"),
    [
        ("rate", Heard(series=0), "QueryEmpty", "queries.rate"),
        ("in_flight", Heard(series=0), "QueryEmpty", "queries.inFlight"),
        ("proof", Heard(series=0), "QueryEmpty", "queries.activity"),
        ("rate", Heard(series=3, unnamed=1), "LabelsMissing", "functionLabel"),
        ("concurrency", Heard(error="refused"), "QueryFails", "queries.concurrency"),
    ],
)
def test_answers_to_somebody_s_own_queries(name: Any, heard: Heard, code: str, field: str) -> None:
    """Each is told by the field of its query, and nothing of it is a warning."""
    one = gateway("custom", queries={"rate": "x", "activity": "y"})
    found = judged(GatewayAnswers(1, labels=("namespace", "function"), heard={name: heard}), one)
    assert found == [(code, f"{PATH}.{field}", False)]


def test_no_activity_query_is_no_empty_answer() -> None:
    """Custom queries without `activity` prove nothing, and are not told to lack an answer."""
    one = gateway("custom", queries={"rate": "x"})
    assert judged(GatewayAnswers(1, heard={"proof": Heard(series=0)}), one) == []


def test_queries_select_the_gateway_s_own_targets() -> None:
    """What is asked is confined to `match`, escaped; a custom gateway has no metrics of its own to ask for."""
    one = gateway(match={"job": 'a"b'})
    assert targets_query(one) == 'up{job="a\\"b"}'
    assert '{job="a\\"b"})[3m:7500ms]' in interval_query(one, source(), 12)
    assert 'job="a\\"b"}' in (metrics_query(one) or "")
    assert metrics_query(gateway("custom")) is None
    assert metrics_query(gateway(match={})) is not None


def running(key: FunctionKey, grace_s: float) -> Running:
    return Running(Deployed(key, "u", {}, {}, termination_grace_s=grace_s), 1)


def test_graces_are_told_by_length() -> None:
    """Functions with one and the same grace are one finding; one as long as the longest request is none."""
    graces = (5.0, 5.0, 30.0, 60.0, 90.0)
    found = list(grace_findings(PATH, gateway(), (running(*pair) for pair in zip(KEYS, graces, strict=False))))
    assert [one.functions for one in found] == [KEYS[:2], KEYS[2:3]]
    assert {(one.problem.code, one.is_warning) for one in found} == {("GraceTooShort", True)}
    assert not list(grace_findings(PATH, gateway(requestTimeout="5s"), [running(KEYS[0], 5.0)]))


def test_only_what_goes_to_zero_has_to_linger() -> None:
    """Functions that may go to zero and end at once are named; those that linger, never sleep or are gone are not."""
    zero = "zero: {after: 5m}, functions: {names: [a, b, c]}"
    documents = loaded(tenant("acme", "n", "{bounds: {allowZero: true}}"), policy("p", "n", f"{{{zero}}}"))
    marked = {"autoscaler.faas.dev/function": "f"}
    keys = [FunctionKey("n", name) for name in "abcd"]
    there = [Deployed(key, "u", marked, {}, lingers=key.name == "b") for key in keys]
    plan = Compiler().compile(documents, there, 0.0)
    (found,) = linger_findings(plan, {one.key: Running(one, 1) for one in there if one.key.name != "c"})
    assert (found.problem.code, found.functions, found.is_warning) == ("EndsAtOnce", (keys[0],), True)
    assert not list(linger_findings(plan, {}))


@pytest.mark.parametrize("has_alive", [True, False])
def test_who_is_not_seen(has_alive: bool) -> None:
    """A function that no series names is a problem where the gateway names all it knows, else a warning."""
    found = list(unseen_findings(KEYS, KEYS[1:], "sources.main", has_alive))
    assert [(one.problem.code, one.functions, one.is_warning) for one in found] == [
        ("FunctionNotSeen", KEYS[:1], not has_alive)
    ]
    assert not list(unseen_findings(KEYS, KEYS, "sources.main", has_alive))


def test_tenants_queries() -> None:
    """An answer is fine; an empty one and a refusal are told by tenant and query, short and escaped."""
    told: list[Finding] = [
        one
        for heard in (Heard(series=1), Heard(), Heard("refused"))
        for one in query_findings("acme", "x\n" * 99, heard)
    ]
    assert [one.problem.code for one in told] == ["QueryEmpty", "QueryFails"]
    assert all("\n" not in one.problem.path and len(one.problem.path) < 80 for one in told)


def test_many_functions_are_named_by_the_first_few() -> None:
    """Of seven functions five are named, and two counted."""
    assert place_of(KEYS) == "acme/a, acme/b, acme/c, acme/d, acme/e and 2 more"
    assert place_of(KEYS[:2]) == "acme/a, acme/b"
