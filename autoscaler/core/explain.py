"""A decision in words, with the numbers of the case; command, API and dashboard all say these."""

from collections.abc import Callable, Iterator
from math import ceil

from autoscaler.core.decisions import DecisionRecord, MetricRecord, PolicyRecord
from autoscaler.core.explain_budget import refused
from autoscaler.core.lanes import MetricKind, Select
from autoscaler.core.reasons import Reason
from autoscaler.core.rounding import MOST_REPLICAS
from autoscaler.core.seen import Seen
from autoscaler.core.stages import Stage


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
            return f"Proven idle: {loads} over {window} s, {_proof(record)}."
        case Seen.VALUE:
            return f"Seen over {window} s: {loads}."


def _proof(record: DecisionRecord) -> str:
    """Say what proves that nothing goes on: a gateway's counters, or where none is scaled by a queue or a query."""
    is_own = any(metric.kind is not MetricKind.CPU for metric in record.others)
    if is_own and not any(_of_gateway(record)):
        return "and all that it works on is empty"
    return "no counter moved, nothing in flight"


def _loads(record: DecisionRecord) -> str:
    requests = "request" if record.concurrency == 1.0 else "requests"
    parts = [
        (record.rps, "requests/s"),
        (record.concurrency, f"{requests} in flight on average"),
        (record.in_flight, "in flight now"),
    ]
    known = [f"{_number(value)} {what}" for value, what in parts if value is not None]
    known += [f"{_name(metric)} {_number(metric.value)}" for metric in record.others if metric.value is not None]
    return ", ".join(known)


def _name(metric: MetricRecord) -> str:
    return f"{metric.name!r}" if metric.kind is MetricKind.QUERY else metric.name


def _result(record: DecisionRecord) -> str:
    if record.desired == record.requested:
        return f"It stays at {_replicas(record.desired)} ({record.ready} ready). {record.reason.sentence}"
    verb = "grows" if record.desired > record.requested else "shrinks"
    return f"It {verb} from {record.requested} to {_replicas(record.desired)} ({record.ready} ready). {record.reason.sentence}"


def _words(record: DecisionRecord, stage: Stage) -> str:
    """Say what bound one stage, from what came in to what went out."""
    reason, after = record.stage_reasons[stage], record.stages[stage]
    before = record.stages[Stage(stage - 1)] if stage > 0 else record.requested
    words = (_FIRST_STAGE if stage is Stage.DEMAND else _DETAILS).get(reason, _DETAILS[reason])(record, before, after)
    if stage is Stage.DEMAND and record.is_tick and reason in _BESIDE_ARITHMETIC:
        words = f"{_demand(record, before, after)[:-1]}; {words}"
    return words


def _demand(record: DecisionRecord, _before: int, _after: int) -> str:
    """Show the arithmetic: `96 requests/s / (10 × 0.7) → 13.71 → 14`; of several metrics the largest counts."""
    asked, unknown = _asked(record), _unknown(record)
    if not asked:
        return "no metric of it is known."
    return f"{'; '.join(asked)}; {unknown}, so nothing is lowered." if unknown else f"{'; '.join(asked)}."


def _unknown_load(record: DecisionRecord, _before: int, after: int) -> str:
    stay = f"so nothing is lowered: {_replicas(after)} {_stay(after)}."
    asked = _asked(record)
    return f"{'; '.join(asked)}; {_unknown(record)}, {stay}" if asked else f"the load is not known, {stay}"


def _asked(record: DecisionRecord) -> list[str]:
    """Show what each known metric asks for."""
    gateway = [
        f"{_number(load)} {what} / {_aimed(aimed, share)} → {_rounded(load / aimed)}"
        for load, aimed, share, what in _of_gateway(record)
        if load is not None
    ]
    return [*gateway, *(_asked_by(metric, record) for metric in record.others if metric.value is not None)]


def _unknown(record: DecisionRecord) -> str:
    """Name the metrics that it scales by and that are not known; empty: none."""
    names = [f"its {_SIGNALS[what]}" for load, _, _, what in _of_gateway(record) if load is None]
    names += [_name(metric) for metric in record.others if metric.value is None]
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} not known" if names else ""


def _of_gateway(record: DecisionRecord) -> Iterator[tuple[float | None, float, float | None, str]]:
    """Give load, what one replica shall carry, utilization and name of the gateway's metrics that it scales by."""
    numbers = record.numbers
    for load, aimed, share, what in (
        (record.rps, numbers["target_rps"], numbers["utilization_rps"], "requests/s"),
        (record.concurrency, numbers["target_concurrency"], numbers["utilization_concurrency"], "in flight"),
    ):
        if aimed is not None:
            yield load, aimed, share, what


_SIGNALS = {"requests/s": "rate", "in flight": "concurrency"}


def _asked_by(metric: MetricRecord, record: DecisionRecord) -> str:
    value, ready = metric.value or 0.0, max(record.ready, 1)
    if metric.kind is MetricKind.CPU and record.seen is Seen.PROVEN_ZERO:
        return f"{metric.name} {_number(value)} asks for nothing while it is idle"
    ratio, words = value / metric.target, f"{_name(metric)} {_number(value)} / {_number(metric.target)}"
    if metric.is_value:
        return f"{words} × {ready} ready → {_rounded(ratio * ready)}"
    return f"{words} → {_rounded(ratio)}"


def _aimed(aimed: float, share: float | None) -> str:
    """Write what one replica shall carry, as target × utilization where both are known."""
    if share is None or share == 1.0:
        return _number(aimed)
    return f"({_number(aimed / share)} × {_number(share)})"


def _rounded(ratio: float) -> str:
    """Write a ratio and the replicas it comes to; one that is shown as a whole number without being it says so."""
    whole = ceil(min(ratio, MOST_REPLICAS))
    shown = _number(ratio)
    if ratio >= whole or shown == str(whole):
        return str(whole)
    return f"a little over {shown} → {whole}" if shown == str(whole - 1) else f"{shown} → {whole}"


def _panic(record: DecisionRecord, _before: int, after: int) -> str:
    short = [
        f"{_number(load)} {what} / {_aimed(aimed, share)} → {_rounded(load / aimed)}"
        for load, aimed, share, what in (
            (record.panic_rps, record.numbers["target_rps"], record.numbers["utilization_rps"], "requests/s"),
            (
                record.panic_concurrency,
                record.numbers["target_concurrency"],
                record.numbers["utilization_concurrency"],
                "in flight",
            ),
        )
        if load is not None and aimed is not None
    ]
    window, stable = (_number(record.numbers[name]) for name in ("panic_window_s", "stable_window_s"))
    now = f" (over the last {window} s: {'; '.join(short)})" if short else ""
    threshold = _number(record.numbers["panic_threshold"])
    return (
        f"in panic{now}: {threshold} times what was ready was wanted, or more, so nothing is lowered until {stable} s have "
        f"passed without: {_replicas(after)}."
    )


def _policies(rules: PolicyRecord | None) -> str:
    """Write scaling policies: `4 Pods per 60 s or 100 % per 15 s, the larger`."""
    if rules is None:
        return "none"
    if rules.select is Select.DISABLED:
        return "selectPolicy Disabled"
    each = [
        f"{_number(value)} {'%' if is_percent else 'Pod' if value == 1 else 'Pods'} per {_number(s)} s"
        for is_percent, value, s in rules.policies
    ]
    choice = f", selectPolicy {rules.select.name.capitalize()}" if len(each) > 1 else ""
    return " or ".join(each) + choice


def _scale_up_policy(record: DecisionRecord, before: int, after: int) -> str:
    return f"{before} is held to {after} by the scale-up policy of {_policies(record.rate_up)}."


def _scale_down_policy(record: DecisionRecord, before: int, after: int) -> str:
    return f"{before} is held to {after} by the scale-down policy of {_policies(record.rate_down)}."


def _missing(why: str) -> Callable[[DecisionRecord, int, int], str]:
    def say(record: DecisionRecord, before: int, after: int) -> str:
        return f"{record.ready} of {record.requested} are ready: {why}, so {before} is held to {_replicas(after)}."

    return say


def _of(name: str, text: str) -> Callable[[DecisionRecord, int, int], str]:
    """Make a sentence about one number of the policy; `{n}` is it, `{before}` and `{after}` are replicas."""

    def say(record: DecisionRecord, before: int, after: int) -> str:
        words = {"before": before, "after": _replicas(after), "stay": _stay(after), "ready": record.ready}
        return text.format(n=_number(record.numbers[name]), **words)

    return say


def _max_rate_up(record: DecisionRecord, _before: int, after: int) -> str:
    rate, serving = record.numbers["max_rate_up"] or 1.0, max(record.ready, 1)
    ready = f"{record.ready} ready" if record.ready else "none ready, which counts as 1,"
    kept = ", and keeps what is asked for already" if after > ceil(serving * rate) else ""
    return f"one tick multiplies {ready} by at most {_number(rate)}{kept}: {_replicas(after)}."


def _max_rate_down(record: DecisionRecord, _before: int, after: int) -> str:
    rate = record.numbers["max_rate_down"] or 1.0
    kept = ", but takes back no cut whose Pods still end" if after < max(record.ready, 1) // rate else ""
    return f"one tick divides {record.ready} ready by at most {_number(rate)}{kept}: {_replicas(after)}."


def _tolerance(record: DecisionRecord, before: int, after: int) -> str:
    up, down = (_number(record.numbers[name]) for name in ("tolerance_up", "tolerance_down"))
    return (
        f"the load is at most {up} of the target above it, or {down} below, for what runs, so nothing changes: "
        f"{_replicas(after)} instead of {before}."
    )


def _in_flight(record: DecisionRecord, _before: int, after: int) -> str:
    limit = _number(record.numbers["concurrency_limit"])
    return f"{_number(record.in_flight)} requests in flight, {limit} at most on each replica, need {_replicas(after)}."


def _stay(count: int) -> str:
    return "stays" if count == 1 else "stay"


def _plain(text: str) -> Callable[[DecisionRecord, int, int], str]:
    def say(_record: DecisionRecord, before: int, after: int) -> str:
        return text.format(before=before, after=_replicas(after), stay=_stay(after))

    return say


def _between_ticks(_record: DecisionRecord, before: int, after: int) -> str:
    if after < before:
        return (
            f"{_replicas(after)} of {before} until the next tick, which takes the rest from functions that have more."
        )
    return f"between ticks nothing is lowered: {_replicas(after)} {_stay(after)}."


def _concurrency_cap(record: DecisionRecord, before: int, after: int) -> str:
    cap, limit = (_number(record.numbers[name]) for name in ("concurrency_cap", "concurrency_limit"))
    return f"its concurrency cap of {cap}, at {limit} on each replica, allows {_replicas(after)} of {before}."


def _budget(reason: Reason) -> Callable[[DecisionRecord, int, int], str]:
    def say(record: DecisionRecord, before: int, after: int) -> str:
        return refused(record.budget, reason, record.numbers["tenant_cap"], before, after)

    return say


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
    Reason.MAX_RATE_UP: _max_rate_up,
    Reason.MAX_RATE_DOWN: _max_rate_down,
    Reason.ACTIVATION: _of("activation", "what any load wants to run has its activation of {n} at least."),
    Reason.WAITING: _plain("requests that are held until a replica is ready ask for {after}."),
    Reason.UNKNOWN_LOAD: _plain("the load is not known, so nothing is lowered: {after} {stay}."),
    Reason.POLICY_UNKNOWN: _plain(
        "{before} would do by the documents that are good, but one about it is invalid and no good version of it is "
        "known: {after} {stay}."
    ),
    Reason.LOWER_BOUND: _plain(
        "{before} would do for what is known, but a lower bound lowers nothing: {after} {stay}."
    ),
    Reason.TOLERANCE: _tolerance,
    Reason.STABILIZATION: _of(
        "stabilization_down_s",
        "{before} would do now, but {after} or more were recommended within the last {n} s.",
    ),
    Reason.PANIC: _panic,
    Reason.FALLBACK: _of(
        "fallback_replicas", "the load has been unknown for long: the fallback of {n} raises it from {before}."
    ),
    Reason.SCALE_UP_POLICY: _scale_up_policy,
    Reason.SCALE_DOWN_POLICY: _scale_down_policy,
    Reason.STABILIZATION_UP: _of(
        "stabilization_up_s",
        "{before} would do now, but {after} or fewer were recommended within the last {n} s.",
    ),
    Reason.DELAY: _of("delay_s", "{before} would do now, but {after} or more were asked for within the last {n} s."),
    Reason.IN_FLIGHT: _in_flight,
    Reason.MIN_REPLICAS: _of("min_replicas", "the policy's minimum of {n} raises it from {before}."),
    Reason.INITIAL: _of("initial", "it is new: its initial {n} raise it from {before} until its load is known."),
    Reason.SCHEDULE: _plain("a schedule raises it from {before} to {after}."),
    Reason.WAKE: _plain("a wake raises it from {before} to {after}."),
    Reason.BOOST: _plain("an alert's boost raises it from {before} to {after}."),
    Reason.FREEZE: _plain("{before} would do now, but while an alert freezes it load lowers nothing: {after} {stay}."),
    Reason.RESTART: _of(
        "stable_window_s", "{after} ran when it was first seen, and stay until a window of {n} s is known whole."
    ),
    Reason.ZERO_IDLE: _of("zero_after_s", "proven idle for the {n} s that the policy asks for: zero."),
    Reason.ZERO_NOT_ALLOWED: _plain("the policy does not allow zero: one replica stays."),
    Reason.ZERO_NOT_PROVEN: _of(
        "zero_after_s", "zero needs {n} s of proven idleness, not there yet: one replica stays."
    ),
    Reason.MAX_REPLICAS: _of("max_replicas", "the policy's maximum of {n} caps {before}."),
    Reason.CONCURRENCY_CAP: _concurrency_cap,
    Reason.SCHEDULE_CEILING: _plain("a schedule caps {before} at {after}."),
    Reason.BUDGET: _budget(Reason.BUDGET),
    Reason.POOL: _budget(Reason.POOL),
    Reason.CONCURRENCY_BUDGET: _budget(Reason.CONCURRENCY_BUDGET),
    Reason.RECLAIM: _budget(Reason.RECLAIM),
    Reason.BLAST_RADIUS: _plain("the tenant's load-driven cuts are used up for now: {after} instead of {before}."),
    Reason.PAUSED: _plain("paused: {after} {stay}."),
    Reason.FOREIGN_WRITER: _plain("somebody else changes its replicas: {after} {stay}."),
    Reason.FORCED: _plain("an annotation orders {after}."),
    Reason.BETWEEN_TICKS: _between_ticks,
    Reason.ROLLOUT: _missing("a rollout is not complete"),
    Reason.NOT_READY: _missing("they do not become ready"),
    Reason.NOT_SCHEDULABLE: _missing("no node has room for them"),
    Reason.QUOTA_EXCEEDED: _missing("a quota refuses them"),
}

_FIRST_STAGE: dict[Reason, Callable[[DecisionRecord, int, int], str]] = {
    Reason.UNKNOWN_LOAD: _unknown_load,
    Reason.RESTART: _of("stable_window_s", "for {n} s after it was first seen nothing is lowered: {after} {stay}."),
}
"""What is told otherwise in the first stage: there all metrics are shown, and a restart begins as panic does."""

_BESIDE_ARITHMETIC = (
    Reason.MAX_RATE_UP,
    Reason.MAX_RATE_DOWN,
    Reason.ACTIVATION,
    Reason.WAITING,
    Reason.PANIC,
    Reason.RESTART,
)
"""Rules of the first stage that are understood only beside what the load asks for."""


_LARGE = 1_000.0
"""From here on decimals say nothing more."""

_TOO_LARGE = 1e15
"""From here on digits say nothing more."""


def _replicas(count: int) -> str:
    return "1 replica" if count == 1 else f"{count} replicas"


def _number(value: float | None) -> str:
    """Write a number as short as it can be read: 7, 7.25, 0.0417, 12346; unlimited where there is none."""
    if value is None:
        return "unlimited"
    if abs(value) >= _LARGE:
        return f"{value:.0f}" if abs(value) < _TOO_LARGE else f"{value:.3g}"
    return f"{value:.4g}"
