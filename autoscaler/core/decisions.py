"""What a step decided, and why: the one account that everything else shows."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.accounts import Accounts
from autoscaler.core.budget_record import BudgetRecord, budget_record
from autoscaler.core.columns import Codes, Floats, Ints, left_out, true_at
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.lanes import MetricKind, RatePolicies, Select
from autoscaler.core.now import Now
from autoscaler.core.reasons import REASON_OF, Reason
from autoscaler.core.seen import Seen
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Applied, columns_after, reasons_of

Kind = TypeVar("Kind", bound=np.generic)


@dataclass(frozen=True, slots=True)
class MetricRecord:
    """What one further metric said.

    Attributes:
        kind: what it measures.
        name: how the words call it.
        value: mean over the stable window; None: unknown.
        target: load of one replica, or the level aimed at.
        is_value: it is a level that more replicas lower, not a sum that they share.
    """

    kind: MetricKind
    name: str
    value: float | None
    target: float
    is_value: bool


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """The scaling policies of one direction.

    Attributes:
        select: which of several holds.
        policies: (is a percentage, value, period in seconds) of each.
    """

    select: Select
    policies: tuple[tuple[bool, float, float], ...]


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
        panic_rps: mean over the panic window, requests/s; None: unknown, or it has no panic window.
        panic_concurrency: likewise, requests in flight.
        is_panicking: whether it is in panic mode.
        others: its further metrics.
        rate_up: scaling policies of growth; None: none.
        rate_down: likewise of shrinkage.
        budget: the account of its tenant; None: a step between ticks, or no tenant has a budget.
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
    panic_rps: float | None = None
    panic_concurrency: float | None = None
    is_panicking: bool = False
    others: tuple[MetricRecord, ...] = ()
    rate_up: PolicyRecord | None = None
    rate_down: PolicyRecord | None = None
    budget: BudgetRecord | None = None

    def own(self) -> "DecisionRecord":
        """Give what the function's own tenant may know of it."""
        return self if self.budget is None else replace(self, budget=self.budget.own())


@dataclass(frozen=True, eq=False)
class Decisions:
    """The outcome of one step, as columns over the rows it decided.

    A tick decides every row that is not at rest. A row at rest has no replica, nothing happened to it, and its
    idleness is proven: it is as it was (`whole` gives it in full).

    Attributes:
        now: when.
        fleet: whose rows these are.
        is_tick: a full tick, or a step between ticks over the rows its events named.
        rows: `(decided,) int64`, rows of the fleet, ascending.
        seen: `(decided,) uint8`, `Seen`.
        rps: `(decided,) float64`, mean over the stable window; nan: unknown.
        concurrency: likewise, requests in flight.
        in_flight: `(decided,) float64`, requests in flight now; nan: unknown.
        requested: `(decided,) float64`, `spec.replicas` found.
        ready: `(decided,) float64`.
        desired: `(decided,) float64`, replicas that each function shall have.
        reason: `(decided,) uint8`, `Reason` of the last rule that bound.
        applied: every change that a rule made, in order; stage by stage they lead to `desired`.
        panic_rps: `(decided,) float64`, mean over the panic window; nan: unknown. Left out: nobody may panic.
        panic_concurrency: likewise, requests in flight.
        panicking: `(panicking,) int64`, positions of rows in panic mode.
        others: `(lanes,) float64`, means of `fleet.others`; nan: unknown. Left out: there are none.
        accounts: what the tenants' budgets came to; None: a step between ticks, or no tenant has a budget.
    """

    now: Now
    fleet: Fleet
    is_tick: bool
    rows: Ints
    seen: Codes
    rps: Floats
    concurrency: Floats
    in_flight: Floats
    requested: Floats
    ready: Floats
    desired: Floats
    reason: Codes
    applied: tuple[Applied, ...]
    panic_rps: Floats = field(default_factory=left_out)
    panic_concurrency: Floats = field(default_factory=left_out)
    panicking: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    others: Floats = field(default_factory=left_out)
    accounts: Accounts | None = None

    @cached_property
    def stages(self) -> Floats:
        """`(stages, decided) float64`, replicas after each stage; the last is the result."""
        return columns_after(self.desired, self.applied, len(Stage))

    @cached_property
    def stage_reasons(self) -> Codes:
        """`(stages, decided) uint8`, `Reason` that bound each stage; 0 where it changed nothing."""
        otherwise = Reason.DEMAND if self.is_tick else Reason.PASSED
        return reasons_of(len(self.rows), self.applied, otherwise, len(Stage))

    @cached_property
    def changed(self) -> Ints:
        """`(changed,) int64`, positions within `rows` whose replicas shall change."""
        return true_at(self.desired != self.requested)

    def of_rows(self, column: NDArray[Kind], rows: Ints, at_rest: float = 0.0) -> NDArray[Kind]:
        """Give the numbers of one of these columns for some rows of a tick's fleet, also of rows at rest.

        Args:
            column: `(decided,)`.
            rows: rows of the fleet.
            at_rest: what a row at rest has there.
        """
        if len(self.rows) == len(self.fleet):
            return column[rows]
        at = np.minimum(np.searchsorted(self.rows, rows), max(len(self.rows) - 1, 0))
        result = np.full(len(rows), at_rest, column.dtype)
        if len(self.rows):
            is_decided = self.rows[at] == rows
            result[is_decided] = column[at[is_decided]]
        return result

    def whole(self) -> "Decisions":
        """Give a tick's decisions over all rows of the fleet, those at rest included; a step between ticks as it is."""
        return self if not self.is_tick or len(self.rows) == len(self.fleet) else self._whole

    @cached_property
    def _whole(self) -> "Decisions":
        functions = len(self.fleet)

        def spread(column: NDArray[Kind], at_rest: float = 0.0) -> NDArray[Kind]:
            result = np.full(functions, at_rest, column.dtype)
            result[self.rows] = column
            return result

        resting = np.setdiff1d(np.arange(functions), self.rows, assume_unique=True)
        at_rest = Applied(Stage.IDLE, resting, np.zeros(len(resting)), Reason.ZERO_IDLE)
        applied = [change._replace(rows=self.rows[change.rows]) for change in self.applied]
        place = sum(change.stage <= Stage.IDLE for change in applied)
        return replace(
            self,
            rows=np.arange(functions),
            seen=spread(self.seen, Seen.PROVEN_ZERO),
            rps=spread(self.rps),
            concurrency=spread(self.concurrency),
            in_flight=spread(self.in_flight),
            requested=spread(self.requested),
            ready=spread(self.ready),
            desired=spread(self.desired),
            applied=(*applied[:place], at_rest, *applied[place:]),
            reason=spread(self.reason, Reason.ZERO_IDLE),
            panic_rps=spread(self.panic_rps) if len(self.panic_rps) else self.panic_rps,
            panic_concurrency=spread(self.panic_concurrency) if len(self.panic_concurrency) else self.panic_concurrency,
            panicking=self.rows[self.panicking],
        )

    def record(self, position: int) -> DecisionRecord:
        """Give the whole account of the decision at this position within `rows`."""
        row = int(self.rows[position])
        fleet = self.fleet
        stages, reasons = self._account(position)
        return DecisionRecord(
            key=fleet.keys[row],
            tenant=fleet.tenants[fleet.tenant[row]],
            at=self.now,
            is_tick=self.is_tick,
            seen=Seen(int(self.seen[position])),
            rps=_known(self.rps[position]),
            concurrency=_known(self.concurrency[position]),
            in_flight=_known(self.in_flight[position]),
            requested=int(self.requested[position]),
            ready=int(self.ready[position]),
            stages=stages,
            stage_reasons=reasons,
            reason=REASON_OF[int(self.reason[position])],
            desired=int(self.desired[position]),
            numbers=numbers_of(fleet, row),
            panic_rps=_at(self.panic_rps, position),
            panic_concurrency=_at(self.panic_concurrency, position),
            is_panicking=bool(np.isin(position, self.panicking)),
            others=self._others(row),
            rate_up=_policies(fleet.rate_up, row),
            rate_down=_policies(fleet.rate_down, row),
            budget=self.budget_of(int(fleet.tenant[row])),
        )

    def budget_of(self, tenant: int) -> BudgetRecord | None:
        """Give the account of a tenant, by its place in the fleet; None: the step made none."""
        return None if self.accounts is None else budget_record(self.fleet, self.accounts, tenant)

    def _account(self, position: int) -> tuple[dict[Stage, int], dict[Stage, Reason]]:
        """Give one row's replicas after each stage, and what bound each, without making everybody's columns."""
        reasons = dict.fromkeys(Stage, Reason.PASSED)
        reasons[Stage.DEMAND] = Reason.DEMAND if self.is_tick else Reason.PASSED
        stages = dict.fromkeys(Stage, int(self.desired[position]))
        looked = ((change, true_at(change.rows == position)) for change in self.applied)
        found = [(change, int(change.before[at[0]])) for change, at in looked if at.size]
        for change, _ in found:
            reasons[change.stage] = change.reason
        for change, before in reversed(found):
            stages |= {stage: before for stage in Stage if stage < change.stage}
        return stages, reasons

    def _others(self, row: int) -> tuple[MetricRecord, ...]:
        lanes = self.fleet.others
        return tuple(
            MetricRecord(
                kind=MetricKind(int(lanes.kind[lane])),
                name=lanes.names[lane],
                value=_at(self.others, lane),
                target=float(lanes.target[lane]),
                is_value=bool(lanes.is_value[lane]),
            )
            for lane in true_at(lanes.rows == row).tolist()
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
    "panic_window_s",
    "panic_threshold",
    "stabilization_up_s",
    "delay_s",
    "fallback_after",
    "fallback_replicas",
    "progress_deadline_s",
    "initial",
    "utilization_rps",
    "utilization_concurrency",
)


def numbers_of(fleet: Fleet, row: int) -> dict[str, float | None]:
    """Give `DecisionRecord.numbers` of a function; who shares its tenant and its rules has the same."""
    numbers = {name: _known(getattr(fleet.rules, name)[row]) for name in _NUMBERS}
    return numbers | {"tenant_cap": _known(fleet.tenant_cap[fleet.tenant[row]])}


def _known(number: np.float64) -> float | None:
    """Give a column's number, or None where the column says unlimited (inf) or absent (nan)."""
    return float(number) if np.isfinite(number) else None


def _at(column: Floats, position: int) -> float | None:
    """Give the number at a position of a column that may be left out."""
    return _known(column[position]) if len(column) else None


def _policies(policies: RatePolicies, row: int) -> PolicyRecord | None:
    at = int(np.searchsorted(policies.rows, row))
    if at == len(policies.rows) or policies.rows[at] != row:
        return None
    span = slice(int(policies.starts[at]), int(policies.starts[at + 1]))
    columns = (policies.is_percent[span].tolist(), policies.value[span].tolist(), policies.period_s[span].tolist())
    return PolicyRecord(Select(int(policies.select[at])), tuple(zip(*columns, strict=True)))
