"""The document of policy tests: strict models, each field documented."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from autoscaler.core.stages import Stage
from autoscaler.policy.problems import suggestion
from autoscaler.policy.settings import BlastRadius, PoolSettings
from autoscaler.policy.strict import Strict
from autoscaler.simulator.events import AlertEvent, NotNegative, ObstacleEvent, Positive, PrometheusOutage, Span
from autoscaler.simulator.instants import Instant
from autoscaler.simulator.policy_tests.notation import RampField, SeriesField

KIND = "PolicyTest"

Count = Annotated[int, Field(ge=0, le=1_000_000)]
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
FunctionName = Annotated[str, Field(pattern=rf"^{_LABEL}/{_LABEL}$")]

STAGES = {stage.name.lower().replace("_", "-"): stage for stage in Stage}
SEEN = {seen.name.lower().replace("_", "-"): seen for seen in Seen}
REASONS = {reason.name: reason for reason in Reason}
"""Names as the API and `explain` write them."""


def key_of(name: str) -> FunctionKey:
    """Give the identity that `namespace/name` stands for."""
    namespace, _, function = name.partition("/")
    return FunctionKey(namespace, function)


def _reason(written: object) -> object:
    if not isinstance(written, str) or written not in REASONS:
        raise ValueError(suggestion(str(written).upper(), REASONS))
    return written


def _stage(written: object) -> object:
    if written not in STAGES:
        raise ValueError(suggestion(str(written), STAGES))
    return written


ReasonName = Annotated[str, BeforeValidator(_reason)]
StageName = Annotated[str, BeforeValidator(_stage)]


class Range(Strict):
    """Numbers that are right: one, or a range of them."""

    min: Count | None = Field(None, description="Least. Default: none.")
    max: Count | None = Field(None, description="Most. Default: none.")

    @model_validator(mode="before")
    @classmethod
    def _may_be_one_number(cls, written: object) -> object:
        return {"min": written, "max": written} if type(written) is int else written

    @model_validator(mode="after")
    def _has_room(self) -> "Range":
        if self.min is None and self.max is None:
            raise ValueError("a whole number, or min, max or both")
        if self.min is not None and self.max is not None and self.max < self.min:
            raise ValueError(f"min up to max; min is {self.min}, max is {self.max}")
        return self

    def __contains__(self, count: int) -> bool:
        return (self.min is None or count >= self.min) and (self.max is None or count <= self.max)

    def __str__(self) -> str:
        if self.min == self.max:
            return str(self.min)
        if self.min is None:
            return f"up to {self.max}"
        return f"{self.min} or more" if self.max is None else f"{self.min} to {self.max}"


class FunctionStart(Strict):
    """A function as the test finds it."""

    name: FunctionName = Field(description="namespace/name. No default.")
    replicas: Count = Field(1, description="Replicas at the start, ready. Default 1.")
    labels: dict[str, str] = Field(
        default_factory=dict,
        description="Labels of the Deployment; the one that makes it a function is there. Default none.",
    )
    annotations: dict[str, str] = Field(default_factory=dict, description="Its annotations. Default none.")
    start_up: NotNegative | None = Field(
        None, description="Time from asking for a replica to its being ready. Default: the file's."
    )
    created: NotNegative | None = Field(
        None, description="When it is deployed, time of the test. Default: long before the test."
    )

    @property
    def key(self) -> FunctionKey:
        return key_of(self.name)


class LoadSpan(Span):
    """What holds from a time to a time."""

    rps: RampField | None = Field(
        None, description="Requests/s: a number, a ramp 10..50, or _. Default: not said here."
    )
    concurrency: RampField | None = Field(None, description="Mean requests in flight, likewise.")
    in_flight: RampField | None = Field(None, description="Requests in flight at the moment, likewise.")
    others: dict[str, RampField] = Field(
        default_factory=dict, description="Other metrics by name (cpu, queue, query, or the query's text), likewise."
    )
    lower_bound: bool = Field(False, description="Scrapes were missed: the values are lower bounds. Default false.")
    idle: bool | None = Field(
        None, description="Whether it is proven to be idle. Default: where all that is known of it is 0."
    )


class FunctionInput(Strict):
    """The load of one function: of each metric a series, or spans."""

    rps: SeriesField | None = Field(
        None, description="Requests/s: a number that holds throughout, or promtool's series notation. Default: unknown."
    )
    concurrency: SeriesField | None = Field(None, description="Mean requests in flight, likewise.")
    in_flight: SeriesField | None = Field(None, description="Requests in flight at the moment, likewise.")
    others: dict[str, SeriesField] = Field(
        default_factory=dict, description="Other metrics by name (cpu, queue, query, or the query's text), likewise."
    )
    spans: list[LoadSpan] = Field(
        default_factory=list, description="Values and ramps from time to time, instead of a series. Default none."
    )


class AtEvent(Strict):
    """Something that happens at a time."""

    at: NotNegative = Field(description="When. No default.")


class WakeEvent(AtEvent):
    """A gateway wakes a function."""

    type: Literal["wake"]
    function: FunctionName = Field(description="Which. No default.")
    waiting: Count = Field(1, description="Requests held until a replica is ready. Default 1; 0: start it only.")


class MarkEvent(AtEvent):
    """Somebody changes labels or annotations of a Deployment; null takes one away."""

    type: Literal["mark"]
    function: FunctionName = Field(description="Which. No default.")
    labels: dict[str, str | None] = Field(default_factory=dict, description="Labels to set. Default none.")
    annotations: dict[str, str | None] = Field(default_factory=dict, description="Annotations to set. Default none.")


class ScaleEvent(AtEvent):
    """Somebody else changes `spec.replicas`."""

    type: Literal["scale"]
    function: FunctionName = Field(description="Which. No default.")
    replicas: Count = Field(description="To how many. No default.")


class ForeignWriter(Span):
    """Somebody else writes the replicas again and again, so that the daemon leaves them alone."""

    type: Literal["foreignWriter"]
    function: FunctionName = Field(description="Of which function. No default.")


class RolloutEvent(Span):
    """A new pod template is being rolled out; new replicas do not become ready before its end."""

    type: Literal["rollout"]
    function: FunctionName = Field(description="Of which function. No default.")


class RestartEvent(AtEvent):
    """The daemon restarts, and remembers nothing."""

    type: Literal["restart"]


CaseEvent = Annotated[
    WakeEvent
    | AlertEvent
    | PrometheusOutage
    | MarkEvent
    | ScaleEvent
    | ForeignWriter
    | ObstacleEvent
    | RolloutEvent
    | RestartEvent,
    Field(discriminator="type"),
]

EVENTS: dict[str, type[Strict]] = {
    "wake": WakeEvent,
    "alert": AlertEvent,
    "prometheusOutage": PrometheusOutage,
    "mark": MarkEvent,
    "scale": ScaleEvent,
    "foreignWriter": ForeignWriter,
    "quota": ObstacleEvent,
    "unschedulable": ObstacleEvent,
    "crash": ObstacleEvent,
    "rollout": RolloutEvent,
    "restart": RestartEvent,
}
"""Models of events by their type."""


class StageExpectation(Strict):
    """What one stage shall make of it."""

    replicas: Range | None = Field(None, description="Replicas after the stage. Default: any.")
    reason: ReasonName | None = Field(None, description="What bound it; PASSED: nothing. Default: any.")


class Expectation(Strict):
    """What shall come of it: at a time, or from a time to a time."""

    function: FunctionName | None = Field(None, description="Of which function. Default: the only one there is.")
    at: NotNegative | None = Field(None, description="When: the last decision up to then. Default: over a span.")
    start: NotNegative | None = Field(None, alias="from", description="Beginning of the span. Default 0s.")
    end: Positive | None = Field(None, alias="to", description="End of the span. Default: the test's.")
    replicas: Range | None = Field(None, description="Decided replicas, a number or {min, max}. Default: any.")
    reason: ReasonName | None = Field(None, description="Code of what bound the decision. Default: any.")
    seen: Literal["unknown", "lower-bound", "value", "proven-zero"] | None = Field(
        None, description="What was seen of the load. Default: any."
    )
    ready: Range | None = Field(None, description="Replicas that can serve. Default: any.")
    stages: dict[StageName, StageExpectation] = Field(
        default_factory=dict, description="What stages shall make of it, by name. Default: anything."
    )
    always: Range | None = Field(None, description="Replicas of every decision of the span. Default: any.")
    never: list[ReasonName] = Field(
        default_factory=list, description="Codes that bind no decision of the span. Default none."
    )
    changes: Range | None = Field(None, description="How often replicas change within the span. Default: any.")

    @model_validator(mode="after")
    def _is_one_kind(self) -> "Expectation":
        at_a_time = any((self.replicas, self.reason, self.seen, self.ready, self.stages))
        over_a_span = bool(self.always or self.never or self.changes)
        if at_a_time == over_a_span:
            raise ValueError(
                "replicas, reason, seen, ready or stages `at` a time; or always, never or changes of a span"
            )
        if at_a_time and (self.at is None or self.start is not None or self.end is not None):
            raise ValueError("`at`, and neither `from` nor `to`, for replicas, reason, seen, ready and stages")
        if over_a_span and self.at is not None:
            raise ValueError("`from` and `to`, and no `at`, for always, never and changes")
        if self.end is not None and self.end <= (self.start or 0.0):
            raise ValueError(f"a `to` after `from` ({self.start or 0:g}s)")
        return self


class Case(Strict):
    """One test: a load over time, what befalls it, and what shall come of it."""

    name: str = Field(min_length=1, max_length=200, description="What it is called. No default.")
    why: str = Field("", description="What it shows, in a sentence. Default none.")
    functions: list[FunctionStart] | None = Field(
        None, min_length=1, description="The functions of this test. Default: the file's."
    )
    utc: Instant | None = Field(None, description="Calendar time of 0s, for schedules. Default: the file's.")
    history: NotNegative = Field(
        0.0,
        description="How long the load of 0s has been seen before. Default 0s: at 0s the daemon starts, and what runs "
        "is a floor until a whole window is known.",
    )
    interval: Positive = Field(60.0, description="How long each sample of a series holds. Default 1m.")
    duration: Positive | None = Field(
        None, description="How long the test lasts. Default: as long as its input, or else its expectations."
    )
    input: dict[FunctionName, FunctionInput] = Field(
        default_factory=dict, description="Load by function. What is not said is unknown. Default: nothing."
    )
    events: list[CaseEvent] = Field(default_factory=list, description="What befalls it. Default nothing.")
    expect: list[Expectation] = Field(min_length=1, description="What shall come of it. No default.")


class PolicyTests(Strict):
    """Tests of the same documents."""

    kind: Literal["PolicyTest"]
    policies: list[str] = Field(
        default_factory=list,
        description="Files or folders of Tenant and ScalingPolicy documents, relative to this file. Default none: the "
        "documents beside this one in its own file.",
    )
    tick: Positive = Field(2.0, description="Interval of decisions. Default 2s, the daemon's.")
    range: Positive | None = Field(
        None,
        description="Stretch that one sample covers, as the source's. Default: the tick, so that windows are seen as the "
        "policy writes them.",
    )
    start_up: NotNegative = Field(0.0, description="Time from asking for a replica to its being ready. Default 0s.")
    blast_radius: BlastRadius | None = Field(
        default_factory=BlastRadius, description="Limit of load-driven cuts, as in the settings; null: off."
    )
    pools: dict[str, PoolSettings] | None = Field(
        None,
        description="Stocks of replicas that tenants share, by name, as in the settings. Default: none has a limit.",
    )
    utc: Instant = Field(
        1_767_225_600.0, description="Calendar time of 0s, for schedules. Default 2026-01-01T00:00:00Z, a Thursday."
    )
    functions: list[FunctionStart] = Field(default_factory=list, description="The functions. Default: each test's own.")
    tests: list[Case] = Field(min_length=1, description="The tests. No default.")
