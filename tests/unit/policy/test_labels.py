"""Labels and annotations on a function: ours and OpenFaaS's."""

from collections.abc import Mapping

import pytest

from autoscaler.core.lanes import MetricKind
from autoscaler.policy.compile import Compiler
from autoscaler.policy.labels import MEANINGS, marks_of
from autoscaler.policy.problems import Problem
from autoscaler.policy.rules import FunctionRules
from tests.unit.policy.texts import ACME, NOW_S, deployed, loaded, policy

OPENFAAS, OURS = "com.openfaas.scale.", "autoscaler.faas.dev/"
POLICIES = loaded(
    ACME,
    policy(
        "p", "acme-prod", "{metrics: [{type: concurrency, target: 10, utilization: 0.5}], replicas: {min: 2, max: 9}}"
    ),
    policy("z", "acme-dev", "{zero: {after: 3m}, concurrencyLimit: 20}"),
)


def resolved(
    labels: Mapping[str, str], annotations: Mapping[str, str] | None = None, namespace: str = "acme-prod"
) -> tuple[FunctionRules, tuple[Problem, ...]]:
    compiler = Compiler()
    function = deployed("f", namespace, labels, annotations)
    compiler.compile(POLICIES, [function], NOW_S)
    rules = compiler.rules(function.key)
    assert rules is not None
    return rules, compiler.problems


def columns(labels: Mapping[str, str], namespace: str = "acme-prod") -> Mapping[str, float]:
    """Resolve labels that are expected to be good."""
    rules, problems = resolved(labels, namespace=namespace)
    assert problems == ()
    return rules.columns


def test_openfaas_bounds() -> None:
    """`min` and `max` are bounds of replicas."""
    found = columns({f"{OPENFAAS}min": "3", f"{OPENFAAS}max": "8"})
    assert (found["min_replicas"], found["max_replicas"]) == (3, 8)


@pytest.mark.parametrize(
    ("labels", "rps", "concurrency"),
    [
        ({"target": "20"}, 18, float("inf")),
        ({"type": "rps"}, 45, float("inf")),
        ({"type": "capacity"}, float("inf"), 45),
        ({"type": "capacity", "target": "8", "target-proportion": "0.5"}, float("inf"), 4),
        ({"target-proportion": "0.8"}, float("inf"), 8),
    ],
)
def test_openfaas_targets(labels: dict[str, str], rps: float, concurrency: float) -> None:
    """Type, target and proportion are one metric with OpenFaaS's defaults; a proportion alone changes what holds."""
    found = columns({f"{OPENFAAS}{name}": value for name, value in labels.items()})
    assert (found["target_rps"], found["target_concurrency"]) == pytest.approx((rps, concurrency))


@pytest.mark.parametrize(
    ("labels", "prod", "dev"),
    [
        ({"zero": "true"}, 900, 180),
        ({"zero": "true", "zero-duration": "10m"}, 600, 600),
        ({"zero-duration": "10m"}, float("inf"), 600),
        ({"zero": "false", "zero-duration": "10m"}, float("inf"), float("inf")),
        ({}, float("inf"), 180),
    ],
)
def test_openfaas_zero(labels: dict[str, str], prod: float, dev: float) -> None:
    """`zero` switches, `zero-duration` only says when; without one the policy's, else OpenFaaS's 15 minutes holds."""
    marks = {f"{OPENFAAS}{name}": value for name, value in labels.items()}
    assert columns(marks)["zero_after_s"] == prod
    assert columns(marks, "acme-dev")["zero_after_s"] == dev


def test_ours_beat_openfaas() -> None:
    """Where both speak, ours holds, for every field that both know."""
    found = columns(
        {
            f"{OPENFAAS}min": "3", f"{OURS}min": "4",
            f"{OPENFAAS}target": "20", f"{OURS}metric": "concurrency", f"{OURS}target": "6", f"{OURS}utilization": "0.5",
            f"{OPENFAAS}zero": "true", f"{OURS}zero-after": "7m",
        }
    )  # fmt: skip
    assert (found["min_replicas"], found["zero_after_s"]) == (4, 420)
    assert (found["target_concurrency"], found["target_rps"]) == (3, float("inf"))


def test_our_target_alone_keeps_metric_and_utilization() -> None:
    """Our `target` alone changes the target of the metric that holds, not its kind nor its utilization."""
    assert columns({f"{OURS}target": "30"})["target_concurrency"] == 15


def test_each_of_our_fields_reaches_its_column() -> None:
    """Every label of ours that sets a field sets just that column."""
    found = columns(
        {
            f"{OURS}max": "6", f"{OURS}activation": "3", f"{OURS}concurrency-limit": "5", f"{OURS}concurrency-cap": "25",
            f"{OURS}stable-window": "2m", f"{OURS}stabilization": "0s",
        }
    )  # fmt: skip
    assert {name: found[name] for name in ("max_replicas", "activation", "concurrency_limit", "concurrency_cap")} == {
        "max_replicas": 6, "activation": 3, "concurrency_limit": 5, "concurrency_cap": 25,
    }  # fmt: skip
    assert (found["stable_window_s"], found["stabilization_down_s"]) == (120, 0)


@pytest.mark.parametrize(
    ("labels", "kind", "target"),
    [
        ({f"{OPENFAAS}type": "cpu", f"{OPENFAAS}target": "500"}, MetricKind.CPU, 0.45),
        ({f"{OPENFAAS}type": "cpu"}, MetricKind.CPU, 0.045),
        (
            {f"{OPENFAAS}type": "queue", f"{OPENFAAS}target": "10", f"{OPENFAAS}target-proportion": "1"},
            MetricKind.QUEUE,
            10,
        ),
        ({f"{OURS}metric": "cpu", f"{OURS}target": "500m", f"{OURS}utilization": "1"}, MetricKind.CPU, 0.5),
        ({f"{OURS}metric": "cpu", f"{OURS}target": "2", f"{OURS}utilization": "1"}, MetricKind.CPU, 2),
        ({f"{OURS}metric": "cpu", f"{OURS}utilization": "1"}, MetricKind.CPU, 0.05),
        ({f"{OURS}metric": "queue", f"{OURS}target": "30", f"{OURS}utilization": "0.5"}, MetricKind.QUEUE, 15),
    ],
)
def test_labels_of_cpu_and_queue(labels: dict[str, str], kind: MetricKind, target: float) -> None:
    """Both kinds are the one metric; OpenFaaS counts thousandths of a core, ours count cores."""
    rules, problems = resolved(labels)
    assert problems == ()
    assert [(one.kind, one.target) for one in rules.others] == [(kind, pytest.approx(target))]
    assert (rules.columns["target_rps"], rules.columns["target_concurrency"]) == (float("inf"), float("inf"))


def test_our_windows_and_waits_reach_their_columns() -> None:
    """Initial replicas, panic, delay, stabilization of growth and the deadline can be said per function."""
    found = columns(
        {
            f"{OURS}initial": "3", f"{OURS}panic-window": "12s", f"{OURS}panic-threshold": "4", f"{OURS}delay": "30s",
            f"{OURS}up-stabilization": "20s", f"{OURS}progress-deadline": "2m",
        }
    )  # fmt: skip
    names = ("initial", "panic_window_s", "panic_threshold", "delay_s", "stabilization_up_s", "progress_deadline_s")
    assert [found[name] for name in names] == [3, 12, 4, 30, 20, 120]
    assert columns({f"{OURS}panic-window": "never"})["panic_threshold"] == float("inf")


def test_never_is_never() -> None:
    """`zero-after: never` switches off the zero that the policy has."""
    assert columns({f"{OURS}zero-after": "never"}, "acme-dev")["zero_after_s"] == float("inf")


def test_an_annotation_beats_a_label() -> None:
    """Of a label and an annotation of one name the annotation holds."""
    rules, problems = resolved({f"{OURS}min": "3"}, {f"{OURS}min": "5"})
    assert (rules.columns["min_replicas"], problems) == (5, ())


def test_orders_by_annotation() -> None:
    """`paused` and `force` become the columns of that name."""
    rules, problems = resolved({}, {f"{OURS}paused": "true", f"{OURS}force": "0"})
    assert (rules.paused, rules.columns["force"], problems) == (True, 0, ())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (f"{OPENFAAS}min", "-1"),
        (f"{OPENFAAS}max", "five"),
        (f"{OPENFAAS}max", "5.0"),
        (f"{OPENFAAS}max", "٥"),
        (f"{OPENFAAS}target", "0"),
        (f"{OPENFAAS}target", "nan"),
        (f"{OPENFAAS}type", "memory"),
        (f"{OPENFAAS}target-proportion", "90"),
        (f"{OPENFAAS}zero", "yes"),
        (f"{OPENFAAS}zero-duration", "15"),
        (f"{OPENFAAS}down.window", "2h"),
        (f"{OPENFAAS}factor", "101"),
        (f"{OPENFAAS}factor", "-1"),
        (f"{OPENFAAS}factor", "20%"),
        (f"{OURS}activation", "0"),
        (f"{OURS}zero-after", "0s"),
        (f"{OURS}paused", "True"),
        (f"{OURS}force", "1e3"),
        (f"{OURS}metric", "memory"),
        (f"{OURS}metric", "query"),
        (f"{OURS}target", "0m"),
        (f"{OURS}initial", "0"),
        (f"{OURS}panic-window", "never!"),
        (f"{OURS}panic-window", "1h"),
        (f"{OURS}panic-threshold", "1"),
        (f"{OURS}delay", "2h"),
        (f"{OURS}up-stabilization", "2h"),
        (f"{OURS}progress-deadline", "0s"),
        (f"{OURS}mni", "1"),
        (f"{OURS}service", "a"),
        (f"{OURS}service", "a:http"),
    ],
)
def test_what_cannot_be_read_is_left_out_and_told(name: str, value: str) -> None:
    """A wrong label is a problem that names function, label and what is allowed; all else holds as without it."""
    rules, (problem,) = resolved({name: value})
    without, _ = resolved({})
    assert (problem.file, problem.line, problem.path) == ("acme-prod/f", None, name)
    assert problem.allowed
    assert str(rules.columns) == str(without.columns)


def test_a_label_that_contradicts_is_left_out_and_told() -> None:
    """A label that cannot hold beside the policy is left out, and the policy holds."""
    rules, (problem,) = resolved({f"{OPENFAAS}max": "1"})
    assert problem.path == f"{OPENFAAS}max"
    assert (rules.columns["min_replicas"], rules.columns["max_replicas"]) == (2, 9)


def test_two_labels_that_contradict_are_both_left_out() -> None:
    """Of two labels that cannot hold together neither is believed."""
    rules, problems = resolved({f"{OPENFAAS}min": "8", f"{OPENFAAS}max": "3"})
    assert {problem.path for problem in problems} == {f"{OPENFAAS}min", f"{OPENFAAS}max"}
    assert (rules.columns["min_replicas"], rules.columns["max_replicas"]) == (2, 9)


def test_other_labels_are_nothing_to_us() -> None:
    """Labels of others, and those of OpenFaaS that steer nothing here, are neither read nor told."""
    assert resolved({f"{OPENFAAS}strategy": "x", "app": "x", "com.openfaas.health": "y"})[1] == ()
    assert marks_of({"app": "x", f"{OURS}function": ""}, {"note": "y"}) == ()


def test_every_label_has_words() -> None:
    """The reference says something about every label."""
    assert all(meaning.words.endswith(".") for meaning in MEANINGS.values())
