"""Outcomes of policy tests in words and as JSON."""

from collections.abc import Iterator, Mapping, Sequence

from autoscaler.core.explain import sentences
from autoscaler.policy.quantities import format_duration
from autoscaler.simulator.policy_tests.outcome import Decided, Failure, Outcome

Json = dict[str, object]


def lines_of(file: str, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Tell a file's outcome: SUCCESS or FAILED, and of each failure what differs, where, and why it was decided so."""
    failed = [outcome for outcome in outcomes if not outcome.has_passed]
    yield file
    tests = "1 test" if len(outcomes) == 1 else f"{len(outcomes)} tests"
    if not failed:
        yield f"  SUCCESS  {tests}, {sum(outcome.expectations for outcome in outcomes)} expectations"
        return
    yield f"  FAILED   {len(failed)} of {tests}"
    for outcome in failed:
        yield ""
        yield f"  {outcome.name}  ({outcome.file}:{outcome.line})"
        yield from (f"    {line}" for line in ([outcome.why] if outcome.why else []))
        for failure in outcome.failures:
            yield ""
            yield from (f"    {line}".rstrip() for line in _failure(outcome, failure))
    yield ""


def as_json(by_file: Mapping[str, Sequence[Outcome]]) -> Json:
    """Give all outcomes; times are seconds of the test, reasons their codes' names."""
    found = [outcome for outcomes in by_file.values() for outcome in outcomes]
    return {
        "passed": sum(outcome.has_passed for outcome in found),
        "failed": sum(not outcome.has_passed for outcome in found),
        "files": [
            {"file": file, "tests": [_outcome(outcome) for outcome in outcomes]} for file, outcomes in by_file.items()
        ],
    }


def _failure(outcome: Outcome, failure: Failure) -> Iterator[str]:
    """Say one failure: its place, a diff, the decisions around it, and why."""
    yield f"{outcome.file}:{failure.line}  at {format_duration(failure.at_s)}, {failure.function}"
    width = max(len(name) for name, *_ in (*failure.same, *failure.differences)) + 2
    for name, got in failure.same:
        yield f"      {name + ':':{width}}{got}"
    for name, expected, got in failure.differences:
        yield f"    - {name + ':':{width}}{expected}   (expected)"
        yield f"    + {name + ':':{width}}{got}   (got)"
    if failure.more:
        yield f"    and at {failure.more} more {'decision' if failure.more == 1 else 'decisions'} of the span"
    if failure.around:
        yield "    decisions around it, where they changed:"
        yield from (f"    {line}" for line in _around(failure))
    if failure.record is not None:
        yield f"    why, at {format_duration(failure.record.at.monotonic_s)}:"
        yield from (f"      {sentence}" for sentence in sentences(failure.record))


def _around(failure: Failure) -> Iterator[str]:
    times = [format_duration(one.at_s) for one in failure.around]
    width = max(map(len, times))
    for time, one in zip(times, failure.around, strict=True):
        mark = ">" if failure.record is not None and one.at_s == failure.record.at.monotonic_s else " "
        moved = f"{one.requested} → {one.desired}" if one.desired != one.requested else f"stays at {one.desired}"
        yield f"{mark} {time:>{width}}  {moved} ({one.ready} ready), {one.reason.name}"


def _outcome(outcome: Outcome) -> Json:
    return {
        "name": outcome.name,
        "why": outcome.why,
        "line": outcome.line,
        "passed": outcome.has_passed,
        "expectations": outcome.expectations,
        "ticks": outcome.ticks,
        "failures": [_failure_as_json(failure) for failure in outcome.failures],
    }


def _failure_as_json(failure: Failure) -> Json:
    return {
        "path": failure.path,
        "line": failure.line,
        "at_s": failure.at_s,
        "function": str(failure.function),
        "differences": [difference._asdict() for difference in failure.differences],
        "more": failure.more,
        "decision": None if failure.record is None else sentences(failure.record),
        "around": [_decided(one) for one in failure.around],
    }


def _decided(one: Decided) -> Json:
    return {**one._asdict(), "reason": one.reason.name}
