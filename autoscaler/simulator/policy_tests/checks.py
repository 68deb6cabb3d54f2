"""What the fields of a test say together: functions that are none, times that contradict, runs without an end."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from autoscaler.policy.problems import suggestion
from autoscaler.policy.quantities import format_duration
from autoscaler.simulator.events import AlertEvent, ObstacleEvent, Span
from autoscaler.simulator.policy_tests.documents import (
    Case,
    Expectation,
    FunctionInput,
    FunctionStart,
    PolicyTests,
    key_of,
)

MOST_STEPS = 2_000_000
"""Ticks times functions of one test: minutes of computing."""

_STEP_S = 0.0005
"""What a tick of a small fleet takes, for the estimate alone."""

METRICS = ("rps", "concurrency", "in_flight")
_NAMES = {"rps": "rps", "concurrency": "concurrency", "in_flight": "inFlight"}


class Told(NamedTuple):
    """Something that is wrong, by the path of its field."""

    path: str
    wrong: str
    allowed: str


def functions_of(tests: PolicyTests, case: Case) -> Sequence[FunctionStart]:
    """Give the functions of a test: its own, or else the file's."""
    return case.functions if case.functions is not None else tests.functions


def end_of(case: Case) -> float:
    """Give the seconds at which a test ends: as it says, or with the last that is said of loads or asked for."""
    if case.duration is not None:
        return case.duration
    input_s = input_end(case)
    if input_s is not None and input_s < math.inf:
        return input_s
    times = [time_s for one in case.expect for time_s in (one.at, one.start, one.end) if time_s is not None]
    ends = [event.end if isinstance(event, Span) else event.at for event in case.events]
    return max([*times, *ends, *(end_s for end_s in _input_ends(case) if end_s < math.inf), 0.0])


def input_end(case: Case) -> float | None:
    """Give when the last load that is said ends: inf, where one holds throughout; None: nothing is said."""
    return max(_input_ends(case), default=None)


def _input_ends(case: Case) -> Iterator[float]:
    for one in case.input.values():
        series = [one.rps, one.concurrency, one.in_flight, *one.others.values()]
        yield from (math.inf if each.is_endless else len(each.values) * case.interval for each in series if each)
        yield from (span.end for span in one.spans)


def case_problems(tests: PolicyTests) -> Iterator[Told]:
    """Give everything that is wrong with tests beyond what their models see."""
    yield from _twice("functions", tests.functions)
    names = Counter(case.name for case in tests.tests)
    for position, case in enumerate(tests.tests):
        path = f"tests[{position}]"
        if names[case.name] > 1:
            yield Told(f"{path}.name", f"{case.name!r} is there {names[case.name]} times", "each name once")
        yield from _twice(f"{path}.functions", case.functions or ())
        functions = [one.name for one in functions_of(tests, case)]
        if not functions:
            yield Told(f"{path}.functions", "is missing, and the file has none", "a list such as [{name: acme/api}]")
            continue
        yield from _named(path, case, functions)
        for name, said in case.input.items():
            yield from _input_problems(f"{path}.input.{name}", said)
        yield from _length(path, tests, case, len(functions))


def _twice(path: str, functions: Sequence[FunctionStart]) -> Iterator[Told]:
    seen: set[str] = set()
    for position, one in enumerate(functions):
        if one.name in seen:
            yield Told(f"{path}[{position}].name", f"{one.name} is there twice", "each function once")
        seen.add(one.name)


def _named(path: str, case: Case, functions: Sequence[str]) -> Iterator[Told]:
    """Find names of functions that the test does not have."""
    named: list[tuple[str, str | None]] = [(f"{path}.input.{name}", name) for name in case.input]
    for position, event in enumerate(case.events):
        place = f"{path}.events[{position}].function"
        named.append((place, getattr(event, "function", None)))
        keys = [key_of(name) for name in functions]
        if isinstance(event, ObstacleEvent) and (pattern := event.unmatched(keys)) is not None:
            yield Told(f"{place}s", f"{pattern} matches no function of this test", ", ".join(functions))
    for position, expected in enumerate(case.expect):
        if expected.function is None and len(functions) > 1:
            yield Told(f"{path}.expect[{position}].function", "is missing, and there are several", ", ".join(functions))
        named.append((f"{path}.expect[{position}].function", expected.function))
    for place, name in named:
        if name is not None and name not in functions:
            yield Told(place, f"{name} is no function of this test", suggestion(name, functions))


def _input_problems(path: str, said: FunctionInput) -> Iterator[Told]:
    """Find metrics that are said twice for the same time."""
    for name in METRICS:
        spans = [span for span in said.spans if getattr(span, name) is not None]
        yield from _one_way(path, _NAMES[name], getattr(said, name) is not None, spans)
    for other in {*said.others, *(name for span in said.spans for name in span.others)}:
        spans = [span for span in said.spans if other in span.others]
        yield from _one_way(path, f"others.{other}", other in said.others, spans)
    yield from _overlaps(path, "idle", [span for span in said.spans if span.idle is not None])


def _one_way(path: str, name: str, has_series: bool, spans: Sequence[Span]) -> Iterator[Told]:
    if has_series and spans:
        yield Told(f"{path}.{name}", "is said as a series and in spans", "one of them")
    yield from _overlaps(path, name, spans)


def _overlaps(path: str, name: str, spans: Sequence[Span]) -> Iterator[Told]:
    for before, after in pairwise(sorted(spans, key=lambda span: span.start)):
        if after.start < before.end:
            times = [f"{format_duration(one.start)} to {format_duration(one.end)}" for one in (before, after)]
            wrong = f"say {name} twice: {times[0]}, and {times[1]}"
            yield Told(f"{path}.spans", wrong, "spans that do not overlap for the same metric")


def _length(path: str, tests: PolicyTests, case: Case, functions: int) -> Iterator[Told]:
    end_s = end_of(case)
    for position, expected in enumerate(case.expect):
        yield from _beyond(f"{path}.expect[{position}]", expected, end_s, has_duration=case.duration is not None)
    for position, event in enumerate(case.events):
        begins_s = event.start if isinstance(event, Span) else event.at
        if begins_s > end_s:
            place = f"{path}.events[{position}].{'from' if isinstance(event, Span) else 'at'}"
            wrong = f"is {format_duration(begins_s)}, beyond the end of the test"
            yield Told(place, wrong, f"up to {format_duration(end_s)}, or a longer `duration`")
    sent = sum((event.end - event.start) / event.repeat for event in case.events if isinstance(event, AlertEvent))
    ticks = (end_s + case.history) / tests.tick
    steps = ticks * functions + sent
    if steps > MOST_STEPS:
        wrong = (
            f"makes {steps:.3g} steps (ticks × functions, alerts sent), about {_estimate(ticks + sent)} of computing"
        )
        yield Told(f"{path}.duration", wrong, f"at most {MOST_STEPS} steps: a shorter test, or a longer `tick`")


def _estimate(ticks: float) -> str:
    seconds = ticks * _STEP_S
    for size_s, unit in ((86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes")):
        if seconds >= size_s:
            return f"{seconds / size_s:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _beyond(path: str, expected: Expectation, end_s: float, *, has_duration: bool) -> Iterator[Told]:
    for name, time_s in (("at", expected.at), ("from", expected.start), ("to", expected.end)):
        if time_s is not None and time_s > end_s:
            what = "test" if has_duration else "input"
            wrong = f"is {format_duration(time_s)}, beyond the end of the {what} at {format_duration(end_s)}"
            unknown = "" if has_duration else " (loads are unknown from there on)"
            yield Told(
                f"{path}.{name}", wrong, f"a time up to {format_duration(end_s)}, or a longer `duration`{unknown}"
            )
