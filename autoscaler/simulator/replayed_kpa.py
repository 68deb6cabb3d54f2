"""Our own core on recordings of Knative's autoscaler: its averages come ready-made, everything else the core decides.

A sequence is one function; sequences whose steps are at the same times are rows of one fleet, so that a recording also
shows that no row looks at another.
"""

from collections.abc import Sequence

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.core.controller import Controller
from autoscaler.core.fleet import Fleet, FunctionKey, Rules
from autoscaler.core.now import Now
from autoscaler.core.observation import Load, Observation, PanicAverages
from autoscaler.core.reasons import REASON_OF
from autoscaler.simulator.comparison import Answer
from autoscaler.simulator.recordings import KpaSequence, KpaSpec

TICK_S = 2.0
"""Knative's autoscaler decides so often."""

_NAMESPACE = "recorded"


def kpa_answers(sequences: Sequence[KpaSequence]) -> list[list[Answer]]:
    """Give the core's answers to all sequences, in their order.

    What it sees is the recording's, ready pods included: a step that differs does not make later ones see other counts.
    """
    answers: list[list[Answer]] = [[] for _ in sequences]
    alike: dict[tuple[float, ...], list[int]] = {}
    for number, sequence in enumerate(sequences):
        alike.setdefault(tuple(step.t for step in sequence.steps), []).append(number)
    for numbers in alike.values():
        for number, found in zip(numbers, _answers([sequences[number] for number in numbers]), strict=True):
            answers[number] = found
    return answers


def _answers(sequences: Sequence[KpaSequence]) -> list[list[Answer]]:
    """Step one fleet through sequences with steps at the same times.

    Knative's autoscaler is born before its first decision, over the pods that run then: so is ours, by one sight
    without any load a tick before the first step. Born at that step itself, the panic in which a new autoscaler keeps
    what runs would end a tick too late.
    """
    fleet = _fleet([sequence.spec for sequence in sequences])
    controller = Controller(None)
    initial = np.array([sequence.spec.initial_ready for sequence in sequences], np.float64)
    unknown = np.full(len(sequences), np.nan)
    first_s = sequences[0].steps[0].t
    controller.step(_now(first_s - TICK_S), _sight(fleet, unknown, unknown, initial), ())
    answers: list[list[Answer]] = [[] for _ in sequences]
    for steps in zip(*(sequence.steps for sequence in sequences), strict=True):
        seen = np.array([(step.stable, step.panic, step.ready) for step in steps], np.float64)
        decided = controller.step(_now(steps[0].t), _sight(fleet, *seen.T), ())
        for found, desired, reason in zip(answers, decided.desired.tolist(), decided.reason.tolist(), strict=True):
            found.append(Answer(int(desired), REASON_OF[reason].name))
    return answers


def _now(at_s: float) -> Now:
    return Now(monotonic_s=at_s, utc_s=at_s)


def _sight(fleet: Fleet, stable: Floats, panic: Floats, ready: Floats) -> Observation:
    """Make an observation of averages that are ready-made.

    Knative has seen every moment of its windows, so that a 0 of the stable one is proven: covered, and idle.
    """
    known = ~np.isnan(stable)
    load = Load(
        rps=stable,
        concurrency=stable,
        in_flight=np.full(len(fleet), np.nan),
        is_covered=known,
        is_idle=stable == 0,
        range_s=fleet.rules.stable_window_s,
        panic=PanicAverages(rps=panic, concurrency=panic),
    )
    nobody = np.zeros(len(fleet))
    return Observation(fleet, load, requested=ready, ready=ready, waiting=nobody, is_held=nobody > 0)


def _fleet(specs: Sequence[KpaSpec]) -> Fleet:
    keys = tuple(FunctionKey(_NAMESPACE, f"{number:09d}") for number in range(len(specs)))
    return Fleet(
        keys=keys,
        uids=tuple(key.name for key in keys),
        row_of={key: row for row, key in enumerate(keys)},
        tenant=np.zeros(len(specs), np.int64),
        tenants=(_NAMESPACE,),
        tenant_cap=np.array([np.inf]),
        rules=_rules(specs),
    )


def _rules(specs: Sequence[KpaSpec]) -> Rules:
    """Give Knative's rules, and switch off everything that it does not have."""

    def column(values: Sequence[float]) -> Floats:
        return np.array(values, np.float64)

    def every(value: float) -> Floats:
        return np.full(len(specs), value)

    return Rules(
        target_rps=column([spec.target_value if spec.metric == "rps" else np.inf for spec in specs]),
        target_concurrency=column([spec.target_value if spec.metric == "concurrency" else np.inf for spec in specs]),
        stable_window_s=column([spec.stable_window_seconds for spec in specs]),
        max_rate_up=column([spec.max_scale_up_rate for spec in specs]),
        max_rate_down=column([spec.max_scale_down_rate for spec in specs]),
        tolerance_up=every(0.0),
        tolerance_down=every(0.0),
        stabilization_down_s=every(0.0),
        concurrency_limit=every(np.inf),
        min_replicas=every(0.0),
        max_replicas=every(np.inf),
        concurrency_cap=every(np.inf),
        activation=column([max(1.0, spec.activation_scale) for spec in specs]),
        zero_after_s=every(0.0),
        paused=np.zeros(len(specs), np.bool_),
        force=every(np.nan),
        panic_threshold=column([spec.panic_threshold for spec in specs]),
        delay_s=column([spec.scale_down_delay_seconds for spec in specs]),
    )
