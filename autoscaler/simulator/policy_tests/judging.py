"""Expectations against decisions, as they are made."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from autoscaler.core.decisions import DecisionRecord, Decisions
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.reasons import REASON_OF, Reason
from autoscaler.core.stages import Stage
from autoscaler.simulator.policy_tests.documents import REASONS, SEEN, STAGES, Case, Expectation, Range, key_of
from autoscaler.simulator.policy_tests.outcome import Decided, Difference, Failure
from autoscaler.simulator.policy_tests.reading import Suite

BEFORE, AFTER = 3, 2
"""Decisions shown before and after the one that differs."""

_SEEN = {seen: name for name, seen in SEEN.items()}


@dataclass(slots=True)
class _Watched:
    """A function that is expected something of: its last decision, and when what it said changed."""

    last: tuple[Decisions, int] | None = None
    changes: list[Decided] = field(default_factory=list)


@dataclass(slots=True)
class _Span:
    """An expectation over a span, and what became of it so far."""

    position: int
    expected: Expectation
    key: FunctionKey
    found: Failure | None = None
    level: int | None = None
    changed: int = 0
    last: tuple[float, Decisions, int] | None = None

    def covers(self, at_s: float) -> bool:
        """Tell whether a time is within; the end itself is not, as of every span, but that of the test is."""
        start_s, end_s = self.expected.start or 0.0, self.expected.end
        return start_s <= at_s and (end_s is None or at_s < end_s)


class Judge:
    """Looks at every decision of one test."""

    def __init__(self, suite: Suite, path: str, case: Case, only: FunctionKey | None) -> None:
        """Take a test's expectations.

        Args:
            path: of the test in its document.
            only: the function that is meant where none is named.
        """
        self._suite, self._path = suite, path
        self._failures: dict[int, Failure] = {}
        self._moments: list[tuple[float, int, Expectation, FunctionKey]] = []
        self._spans: list[_Span] = []
        self._watched: dict[FunctionKey, _Watched] = {}
        for position, one in enumerate(case.expect):
            key = key_of(one.function) if one.function is not None else only
            if key is None:
                continue  # several functions and none named: the file was refused
            self._watched.setdefault(key, _Watched())
            if one.at is not None:
                self._moments.append((one.at, position, one, key))
            else:
                self._spans.append(_Span(position, one, key))
        self._moments.sort(key=lambda moment: (moment[0], moment[1]), reverse=True)

    def due(self, before_s: float, ready: Mapping[FunctionKey, int]) -> None:
        """Judge what was expected earlier than this: nothing more will happen then.

        Args:
            ready: replicas that can serve now.
        """
        while self._moments and self._moments[-1][0] < before_s:
            at_s, position, expected, key = self._moments.pop()
            last = self._watched[key].last
            record = last[0].record(last[1]) if last is not None else None
            self._look(position, at_s, expected, key, record, ready.get(key, 0))

    def decided(self, at_s: float, decisions: Decisions) -> None:
        """Look at a step's decisions, of rows at rest too."""
        decisions = decisions.whole()
        for key, watched in self._watched.items():
            row = decisions.fleet.row_of.get(key, -1)
            position = int(np.searchsorted(decisions.rows, row))
            if position == len(decisions.rows) or decisions.rows[position] != row:
                watched.last = None if decisions.is_tick else watched.last
                continue
            watched.last = decisions, position
            now = _in_short(at_s, decisions, position)
            if not watched.changes or _said(watched.changes[-1]) != _said(now):
                watched.changes.append(now)
            for span in self._spans:
                if span.key == key and span.covers(at_s):
                    self._within(span, now, decisions, position)

    def failures(self) -> tuple[Failure, ...]:
        """Give everything that does not hold, once the test is over."""
        for span in self._spans:
            expected = span.expected.changes
            if expected is not None and span.changed not in expected and span.last is not None:
                at_s, decisions, position = span.last
                difference = Difference("changes", str(expected), str(span.changed))
                self._failures.setdefault(
                    span.position,
                    self._failure(span.position, at_s, span.key, decisions.record(position), [difference]),
                )
            if span.found is not None:
                self._failures.setdefault(span.position, span.found)
        return tuple(replace(failure, around=self._around(failure)) for _, failure in sorted(self._failures.items()))

    def _look(
        self,
        position: int,
        at_s: float,
        expected: Expectation,
        key: FunctionKey,
        record: DecisionRecord | None,
        ready: int,
    ) -> None:
        if record is None:
            nothing = Difference("decision", "one", "none: it is no function under control then")
            self._failures[position] = self._failure(position, at_s, key, None, [nothing])
            return
        compared = list(_compared(expected, record, ready))
        differences = [one for one, is_right in compared if not is_right]
        if differences:
            same = tuple((one.field, one.got) for one, is_right in compared if is_right)
            self._failures[position] = replace(self._failure(position, at_s, key, record, differences), same=same)

    def _within(self, span: _Span, now: Decided, decisions: Decisions, position: int) -> None:
        span.changed += now.desired != (now.requested if span.level is None else span.level)
        span.level = now.desired
        span.last = now.at_s, decisions, position
        differences = []
        expected = span.expected
        if expected.always is not None and now.desired not in expected.always:
            differences.append(Difference("replicas", f"always {expected.always}", str(now.desired)))
        if now.reason.name in expected.never:
            differences.append(Difference("reason", f"never {', '.join(expected.never)}", now.reason.name))
        if differences and span.found is not None:
            span.found = replace(span.found, more=span.found.more + 1)
        elif differences:
            record = decisions.record(position)
            span.found = self._failure(span.position, now.at_s, span.key, record, differences)

    def _failure(
        self,
        position: int,
        at_s: float,
        key: FunctionKey,
        record: DecisionRecord | None,
        differences: Sequence[Difference],
    ) -> Failure:
        path = f"{self._path}.expect[{position}]"
        return Failure(path, self._suite.line(path), at_s, key, (), tuple(differences), record, ())

    def _around(self, failure: Failure) -> tuple[Decided, ...]:
        """Give the decisions that said something new, around the one that differs, and that one itself."""
        changes = self._watched[failure.function].changes
        if failure.record is None:
            return tuple(changes[-BEFORE:])
        own = _of_record(failure.record)
        before = [one for one in changes if one.at_s <= own.at_s and one != own][-BEFORE:]
        after = [one for one in changes if one.at_s > own.at_s][:AFTER]
        return (*before, own, *after)


def _compared(expected: Expectation, record: DecisionRecord, ready: int) -> Iterator[tuple[Difference, bool]]:
    """Compare every field that an expectation names."""
    if expected.replicas is not None:
        yield _range("replicas", expected.replicas, record.desired)
    if expected.ready is not None:
        yield _range("ready", expected.ready, ready)
    if expected.reason is not None:
        yield _reason("reason", expected.reason, record.reason)
    if expected.seen is not None:
        got = _SEEN[record.seen]
        yield Difference("seen", expected.seen, got), got == expected.seen
    for name, stage_expected in expected.stages.items():
        stage: Stage = STAGES[name]
        if stage_expected.replicas is not None:
            yield _range(f"{name} replicas", stage_expected.replicas, record.stages[stage])
        if stage_expected.reason is not None:
            yield _reason(f"{name} reason", stage_expected.reason, record.stage_reasons[stage])


def _range(field_name: str, expected: Range, got: int) -> tuple[Difference, bool]:
    return Difference(field_name, str(expected), str(got)), got in expected


def _reason(field_name: str, expected: str, got: Reason) -> tuple[Difference, bool]:
    return Difference(field_name, expected, got.name), REASONS[expected] is got


def _said(decided: Decided) -> tuple[int, Reason]:
    return decided.desired, decided.reason


def _in_short(at_s: float, decisions: Decisions, position: int) -> Decided:
    return Decided(
        at_s=at_s,
        is_tick=decisions.is_tick,
        requested=int(decisions.requested[position]),
        ready=int(decisions.ready[position]),
        desired=int(decisions.desired[position]),
        reason=REASON_OF[int(decisions.reason[position])],
    )


def _of_record(record: DecisionRecord) -> Decided:
    return Decided(record.at.monotonic_s, record.is_tick, record.requested, record.ready, record.desired, record.reason)
