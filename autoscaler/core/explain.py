"""A decision in words, with the numbers of the case; command, API and dashboard all say these."""

from collections.abc import Callable

from autoscaler.core.decisions import DecisionRecord, Stage
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen


def sentences(record: DecisionRecord) -> list[str]:
    """Tell a decision: what was seen, what every stage that bound made of it, the result."""
    steps = [
        f"{_NAMES[stage]}: {_words(record, stage)}"
        for stage in Stage
        if record.stage_reasons[stage] is not Reason.PASSED
    ]
    return [_seen(record), *steps, _result(record)]


def _seen(record: DecisionRecord) -> str:
    if not record.is_tick:
        return f"Between ticks an event named it; it was asked to have {_replicas(record.requested)}."
    loads = _loads(record)
    window = _number(record.numbers["stable_window_s"])
    match record.seen:
        case Seen.UNKNOWN:
            known = f" Known is {loads}." if loads else ""
            return f"The load is not known (no answer, or one that cannot be trusted).{known}"
        case Seen.LOWER_BOUND:
            return f"At least {loads}: the last {window} s are not wholly covered by scrapes, so it may be more."
        case Seen.PROVEN_ZERO:
            return f"Proven idle: {loads} over {window} s, no counter moved, nothing in flight."
        case Seen.VALUE:
            return f"Seen over {window} s: {loads}."


def _loads(record: DecisionRecord) -> str:
    parts = [
        (record.rps, "requests/s"),
        (record.concurrency, "requests in flight on average"),
        (record.in_flight, "in flight now"),
    ]
    return ", ".join(f"{_number(value)} {what}" for value, what in parts if value is not None)


def _result(record: DecisionRecord) -> str:
    if record.desired == record.requested:
        return f"It stays at {_replicas(record.desired)} ({record.ready} ready). {record.reason.sentence}"
    verb = "grows" if record.desired > record.requested else "shrinks"
    return f"It {verb} from {record.requested} to {_replicas(record.desired)} ({record.ready} ready). {record.reason.sentence}"


def _words(record: DecisionRecord, stage: Stage) -> str:
    """Say what bound one stage, from what came in to what went out."""
    reason, after = record.stage_reasons[stage], record.stages[stage]
    before = record.stages[Stage(stage - 1)] if stage > 0 else record.requested
    detail = _DETAILS.get(reason)
    return reason.sentence if detail is None else detail(record, before, after)


def _demand(record: DecisionRecord, _before: int, after: int) -> str:
    proposals = [
        f"{_number(load)} {what} at {_number(target)} for each replica"
        for load, target, what in (
            (record.rps, record.numbers["target_rps"], "requests/s"),
            (record.concurrency, record.numbers["target_concurrency"], "in flight"),
        )
        if load is not None and target is not None
    ]
    return f"{' or '.join(proposals) or 'the load'} asks for {_replicas(after)}."


def _of(name: str, text: str) -> Callable[[DecisionRecord, int, int], str]:
    """Make a sentence about one number of the policy; `{n}` is it, `{before}` and `{after}` are replicas."""

    def say(record: DecisionRecord, before: int, after: int) -> str:
        return text.format(n=_number(record.numbers[name]), before=before, after=_replicas(after), ready=record.ready)

    return say


def _in_flight(record: DecisionRecord, _before: int, after: int) -> str:
    limit = _number(record.numbers["concurrency_limit"])
    return f"{_number(record.in_flight)} requests in flight, {limit} at most on each replica, need {_replicas(after)}."


def _plain(text: str) -> Callable[[DecisionRecord, int, int], str]:
    def say(_record: DecisionRecord, before: int, after: int) -> str:
        return text.format(before=before, after=_replicas(after))

    return say


def _concurrency_cap(record: DecisionRecord, before: int, after: int) -> str:
    cap, limit = (_number(record.numbers[name]) for name in ("concurrency_cap", "concurrency_limit"))
    return f"its concurrency cap of {cap}, at {limit} on each replica, allows {_replicas(after)} of {before}."


_NAMES = {
    Stage.DEMAND: "Demand",
    Stage.GUARDS: "Guards",
    Stage.FLOORS: "Floors",
    Stage.IDLE: "Idle",
    Stage.LIMITS: "Limits",
    Stage.BUDGET: "Budget",
    Stage.BLAST_RADIUS: "Blast radius",
    Stage.MASK: "Mask",
}

_DETAILS: dict[Reason, Callable[[DecisionRecord, int, int], str]] = {
    Reason.DEMAND: _demand,
    Reason.MAX_RATE_UP: _of(
        "max_rate_up",
        "the load asks for more, but one tick multiplies {ready} ready by at most {n}, or keeps what runs: {after}.",
    ),
    Reason.MAX_RATE_DOWN: _of(
        "max_rate_down", "the load asks for fewer, but one tick divides {ready} ready by at most {n}: {after}."
    ),
    Reason.ACTIVATION: _of("activation", "leaving zero it starts with its activation of {n}."),
    Reason.WAITING: _plain("requests that are held until a replica is ready ask for {after}."),
    Reason.UNKNOWN_LOAD: _plain("the load is not known, so nothing is lowered: {after} stay."),
    Reason.LOWER_BOUND: _plain("{before} would do for what is known, but a lower bound lowers nothing: {after} stay."),
    Reason.TOLERANCE: _plain("the load is so near the target that nothing changes: {after} instead of {before}."),
    Reason.STABILIZATION: _of(
        "stabilization_down_s",
        "{before} would do now, but a recommendation of the last {n} s was larger: {after} stay.",
    ),
    Reason.IN_FLIGHT: _in_flight,
    Reason.MIN_REPLICAS: _of("min_replicas", "the policy's minimum of {n} raises it from {before}."),
    Reason.WAKE: _plain("a wake raises it from {before} to {after}."),
    Reason.BOOST: _plain("an alert's boost raises it from {before} to {after}."),
    Reason.RESTART: _of(
        "stable_window_s", "{after} ran when it was first seen, and stay until a window of {n} s is known whole."
    ),
    Reason.ZERO_IDLE: _of("zero_after_s", "proven idle for the {n} s that the policy asks for: zero."),
    Reason.ZERO_NOT_PROVEN: _of(
        "zero_after_s", "zero needs {n} s of proven idleness, not there yet: one replica stays."
    ),
    Reason.MAX_REPLICAS: _of("max_replicas", "the policy's maximum of {n} caps {before}."),
    Reason.CONCURRENCY_CAP: _concurrency_cap,
    Reason.BUDGET: _of("tenant_cap", "the tenant's cap of {n} replicas leaves {after} of {before}."),
    Reason.BLAST_RADIUS: _plain(
        "the tenant's load-driven cuts of this minute are used up: {after} instead of {before}."
    ),
    Reason.PAUSED: _plain("paused: {after} stay."),
    Reason.FOREIGN_WRITER: _plain("somebody else changes its replicas: {after} stay."),
    Reason.FORCED: _plain("an annotation orders {after}."),
    Reason.BETWEEN_TICKS: _plain("between ticks nothing is lowered: {after} stay."),
}


def _replicas(count: int) -> str:
    return "1 replica" if count == 1 else f"{count} replicas"


def _number(value: float | None) -> str:
    """Write a number as short as it can be read: 7, 7.25, 0.0417; unlimited where there is none."""
    if value is None:
        return "unlimited"
    return f"{value:.0f}" if value == int(value) else f"{value:.4g}"
