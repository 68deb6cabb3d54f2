"""Input of others is never able to break loading, parsing or compiling: it becomes a problem."""

from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.alerts import Alert, boost_events, parse_payload
from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.labels import MEANINGS
from autoscaler.policy.loading import load
from autoscaler.policy.parsing import read_documents
from autoscaler.policy.precedence import fits
from autoscaler.policy.profiles import quoted
from tests.property.effort import examples

GOOD = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec:
  namespaces: [acme-prod]
  bounds: {maxReplicas: 50, allowZero: true}
  defaults: {replicas: {max: 20}, alerts: [{match: {a: b}, boost: {add: 1}}]}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: default, namespace: acme-prod}
spec:
  functions: {names: ["*"]}
  metrics: [{type: rps, target: 10}, {query: 'sum(jobs{a="b"})', activity: jobs > 0, target: 500m}]
  windows: {panic: 6s, panicThreshold: 2}
  scaleUp: {policies: [{type: Pods, value: 4, period: 15s}]}
  scaleDown: {delay: 10s, selectPolicy: Disabled}
  fallback: {after: 3, behavior: current-if-higher, replicas: 2}
  schedules: [{cron: "0 8 * * 1-5", timeZone: Asia/Tokyo, duration: 10h, min: 5}]
  zero: {after: 5m}
"""
POLICIES = load({"p.yaml": GOOD})
TOKENS = st.sampled_from(
    ["a", "kind: ", "Tenant", "- ", "---\n", "...\n", "\n", "  ", "{", "}", "[", "]", ": ", "&a ", "*a", "!!int ", "? ",
     "|", ">", "'", '"', "\\x", "%YAML 9.9\n", "#", "~", "0x", "1e999", ".nan", "\t", "\0", "\ufeff", "<<: ", "2020-01-01",
     "=", "!!set ", "!!python/name:os ", "@", "`", "%TAG ! x\n", "\x85", "\u2028"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["version", "alerts", "labels"]), inner)
    ),
)


@settings(max_examples=examples(100), deadline=None)
@given(st.text() | st.lists(TOKENS, max_size=30).map("".join))
@example("&0 : &0")  # an anchor set twice made the library warn on standard error
def test_any_text_is_read(text: str) -> None:
    """Whatever a file holds, loading ends with documents or problems, each with a place and one printable line."""
    policies = load({"f.yaml": text}, POLICIES)
    for problem in policies.problems:
        assert problem.file == "f.yaml"
        assert problem.line is not None
        assert 1 <= problem.line <= text.count("\n") + text.count("\r") + text.count("\x85") + text.count("\u2028") + 2
        assert problem.path == "" or problem.path.isprintable()


@settings(max_examples=examples(100), deadline=None)
@given(st.data())
def test_any_edit_of_a_good_text_is_survived(data: st.DataObject) -> None:
    """Cutting and pasting within good documents breaks nothing, and a refused document is told."""
    start = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(start, min(len(GOOD), start + 20)))
    inserted = data.draw(st.lists(TOKENS, max_size=3).map("".join))
    edited = load({"p.yaml": GOOD[:start] + inserted + GOOD[end:]})
    Compiler().compile(edited, [Deployed(FunctionKey("acme-prod", "f"), "u", {"faas_function": "f"}, {})], 0.0)


@settings(max_examples=examples(100), deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=3), st.text(max_size=3), max_size=4))
def test_a_text_that_cannot_be_read_removes_nothing(files: dict[str, str]) -> None:
    """Whatever happens to other files, documents of an untouched one stay in force."""
    files = {f"other-{name}": text for name, text in files.items()} | {"p.yaml": GOOD}
    assert set(load(files).policies["acme-prod"]) == {"default"}


@settings(max_examples=examples(100), deadline=None)
@given(JSON)
def test_any_value_is_a_payload_or_a_value_error(document: Any) -> None:
    """Whatever JSON says, the parser gives a payload or a ValueError of one printable line."""
    try:
        parse_payload(document)
    except ValueError as error:
        assert str(error).isprintable()  # noqa: PT017


@settings(max_examples=examples(100), deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["namespace", "function", "function_name", "deployment", "a"]),
        st.text() | st.sampled_from(["acme-prod", "f", "f.acme-prod", "b"]),
    )
)
def test_any_alert_has_an_event_or_a_reason(labels: dict[str, str]) -> None:
    """No alert is lost without being counted, and none reaches a caller without tenants."""
    plan = Compiler().compile(POLICIES, [Deployed(FunctionKey("acme-prod", "f"), "u", {"faas_function": "f"}, {})], 0.0)
    events, dropped = boost_events(plan, None, [Alert("1", "t", True, labels)], 0.0)
    assert bool(events) != bool(dropped)
    assert boost_events(plan, frozenset(), [Alert("1", "t", True, labels)], 0.0)[0] == []


@settings(max_examples=examples(100), deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(sorted(MEANINGS)),
        st.text(max_size=6) | st.sampled_from(["0", "1", "5", "60", "0.5", "true", "never", "5m", "rps"]),
    )
)
def test_any_labels_give_rules_within_bounds(labels: dict[str, str]) -> None:
    """Whatever a function's labels say, its rules hold together and stay within the tenant's bounds."""
    function = Deployed(FunctionKey("acme-prod", "f"), "u", {"faas_function": "f"} | labels, {})
    rules = Compiler().compile(POLICIES, [function], 0.0).fleet.rules
    assert 0 <= rules.min_replicas[0] <= rules.max_replicas[0] <= 50
    assert rules.activation[0] >= 1
    assert min(rules.target_rps[0], rules.target_concurrency[0]) > 0
    assert rules.zero_after_s[0] > 0
    assert np.isinf(rules.concurrency_cap[0]) or rules.concurrency_cap[0] in (
        0,
        *np.arange(rules.concurrency_limit[0], 1e6),
    )


@settings(max_examples=examples(100), deadline=None)
@given(st.text("ab", max_size=8), st.text("ab*", max_size=8))
def test_patterns_mean_what_their_stars_say(name: str, pattern: str) -> None:
    """`*` stands for any text: the same as trying every length for every star."""

    def slow(pattern: str, name: str) -> bool:
        if not pattern:
            return not name
        if pattern[0] == "*":
            return any(slow(pattern[1:], name[start:]) for start in range(len(name) + 1))
        return bool(name) and name[0] == pattern[0] and slow(pattern[1:], name[1:])

    assert fits(pattern, name) == slow(pattern, name)


@settings(max_examples=examples(100), deadline=None)
@given(st.text())
def test_a_quoted_text_has_no_end_of_its_own(value: str) -> None:
    """Reading a quoted text back, escape by escape, gives the value: no value ends its own quotes."""
    inside, result, position = quoted(value)[1:-1], "", 0
    while position < len(inside):
        assert inside[position] not in '"\n'
        if inside[position] == "\\":
            result += {"\\": "\\", '"': '"', "n": "\n"}[inside[position + 1]]
            position += 2
        else:
            result += inside[position]
            position += 1
    assert result == value


@settings(max_examples=examples(100), deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1), st.integers() | st.booleans() | st.none() | st.text("xyz \n'\"")))
def test_plain_values_survive_writing_and_reading(values: dict[str, object]) -> None:
    """JSON is YAML: what JSON says is read as JSON means it."""
    import json

    (document,) = read_documents("f", json.dumps(values))
    assert (document.value, document.problems) == (values, ())
