"""What a step decided, and why: the one account that everything else shows."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.reasons import REASON_OF, Reason
from autoscaler.core.seen import Seen


class Stage(IntEnum):
    """The stages of a decision, in the order in which they run."""

    DEMAND = 0
    GUARDS = 1
    FLOORS = 2
    IDLE = 3
    LIMITS = 4
    BUDGET = 5
    BLAST_RADIUS = 6
    MASK = 7


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One function's decision, whole: `explain`, the API, the events and `replay` show this and nothing else.

    Attributes:
        key: the function.
        tenant: its tenant.
        at: when it was decided.
        is_tick: whether a full tick decided it, or a step between ticks.
        seen: state of its load.
        rps: mean over the stable window, requests/s; None: unknown.
        concurrency: mean over the stable window, requests in flight; None: unknown.
        in_flight: requests in flight now; None: unknown.
        requested: `spec.replicas` that was found.
        ready: replicas that could serve.
        stages: replicas after each stage, by stage.
        stage_reasons: what bound each stage, by stage; `Reason.PASSED` where it changed nothing.
        reason: the code of the last stage that bound the result.
        desired: the result.
        numbers: the policy's numbers that the words need (target_rps, max_replicas, …); None: unlimited or absent.
    """

    key: FunctionKey
    tenant: str
    at: Now
    is_tick: bool
    seen: Seen
    rps: float | None
    concurrency: float | None
    in_flight: float | None
    requested: int
    ready: int
    stages: dict[Stage, int]
    stage_reasons: dict[Stage, Reason]
    reason: Reason
    desired: int
    numbers: dict[str, float | None]


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """The outcome of one step, as columns over the rows it decided.

    Attributes:
        now: when.
        fleet: whose rows these are.
        is_tick: a full tick over all rows, or a step between ticks over the rows its events named.
        rows: `(decided,) int64`, rows of the fleet, ascending.
        seen: `(decided,) uint8`, `Seen`.
        rps: `(decided,) float64`, mean over the stable window; nan: unknown.
        concurrency: likewise, requests in flight.
        in_flight: `(decided,) float64`, requests in flight now; nan: unknown.
        requested: `(decided,) float64`, `spec.replicas` found.
        ready: `(decided,) float64`.
        stages: `(stages, decided) float64`, replicas after each stage; the last row is the result.
        stage_reasons: `(stages, decided) uint8`, `Reason` that bound each stage; 0 where it changed nothing.
        reason: `(decided,) uint8`, `Reason` of the last stage that bound.
    """

    now: Now
    fleet: Fleet
    is_tick: bool
    rows: Ints
    seen: NDArray[np.uint8]
    rps: Floats
    concurrency: Floats
    in_flight: Floats
    requested: Floats
    ready: Floats
    stages: Floats
    stage_reasons: NDArray[np.uint8]
    reason: NDArray[np.uint8]

    @property
    def desired(self) -> Floats:
        """`(decided,) float64`, replicas that each function shall have."""
        result: Floats = self.stages[Stage.MASK]
        return result

    @property
    def changed(self) -> Ints:
        """`(changed,) int64`, positions within `rows` whose replicas shall change."""
        return np.flatnonzero(self.desired != self.requested)

    def record(self, position: int) -> DecisionRecord:
        """Give the whole account of the decision at this position within `rows`."""
        row = int(self.rows[position])
        rules = self.fleet.rules
        return DecisionRecord(
            key=self.fleet.keys[row],
            tenant=self.fleet.tenants[self.fleet.tenant[row]],
            at=self.now,
            is_tick=self.is_tick,
            seen=Seen(int(self.seen[position])),
            rps=_known(self.rps[position]),
            concurrency=_known(self.concurrency[position]),
            in_flight=_known(self.in_flight[position]),
            requested=int(self.requested[position]),
            ready=int(self.ready[position]),
            stages={stage: int(self.stages[stage, position]) for stage in Stage},
            stage_reasons={stage: REASON_OF[int(self.stage_reasons[stage, position])] for stage in Stage},
            reason=REASON_OF[int(self.reason[position])],
            desired=int(self.desired[position]),
            numbers={name: _known(getattr(rules, name)[row]) for name in _NUMBERS}
            | {"tenant_cap": _known(self.fleet.tenant_cap[self.fleet.tenant[row]])},
        )


_NUMBERS = (
    "target_rps",
    "target_concurrency",
    "stable_window_s",
    "max_rate_up",
    "max_rate_down",
    "tolerance_up",
    "tolerance_down",
    "stabilization_down_s",
    "concurrency_limit",
    "min_replicas",
    "max_replicas",
    "concurrency_cap",
    "activation",
    "zero_after_s",
    "force",
)


def _known(number: np.float64) -> float | None:
    """Give a column's number, or None where the column says unlimited (inf) or absent (nan)."""
    return float(number) if np.isfinite(number) else None
