"""Files of policy tests: what they may say, and what is said of mistakes in them."""

import pytest

from autoscaler.policy.problems import Problem
from autoscaler.simulator.policy_tests.reading import PolicyTestError, read_tests

SMALL = """\
kind: PolicyTest
policies: [acme.yaml]
functions: [{name: acme/api}]
tests:
  - name: small
    input: {acme/api: {rps: 5x9}}
    expect: [{at: 5m, replicas: 1}]
"""
TENANT = """\
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {namespaces: [acme]}
"""


def problems(text: str) -> dict[str, Problem]:
    """Give what is wrong with a text, by path."""
    with pytest.raises(PolicyTestError) as caught:
        read_tests("tests.yaml", text)
    return {problem.path: problem for problem in caught.value.problems}


def test_the_smallest_test_has_the_daemons_defaults() -> None:
    """Documents, a function, its load and one expectation are enough."""
    read = read_tests("tests.yaml", SMALL)
    tests = read.suites[0].tests
    assert (tests.tick, tests.range, tests.start_up, tests.tests[0].history) == (2.0, None, 0.0, 0.0)
    assert tests.blast_radius is not None
    assert read.policies == ""


def test_policy_documents_of_the_same_file_keep_their_lines() -> None:
    """Documents beside a test, before it or after it, are given back at the same lines."""
    read = read_tests("tests.yaml", f"# about\n{TENANT}---\n{SMALL}{TENANT}---\n{SMALL}")
    expected = f"\n{TENANT}\n{SMALL}{TENANT}\n{SMALL}".splitlines()
    kept = read.policies.splitlines()
    assert [number for number, line in enumerate(kept) if "kind: Tenant" in line] == [
        number for number, line in enumerate(expected) if "kind: Tenant" in line
    ]
    assert "PolicyTest" not in read.policies
    assert len(read.suites) == 2
    assert read.suites[1].line("tests[0].name") == len(f"\n{TENANT}---\n{SMALL}{TENANT}---\n".splitlines()) + 5


def test_every_mistake_is_named_at_once_with_line_and_path() -> None:
    """Mistakes of fields, each with its line, its path, and what is allowed."""
    found = problems("""\
kind: PolicyTest
functions: [{name: api}]
tick: 2
tests:
  - name: first
    input:
      acme/api:
        rps: 5x9 -3
        concurency: 1
        spans: [{from: 5m, to: 1m, rps: 5}]
    events:
      - {type: wake, at: 1m, functon: acme/api}
      - {type: explode, at: 1m}
    expect:
      - {at: 5m, replicas: -1}
      - {at: 5m, reason: ZERO_IDEL}
      - {at: 5m, replicas: {min: 5, max: 3}}
      - {at: 5m, always: 1}
      - {from: 5m, replicas: 1}
      - {from: 5m, to: 4m, never: [PANIC]}
      - {at: 5m}
      - {at: 5m, stages: {demnd: {replicas: 1}}}
""")
    lines = {path: problem.line for path, problem in found.items()}
    assert lines == {
        "functions[0].name": 2,
        "tick": 3,
        "tests[0].input.acme/api.rps": 8,
        "tests[0].input.acme/api.concurency": 9,
        "tests[0].input.acme/api.spans[0]": 10,
        "tests[0].events[0].function": 12,
        "tests[0].events[0].functon": 12,
        "tests[0].events[1]": 13,
        "tests[0].expect[0].replicas.min": 15,
        "tests[0].expect[0].replicas.max": 15,
        "tests[0].expect[1].reason": 16,
        "tests[0].expect[2].replicas": 17,
        "tests[0].expect[3]": 18,
        "tests[0].expect[4]": 19,
        "tests[0].expect[5]": 20,
        "tests[0].expect[6]": 21,
        "tests[0].expect[7].stages.demnd": 22,
    }
    assert "did you mean ZERO_IDLE" in found["tests[0].expect[1].reason"].allowed
    assert "did you mean concurrency" in found["tests[0].input.acme/api.concurency"].allowed
    assert "did you mean function" in found["tests[0].events[0].functon"].allowed
    assert "did you mean demand" in found["tests[0].expect[7].stages.demnd"].allowed
    assert all(problem.wrong and problem.allowed for problem in found.values())


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        (("{acme/api: {rps: 5x9}}", "{acme/apl: {rps: 5x9}}"), "tests[0].input.acme/apl", "did you mean acme/api"),
        (("at: 5m,", "at: 5m, function: acme/apo,"), "tests[0].expect[0].function", "did you mean acme/api"),
        (("at: 5m", "at: 11m"), "tests[0].expect[0].at", "up to 10m"),
        (("    expect", "    duration: 3m\n    expect"), "tests[0].expect[0].at", "up to 3m"),
        (("[{name: acme/api}]", "[{name: acme/api}, {name: acme/api}]"), "functions[1].name", "once"),
        (("[{name: acme/api}]", "[{name: acme/api}, {name: acme/web}]"), "tests[0].expect[0].function", "acme/web"),
        (("functions: [{name: acme/api}]\n", ""), "tests[0].functions", "name: acme/api"),
        (("tests:\n", "tests:\n  - {name: small, expect: [{at: 1m, replicas: 1}]}\n"), "tests[1].name", "once"),
        (("rps: 5x9", "rps: 5x9, spans: [{from: 0s, to: 1m, rps: 3}]"), "tests[0].input.acme/api.rps", "one of them"),
        (
            ("rps: 5x9", "spans: [{from: 0s, to: 9m, rps: 3}, {from: 8m, to: 9m, rps: 3}]"),
            "tests[0].input.acme/api.spans",
            "not overlap",
        ),
        (
            ("    expect", "    events: [{type: wake, at: 1h, function: acme/api}]\n    expect"),
            "tests[0].events[0].at",
            "up to 10m",
        ),
        (
            ("    expect", "    events: [{type: crash, from: 1m, to: 2m, functions: [acme/x*]}]\n    expect"),
            "tests[0].events[0].functions",
            "acme/api",
        ),
        (("    expect", "    duration: 20000d\n    expect"), "tests[0].duration", "steps"),
        (("    expect", "    utc: 2026-03-29\n    expect"), "tests[0].utc", "2026-03-29T"),
    ],
)
def test_what_contradicts_is_refused(change: tuple[str, str], path: str, words: str) -> None:
    """Functions that are none, times beyond the end, metrics said twice, runs without an end: where, and what is allowed."""
    found = problems(SMALL.replace(*change))
    assert path in found
    assert words in found[path].allowed


def test_a_run_of_a_billion_steps_is_refused_with_an_estimate() -> None:
    """A constant load for a lifetime is refused before anything is computed, with the time that it would take."""
    found = problems(SMALL.replace("    expect", "    duration: 25000d\n    expect"))
    assert "1.08e+09 steps" in found["tests[0].duration"].wrong
    assert "days" in found["tests[0].duration"].wrong
    alerts = "    events: [{type: alert, from: 0s, to: 9m, repeat: 0.1ms, labels: {namespace: acme}}]\n"
    assert "tests[0].duration" in problems(SMALL.replace("    expect", f"{alerts}    expect"))


def test_hexadecimal_is_told_from_a_series() -> None:
    """0x20 alone is 32 to YAML and 21 zeros to a person: it is refused with the line, in quotes it is a series."""
    with pytest.raises(PolicyTestError) as caught:
        read_tests("tests.yaml", SMALL.replace("rps: 5x9", "rps: 0x20"))
    assert [problem.line for problem in caught.value.problems] == [6]
    assert read_tests("tests.yaml", SMALL.replace("rps: 5x9", "rps: '0x20'")).suites
    assert read_tests("tests.yaml", SMALL.replace("rps: 5x9", "rps: 0x20 5x9")).suites


@pytest.mark.parametrize("text", ["kind: PolicyTset\n", "a: 1\n", "- 1\n", "kind: [\n", "just text\n", "\0"])
def test_a_document_that_is_neither_test_nor_policy_is_refused(text: str) -> None:
    """A misspelt kind is no test that passes; broken YAML is told with its line."""
    with pytest.raises(PolicyTestError) as caught:
        read_tests("tests.yaml", text)
    assert caught.value.problems[0].line in (1, 2)


def test_a_file_of_policies_alone_holds_no_tests() -> None:
    """Policies and tests may lie in one folder: a file without tests is none that is wrong."""
    assert read_tests("acme.yaml", TENANT).suites == ()
    assert read_tests("empty.yaml", "").suites == ()
