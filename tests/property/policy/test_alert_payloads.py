"""Alertmanager's payload from whoever can send one: near what is right, and wrong in one place or many."""

import copy
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from autoscaler.core.events import BoostFiring
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.alerts import Alert, boost_events, normal_time, parse_payload
from autoscaler.policy.compile import Compiler
from autoscaler.policy.loading import load
from tests.property.effort import examples
from tests.unit.policy.texts import deployed

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
ALERT = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["firing", "resolved"]),
        "labels": st.dictionaries(
            st.sampled_from(["alertname", "namespace", "function", "function_name"]), st.text(max_size=12)
        ),
        "annotations": st.builds(dict),
        "startsAt": st.datetimes().map(lambda at: f"{at.isoformat()}Z"),
        "endsAt": st.just("0001-01-01T00:00:00Z"),
        "generatorURL": st.just("http://prometheus/graph"),
        "fingerprint": st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
    }
)
SECRET = "\u2620"
"""Stands in every value that is put in the wrong place, so that it is seen where one is quoted."""
SECRETS = st.builds(lambda: {SECRET: SECRET}) | st.builds(lambda: [SECRET])
"""Made anew for each draw: the next change may go into it, and what one example has changed must not reach another."""
WRONG = JSON | st.text(max_size=6).map(lambda text: SECRET + text) | SECRETS
CHANGES: dict[str, Callable[[Any, Any, str], None]] = {
    "replace": lambda holder, key, value: holder.__setitem__(key, value),
    "remove": lambda holder, key, value: holder.__delitem__(key),
    "wrap": lambda holder, key, value: holder.__setitem__(key, [holder[key]]),
    "rename": lambda holder, key, value: holder.__setitem__(f"{key}{SECRET}", holder.pop(key)),
}


def payload(alerts: list[dict[str, Any]]) -> dict[str, Any]:
    """Give a payload with these alerts."""
    return {"version": "4", "status": "firing", "alerts": alerts, "truncatedAlerts": 0, "groupKey": "{}:{}"}


def damage(data: st.DataObject, document: dict[str, Any]) -> None:
    """Change one place of a document, however deep, in one of the ways."""
    holder: Any = document
    while True:
        key = data.draw(
            st.sampled_from(list(holder) if isinstance(holder, dict) else range(len(holder))), label="place"
        )
        inner = holder[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans(), label="stop here"):
            break
        holder = inner
    ways = list(CHANGES) if isinstance(holder, dict) else ["replace", "remove", "wrap"]
    CHANGES[data.draw(st.sampled_from(ways), label="way")](holder, key, data.draw(WRONG, label="value"))


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(ALERT, max_size=4), st.integers(1, 3), st.data())
def test_a_damaged_payload_is_read_or_refused_in_words_of_ours(
    alerts: list[dict[str, Any]], places: int, data: st.DataObject
) -> None:
    """Each alert is taken or counted as malformed, or the whole is a ValueError; neither quotes what was sent."""
    document = payload(alerts)
    for _ in range(places):
        damage(data, document)
        assume(document)
    try:
        read = parse_payload(document)
    except ValueError as error:
        said = [str(error)]
    else:
        said = list(read.problems)
        assert len(read.alerts) + read.malformed == len(document["alerts"])
        assert len(said) == min(read.malformed, 5)
        assert read.truncated >= 0
        assert all(re.match(r"alerts\[\d+\]", problem) for problem in said)
    for one in said:
        assert one.isprintable()
        assert SECRET not in one
        assert 0 < len(one) < 400


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(ALERT, min_size=1, max_size=4), st.data())
def test_a_damaged_alert_takes_no_other_with_it(alerts: list[dict[str, Any]], data: st.DataObject) -> None:
    """Among good alerts one that is broken in any way changes nothing of what the others come to, nor their order."""
    broken = copy.deepcopy(alerts[0])
    damage(data, broken)
    place = data.draw(st.integers(0, len(alerts)))
    among = parse_payload(payload([*alerts[:place], broken, *alerts[place:]]))
    alone = parse_payload(payload(alerts)).alerts
    assert among.malformed <= 1
    rest = list(among.alerts)
    if not among.malformed:
        del rest[place]  # it was damaged where nobody looks
    assert tuple(rest) == alone


@settings(max_examples=examples(100), deadline=None)
@given(st.integers(86_400, 4_000_000_000), st.integers(0, 999_999_999), st.integers(-1_439, 1_439))
def test_a_moment_has_one_text(second: int, nanoseconds: int, zone_minutes: int) -> None:
    """In whatever zone and however finely it is told, the same moment is written alike; written so, it stays."""
    at = datetime.fromtimestamp(second, UTC)
    there = at.astimezone(timezone(timedelta(minutes=zone_minutes)))
    zone = there.isoformat()[19:]
    text = normal_time(f"{at.isoformat()[:19]}.{nanoseconds:09d}Z")
    assert text == f"{at.isoformat()[:19]}.{nanoseconds // 10**6:03d}Z"
    assert normal_time(f"{there.isoformat()[:19]}.{nanoseconds // 1000:06d}{zone}") == text
    assert normal_time(text) == text


@settings(max_examples=examples(150), deadline=None)
@given(st.text(max_size=40) | st.from_regex(r"\A[0-9TZ:+.-]{4,40}\Z"))
@example("0001-01-01T00:00:00+23:59")
@example("2026-01-01T24:00:00Z")
def test_what_is_no_moment_stays_as_it_is(text: str) -> None:
    """Any text comes out as itself or as a moment, and what comes out comes out the same the next time."""
    once = normal_time(text)
    assert once == text or once.endswith("Z")
    assert normal_time(once) == once


NAMES = [
    "a",
    "b",
    "acme",
    "acme-prod",
    "umbrella",
    "a.acme",
    "b.umbrella",
    "a.acme.umbrella",
    ".",
    "a.",
    ".acme",
    "*",
    "",
]
LABELS = st.dictionaries(
    st.sampled_from(["namespace", "function", "function_name", "deployment", "alertname", "tenant", "pod"]),
    st.sampled_from(NAMES) | st.text("ab.*-/\0é", max_size=8),
)
TENANT = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: {name}}}
spec: {{namespaces: [{name}, {name}-prod], defaults: {{alerts: [{{match: {{alertname: a}}, boost: {{add: 1}}}}]}}}}
"""
PLAN = Compiler().compile(
    load({f"{name}.yaml": TENANT.format(name=name) for name in ("acme", "umbrella")}),
    [deployed(name, f"{tenant}{part}") for tenant in ("acme", "umbrella") for part in ("", "-prod") for name in "ab"],
    0.0,
)


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(LABELS, max_size=5), st.booleans(), st.sets(st.sampled_from(["acme", "umbrella", "acme-prod", "x"])))
def test_whatever_labels_say_they_reach_the_callers_functions_alone(
    labels: list[dict[str, str]], is_firing: bool, defaults: set[str]
) -> None:
    """Every alert has an event or a reason; events name functions of the caller's own namespaces; a repetition is the same."""
    alerts = [Alert(f"f{number}", "t", is_firing, {"alertname": "a", **one}) for number, one in enumerate(labels)]
    events, dropped = boost_events(PLAN, frozenset({"acme"}), alerts, 5.0, frozenset(defaults))
    assert len({event.id.split("/")[0] for event in events}) + sum(dropped.values()) == len(alerts)
    for event in events:
        if isinstance(event, BoostFiring):
            assert {key.namespace for key in event.keys} <= {"acme", "acme-prod"}
            assert event.keys
            assert event.ends_s > 5.0
    again, same = boost_events(PLAN, frozenset({"acme"}), alerts * 2, 5.0, frozenset(defaults))
    assert again == events
    assert same == {reason: 2 * count for reason, count in dropped.items()}


@settings(max_examples=examples(100), deadline=None)
@given(LABELS)
def test_an_end_is_of_what_began(labels: dict[str, str]) -> None:
    """Resolved names the same levels that firing named, whatever the labels are."""
    both = [
        {event.id for event in boost_events(PLAN, None, [Alert("f", "t", is_firing, labels)], 5.0)[0]}
        for is_firing in (True, False)
    ]
    assert both[0] == both[1]


def test_the_plan_of_these_tests_has_functions_of_both() -> None:
    """What the properties above would hold of an empty plan, they hold of one in which acme and umbrella have the same names."""
    assert FunctionKey("acme", "a") in PLAN.fleet.row_of
    assert FunctionKey("umbrella-prod", "b") in PLAN.fleet.row_of
    events, _ = boost_events(
        PLAN, frozenset({"acme"}), [Alert("f", "t", True, {"alertname": "a", "namespace": "acme"})], 5.0
    )
    assert [event.keys for event in events if isinstance(event, BoostFiring)] == [
        (FunctionKey("acme", "a"), FunctionKey("acme", "b"))
    ]
