"""Alertmanager's payload, and what alerts come to."""

import json
from collections.abc import Mapping

import pytest

from autoscaler.core.events import BoostFiring, BoostResolved, Effect
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.alerts import (
    MAX_ALERTS,
    MOST_PROBLEMS,
    MOST_TRUNCATED,
    Alert,
    boost_events,
    default_namespaces,
    freeze_events,
    normal_time,
    parse_payload,
)
from autoscaler.policy.compile import Compiler
from autoscaler.policy.plan import Plan
from autoscaler.policy.source_settings import SourceSettings
from tests.unit.policy.texts import ACME, NOW_S, deployed, loaded, policy, tenant

REAL = json.loads(
    """{"receiver":"acme","status":"firing","alerts":[
    {"status":"firing","labels":{"alertname":"HighLatency","function_name":"figlet.acme-prod"},"annotations":{},
     "startsAt":"2026-08-01T10:00:00.123Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://p/graph","fingerprint":"c1f2a3b4c5d6e7f8"},
    {"status":"resolved","labels":{"alertname":"HighLatency","function_name":"nodeinfo.acme-prod"},"annotations":{},
     "startsAt":"2026-08-01T09:00:00Z","endsAt":"2026-08-01T09:30:00Z","generatorURL":"http://p/graph","fingerprint":"0123456789abcdef"}],
    "groupLabels":{},"commonLabels":{"alertname":"HighLatency"},"commonAnnotations":{},"externalURL":"http://am",
    "version":"4","groupKey":"{}:{}","truncatedAlerts":3,"notification_reason":"first notification"}"""
)
ALERTS = "alerts: [{match: {alertname: HighLatency}, boost: {factor: 1.5}, expires: 5m}, {match: {alertname: HighLatency, severity: page}, boost: {add: 3}}]"
PLAN = Compiler().compile(
    loaded(
        ACME,
        tenant("umbrella", "umbrella-fn", f"{{defaults: {{{ALERTS}}}}}"),
        policy("p", "acme-prod", f"{{{ALERTS}}}"),
        policy("quiet", "acme-prod", "{functions: {names: [quiet]}}"),
    ),
    [deployed("figlet"), deployed("nodeinfo"), deployed("quiet"), deployed("report", "umbrella-fn")],
    NOW_S,
)


def alert(labels: Mapping[str, str], is_firing: bool = True, fingerprint: str = "f1") -> Alert:
    return Alert(fingerprint, "2026-08-01T10:00:00Z", is_firing, {"alertname": "HighLatency", **labels})


def keys_of(labels: Mapping[str, str], tenants: frozenset[str] | None = None) -> list[tuple[str, ...]]:
    events, _ = boost_events(PLAN, tenants, [alert(labels)], 100.0)
    return [tuple(str(key) for key in event.keys) for event in events if isinstance(event, BoostFiring)]


def dropped(labels: Mapping[str, str], tenants: frozenset[str] | None = None) -> dict[str, int]:
    events, counts = boost_events(PLAN, tenants, [alert(labels)], 100.0)
    assert not (events and counts)
    return counts


def test_a_real_payload_is_read() -> None:
    """Each alert has its own status, unknown keys are ignored, and what was left out is counted."""
    payload = parse_payload(REAL)
    assert [(one.fingerprint, one.is_firing) for one in payload.alerts] == [
        ("c1f2a3b4c5d6e7f8", True),
        ("0123456789abcdef", False),
    ]
    assert payload.alerts[0].labels["function_name"] == "figlet.acme-prod"
    assert payload.alerts[0].starts_at == "2026-08-01T10:00:00.123Z"
    assert payload.truncated == 3
    assert parse_payload(REAL | {"truncatedAlerts": 2**64 - 1}).truncated == MOST_TRUNCATED


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T00:00:00.123Z",
        "2026-01-01T00:00:00.123456789Z",
        "2026-01-01T02:00:00.1239+02:00",
        "2025-12-31T14:00:00.123999999-10:00",
    ],
)
def test_a_start_is_written_alike_however_it_came(text: str) -> None:
    """API v2 tells starts in milliseconds, webhooks in nanoseconds and in any zone: the same moment, the same text."""
    payload = parse_payload(REAL | {"alerts": [REAL["alerts"][0] | {"startsAt": text}]})
    assert payload.alerts[0].starts_at == normal_time(text) == "2026-01-01T00:00:00.123Z"


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-01-02T03:04:05", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+01:00", "\ud800", "1e9"],
)
def test_a_start_that_is_no_time_stays_as_it_is(text: str) -> None:
    """What cannot be read as a moment still tells alerts apart, and raises nothing."""
    assert normal_time(text) == text


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"version": "3"}, "version"),
        ({"version": 4}, "version"),
        ({"alerts": None}, "alerts"),
        ({"alerts": [REAL["alerts"][0]] * (MAX_ALERTS + 1)}, "alerts"),
        ({"truncatedAlerts": -1}, "truncatedAlerts"),
    ],
)
def test_a_wrong_payload_is_refused_with_its_place(change: dict[str, object], place: str) -> None:
    """The message names the field in this schema's words."""
    with pytest.raises(ValueError, match=r".+") as refused:
        parse_payload(REAL | change)
    assert str(refused.value).startswith(f"{place}: ")


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({}, "alerts[1].status"),
        (None, "alerts[1]"),
        ([], "alerts[1]"),
        (REAL["alerts"][0] | {"status": "burning"}, "alerts[1].status"),
        (REAL["alerts"][0] | {"labels": {"secret": 1}}, "alerts[1].labels"),
        (REAL["alerts"][0] | {"labels": {"a": "x" * 5000}}, "alerts[1].labels"),
        (REAL["alerts"][0] | {"labels": {str(n): "" for n in range(200)}}, "alerts[1].labels"),
        (REAL["alerts"][0] | {"fingerprint": "../x"}, "alerts[1].fingerprint"),
        (REAL["alerts"][0] | {"startsAt": 7}, "alerts[1].startsAt"),
    ],
)
def test_an_alert_that_cannot_be_read_is_left_out_alone(wrong: object, place: str) -> None:
    """The others of its group are read; what is told names the field, and quotes nothing that the sender wrote."""
    payload = parse_payload(REAL | {"alerts": [REAL["alerts"][0], wrong, REAL["alerts"][1]]})
    assert [one.fingerprint for one in payload.alerts] == ["c1f2a3b4c5d6e7f8", "0123456789abcdef"]
    assert payload.malformed == 1
    (problem,) = payload.problems
    assert problem.startswith(f"{place}: ")
    for word in ("secret", "burning", "../x", "xxxx"):
        assert word not in problem


def test_of_many_alerts_that_cannot_be_read_the_first_are_told() -> None:
    """Ten thousand wrong alerts are counted, and a few of them are told of."""
    payload = parse_payload(REAL | {"alerts": [{}] * MAX_ALERTS})
    assert (payload.alerts, payload.malformed, len(payload.problems)) == ((), MAX_ALERTS, MOST_PROBLEMS)


@pytest.mark.parametrize("document", [None, [], "4", 4, {}, {"version": "4"}])
def test_what_is_no_payload_is_refused(document: object) -> None:
    """Anything else that JSON can say is a ValueError."""
    with pytest.raises(ValueError, match=r".+"):
        parse_payload(document)


@pytest.mark.parametrize(
    "labels",
    [
        {"namespace": "acme-prod", "function": "figlet"},
        {"namespace": "acme-prod", "function_name": "figlet"},
        {"namespace": "acme-prod", "function_name": "figlet.acme-prod"},
        {"function_name": "figlet.acme-prod"},
        {"namespace": "acme-prod", "deployment": "figlet"},
    ],
)
def test_an_alert_names_its_function(labels: dict[str, str]) -> None:
    """Each of the labels that name a function is understood."""
    assert keys_of(labels) == [("acme-prod/figlet",)]


def test_an_alert_without_a_function_means_those_whose_policy_asks_for_it() -> None:
    """An alert about a namespace reaches every function whose policy has a matching rule, and no other."""
    assert keys_of({"namespace": "acme-prod"}) == [("acme-prod/figlet", "acme-prod/nodeinfo")]
    assert keys_of({"namespace": "umbrella-fn"}) == [("umbrella-fn/report",)]


def test_a_firing_alert_is_a_boost_with_the_policys_numbers() -> None:
    """Factor, add and expiry come from the rule; the id from fingerprint, start and rule."""
    labels = {"namespace": "acme-prod", "function": "figlet", "severity": "page", "factor": "99"}
    events, _ = boost_events(PLAN, None, [alert(labels)], 100.0)
    key = FunctionKey("acme-prod", "figlet")
    assert events == [
        BoostFiring("f1/2026-08-01T10:00:00Z/acme-prod/p#0", (key,), 1.5, 0, 400.0),
        BoostFiring("f1/2026-08-01T10:00:00Z/acme-prod/p#1", (key,), 1.0, 3, 400.0),
    ]


def test_a_resolved_alert_lifts_the_boost_of_the_same_id() -> None:
    """Resolved gives the id that firing gave, and nothing else."""
    labels = {"namespace": "acme-prod", "function": "figlet"}
    (firing,), _ = boost_events(PLAN, None, [alert(labels)], 100.0)
    (resolved,), counts = boost_events(PLAN, None, [alert(labels, is_firing=False)], 200.0)
    assert resolved == BoostResolved(firing.id)
    assert counts == {}


def test_a_repetition_is_the_same_boost() -> None:
    """The same alert a hundred times in one payload is one event."""
    events, counts = boost_events(PLAN, None, [alert({"namespace": "acme-prod", "function": "figlet"})] * 100, 100.0)
    assert (len(events), counts) == (1, {})


@pytest.mark.parametrize(
    "labels",
    [
        {"namespace": "umbrella-fn", "function": "report"},
        {"namespace": "umbrella-fn"},
        {"function_name": "report.umbrella-fn"},
        {"namespace": "acme-prod", "function_name": "report.umbrella-fn"},
        {"namespace": "umbrella-fn", "function_name": "figlet.acme-prod"},
        {"namespace": "kube-system"},
    ],
)
def test_another_tenants_alert_is_dropped_and_counted(labels: dict[str, str]) -> None:
    """A caller's alerts reach its own namespaces only, by whatever label they name another."""
    assert dropped(labels, frozenset({"acme"})) == {"foreign-namespace": 1}


def test_an_enforced_namespace_is_not_outvoted() -> None:
    """Even for an operator, a function name of another namespace does not win over the namespace label."""
    assert dropped({"namespace": "acme-prod", "function_name": "report.umbrella-fn"}) == {"foreign-namespace": 1}


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({"namespace": "acme-prod", "function": "nobody"}, "no-function"),
        ({"namespace": "acme-dev"}, "no-function"),
        ({"function_name": "figlet"}, "no-function"),
        ({}, "no-function"),
        ({"namespace": "acme-prod", "function": "quiet"}, "no-rule"),
        ({"namespace": "acme-prod", "function": "figlet", "alertname": "Other"}, "no-rule"),
    ],
)
def test_an_alert_without_effect_is_counted_by_reason(labels: dict[str, str], reason: str) -> None:
    """What names no function, or a function without a matching rule, is dropped with that reason."""
    assert dropped(labels) == {reason: 1}


def test_drops_are_counted_each() -> None:
    """One dropped alert takes no other with it."""
    mixed = [
        alert({"namespace": "acme-prod", "function": "figlet"}),
        alert({"namespace": "umbrella-fn"}, fingerprint="f2"),
        alert({"namespace": "umbrella-fn"}, fingerprint="f3"),
    ]
    events, counts = boost_events(PLAN, frozenset({"acme"}), mixed, 0.0)
    assert (len(events), counts) == (1, {"foreign-namespace": 2})


KINDS = "alerts: [{match: {a: freeze}, freeze: true, expires: 1h}, {match: {a: wake}, wake: true}, {match: {a: floor}, boost: {floor: 9}}]"


def test_a_rule_freezes_wakes_or_names_a_floor() -> None:
    """Each kind of rule makes an event of its own effect, with an end of its own."""
    plan = Compiler().compile(loaded(ACME, policy("p", "acme-prod", f"{{{KINDS}}}")), [deployed("f")], NOW_S)
    (key,) = plan.fleet.keys
    found = []
    for kind in ("freeze", "wake", "floor"):
        told = Alert("f1", "t", True, {"a": kind, "namespace": "acme-prod", "function": "f"})
        found += boost_events(plan, None, [told], 100.0)[0]
    assert found == [
        BoostFiring("f1/t/acme-prod/p#0", (key,), 1.0, 0.0, 3700.0, Effect.FREEZE),
        BoostFiring("f1/t/acme-prod/p#1", (key,), 1.0, 0.0, 400.0, Effect.WAKE),
        BoostFiring("f1/t/acme-prod/p#2", (key,), 1.0, 0.0, 400.0, Effect.BOOST, 9.0),
    ]


def test_a_start_freezes_what_has_alert_rules_for_as_long_as_they_last() -> None:
    """Each tenant's functions are frozen for their longest rule; those without rules are not."""
    plan = Compiler().compile(
        loaded(
            ACME,
            tenant("umbrella", "umbrella-fn", f"{{defaults: {{{ALERTS}}}}}"),
            policy("long", "acme-prod", f"{{functions: {{names: [f]}}, {KINDS}}}"),
            policy("short", "acme-prod", f"{{functions: {{names: [g, h]}}, {ALERTS}}}"),
        ),
        [deployed(name) for name in "fghi"] + [deployed("report", "umbrella-fn")],
        NOW_S,
    )
    told = [(one.effect, [str(key) for key in one.keys], one.ends_s) for one in freeze_events(plan, 100.0)]
    assert told == [
        (Effect.FREEZE, ["acme-prod/g", "acme-prod/h"], 400.0),
        (Effect.FREEZE, ["acme-prod/f"], 3700.0),
        (Effect.FREEZE, ["umbrella-fn/report"], 400.0),
    ]
    assert len({one.id for one in freeze_events(plan, 100.0)}) == 3


def sources(*gateways: tuple[str, str, str | None]) -> dict[str, SourceSettings]:
    """Give sources with gateways, each from source, tenant and default namespace."""
    return {
        name: SourceSettings.model_validate(
            {
                "url": "http://p",
                "gateways": [
                    {
                        "profile": "openfaas",
                        "match": {"job": f"{at}"},
                        "tenants": [tenants],
                        "defaultNamespace": default,
                    }
                    for at, (source, tenants, default) in enumerate(gateways)
                    if source == name
                ],
            }
        )
        for name in {source for source, _, _ in gateways}
    }


@pytest.mark.parametrize(
    ("gateways", "tenants", "expected"),
    [
        ([("main", "*", "acme-prod")], frozenset({"acme"}), {"acme-prod"}),
        ([("main", "acme", "acme-prod"), ("main", "umbrella", "umbrella-fn")], frozenset({"acme"}), {"acme-prod"}),
        ([("main", "acme", "acme-prod"), ("main", "umbrella", "umbrella-fn")], None, {"acme-prod", "umbrella-fn"}),
        ([("main", "*", "acme-prod"), ("main", "acme", "acme-dev")], frozenset({"acme"}), {"acme-prod", "acme-dev"}),
        ([("main", "*", "acme-prod"), ("main", "umbrella", "acme-prod")], None, {"acme-prod"}),
        ([("other", "*", "acme-prod")], frozenset({"acme"}), set()),
        ([("main", "*", None)], None, set()),
        ([("main", "*", "acme-prod")], frozenset(), set()),
    ],
)
def test_a_name_alone_is_in_the_namespace_that_the_callers_gateways_default_to(
    gateways: list[tuple[str, str, str | None]], tenants: frozenset[str] | None, expected: set[str]
) -> None:
    """Gateways count that serve a tenant of the caller's, of its own source."""
    assert default_namespaces(PLAN, tenants, sources(*gateways)) == expected


@pytest.mark.parametrize(
    ("labels", "defaults", "found"),
    [
        ({"function_name": "figlet"}, {"acme-prod"}, [("acme-prod/figlet",)]),
        ({"function_name": "figlet.acme-prod"}, {"umbrella-fn"}, [("acme-prod/figlet",)]),
        ({"function_name": "figlet", "namespace": "acme-prod"}, {"umbrella-fn"}, [("acme-prod/figlet",)]),
        ({"function_name": "figlet"}, {"umbrella-fn"}, "no-function"),
        ({"function_name": "figlet"}, {"acme-prod", "umbrella-fn"}, "ambiguous-function"),
        ({"function_name": "figlet"}, {"kube-system"}, "foreign-namespace"),
        ({"function": "figlet"}, {"acme-prod"}, "no-function"),
        ({"deployment": "figlet"}, {"acme-prod"}, "no-function"),
        ({"function_name": ""}, {"acme-prod"}, "no-function"),
        ({"function_name": ".acme-prod"}, {"acme-prod"}, "no-function"),
        ({"function_name": "figlet."}, {"acme-prod"}, [("acme-prod/figlet",)]),
        ({"function_name": ".", "namespace": "acme-prod"}, {"acme-prod"}, "no-function"),
        ({"function_name": "figlet", "namespace": ""}, {"acme-prod"}, [("acme-prod/figlet",)]),
        ({"function": "", "function_name": "figlet.acme-prod"}, {"umbrella-fn"}, [("acme-prod/figlet",)]),
        ({"function": "", "namespace": "acme-prod", "deployment": "figlet"}, set(), [("acme-prod/figlet",)]),
        ({"function_name": "figlet.acme-prod.acme-prod"}, {"acme-prod"}, "no-function"),
    ],
)
def test_openfaas_rules_name_a_function_without_its_namespace(
    labels: dict[str, str], defaults: set[str], found: object
) -> None:
    """`function_name` alone is looked for where the gateways say, and nowhere if they disagree."""
    events, counts = boost_events(PLAN, None, [alert(labels)], 100.0, frozenset(defaults))
    told = [tuple(str(key) for key in one.keys) for one in events if isinstance(one, BoostFiring)][:1]
    assert (told or next(iter(counts))) == found


def wide(tenants: int, functions: int, rules: int) -> Plan:
    """Give a plan of tenants `t0`, …, each with so many functions, of which each has so many rules for one alert."""
    alerts = ", ".join(["{match: {alertname: HighLatency}, boost: {add: 1}}"] * rules)
    names = [f"t{number}" for number in range(tenants)]
    documents = [text for name in names for text in (tenant(name, name), policy("p", name, f"{{alerts: [{alerts}]}}"))]
    every = [deployed(f"f{number}", name) for name in names for number in range(functions)]
    return Compiler().compile(loaded(*documents), every, NOW_S)


def in_namespace(number: int, namespace: str, is_firing: bool = True) -> Alert:
    return alert({"namespace": namespace}, is_firing, f"f{number}")


def test_alerts_for_whole_namespaces_are_bounded_by_tenant() -> None:
    """Each alert for 2,500 functions: 40 are as much as a step may have to do for one tenant, and 41 for another stand."""
    plan = wide(2, 2_500, 1)
    told = [in_namespace(number, f"t{number % 2}") for number in range(82)]
    events, counts = boost_events(plan, None, told, 100.0)
    assert (len(events), counts) == (80, {"too-many-effects": 2})
    ended = [in_namespace(number, "t0", is_firing=False) for number in range(82)]
    assert boost_events(plan, None, ended, 100.0)[1] == {}


def test_the_functions_of_a_namespace_are_named_once_for_all_its_alerts() -> None:
    """10,000 alerts for 5,000 functions would be 400 MB of names, were they not the same tuple."""
    first, second = boost_events(wide(1, 3, 1), None, [in_namespace(n, "t0") for n in range(2)], 100.0)[0]
    assert isinstance(first, BoostFiring)
    assert isinstance(second, BoostFiring)
    assert first.keys is second.keys


def test_effects_of_many_rules_are_bounded() -> None:
    """100 rules for each of 201 alerts: 20,000 effects are as many as wait for one step."""
    told = [in_namespace(number, "t0", is_firing=number % 2 > 0) for number in range(201)]
    events, counts = boost_events(wide(1, 1, 100), None, told, 100.0)
    assert (len(events), counts) == (20_000, {"too-many-effects": 1})
