"""What a policy did with a trace of counts: cold starts, and what its containers cost."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.simulator.minutes.counts import MinuteCounts

QUANTILES = (0.5, 0.75, 0.95)
"""Of functions, by their own fraction of cold requests: one app in two, four and twenty is worse off."""


@dataclass(frozen=True, slots=True)
class MinuteRow:
    """What happened to one function, or to one tenant's, or to all.

    Attributes:
        tenant: who owns them; None: all.
        function: its name; None: several.
        cold: containers that had to start, because those that were kept did not suffice.
        requests: of the trace; None: not known.
        used_steps: container-steps that requests needed.
        allocated_steps: container-steps that were there, needed or kept.
        used_gb_s: GB-seconds; likewise `allocated_gb_s`, and `idle_gb_s`, their difference: what keeping cost.
    """

    tenant: str | None
    function: str | None
    cold: int
    requests: float | None
    used_steps: int
    allocated_steps: int
    used_gb_s: float
    allocated_gb_s: float
    idle_gb_s: float


@dataclass(frozen=True, slots=True, eq=False)
class MinuteResult:
    """The outcome of one policy.

    Attributes:
        policy: its title.
        counts: what it was run on.
        cold: `(functions,) int64`, containers that had to start.
        used: `(functions,) int64`, container-steps needed.
        allocated: `(functions,) int64`, container-steps that were there.
        used_by_step: `(steps,) int64`, containers needed, of all functions together.
        allocated_by_step: `(steps,) int64`, containers that were there, likewise.
    """

    policy: str
    counts: MinuteCounts
    cold: Ints
    used: Ints
    allocated: Ints
    used_by_step: Ints
    allocated_by_step: Ints

    @property
    def idle(self) -> Ints:
        """`(functions,) int64`, container-steps that nothing needed."""
        return self.allocated - self.used

    @property
    def idle_gb_s(self) -> float:
        """Waste: GB-seconds of all functions that were kept and not used."""
        return self._gb_s(self.idle)

    @property
    def total(self) -> MinuteRow:
        """All functions together."""
        return self._row(None, None, np.arange(len(self.cold)))

    def by_function(self) -> Iterator[MinuteRow]:
        """Give each function's row, in the order of the trace."""
        for row, (tenant, name) in enumerate(zip(self.counts.tenants, self.counts.names, strict=True)):
            yield self._row(tenant, name, np.array([row]))

    def by_tenant(self) -> Iterator[MinuteRow]:
        """Give each tenant's row, by name."""
        names, codes = np.unique(np.array(self.counts.tenants), return_inverse=True)
        order = np.argsort(codes, kind="stable")
        ends = np.searchsorted(codes[order], np.arange(len(names)), side="right")
        for name, rows in zip(names.tolist(), np.split(order, ends[:-1]), strict=True):
            yield self._row(name, None, rows)

    def cold_fractions(self) -> Floats:
        """Give each function's fraction of requests that met a cold start, at most 1; functions without load left out.

        Where requests are not known it is the fraction of the container-steps that were needed.
        """
        whole = self.used.astype(np.float64) if self.counts.requests is None else self.counts.requests
        busy = whole > 0
        return np.minimum(self.cold[busy] / whole[busy], 1.0)

    def cold_fraction_quantile(self, fraction: float) -> float | None:
        """Give the fraction of cold requests that this fraction of functions does not exceed; None: no load at all.

        Per function it is another world than per request: 0.2 % of requests and 80 % of a quarter of the apps.
        """
        fractions = self.cold_fractions()
        return float(np.quantile(fractions, fraction)) if len(fractions) else None

    def waste_relative(self, other: "MinuteResult") -> float | None:
        """Give the idle GB-seconds as a multiple of another policy's; None: that one wasted nothing."""
        return self.idle_gb_s / other.idle_gb_s if other.idle_gb_s else None

    def to_json(self) -> bytes:
        """Write it so that equal results are equal bytes."""
        document = {
            "policy": self.policy,
            "step_s": self.counts.step_s,
            "steps": self.counts.steps,
            "total": _cells(self.total),
            "cold_fraction": {f"p{quantile * 100:g}": self.cold_fraction_quantile(quantile) for quantile in QUANTILES},
            "peak_containers": int(self.allocated_by_step.max()),
            "tenants": [_cells(row) for row in self.by_tenant()],
            "functions": [_cells(row) for row in self.by_function()],
        }
        return json.dumps(document, sort_keys=True, indent=2, allow_nan=False).encode() + b"\n"

    def _gb_s(self, container_steps: Ints) -> float:
        return float(np.dot(container_steps, self.counts.memory_gb)) * self.counts.step_s

    def _row(self, tenant: str | None, function: str | None, rows: Ints) -> MinuteRow:
        memory_gb = self.counts.memory_gb[rows] * self.counts.step_s
        used, allocated = self.used[rows], self.allocated[rows]
        return MinuteRow(
            tenant=tenant,
            function=function,
            cold=int(self.cold[rows].sum()),
            requests=None if self.counts.requests is None else float(self.counts.requests[rows].sum()),
            used_steps=int(used.sum()),
            allocated_steps=int(allocated.sum()),
            used_gb_s=float(np.dot(used, memory_gb)),
            allocated_gb_s=float(np.dot(allocated, memory_gb)),
            idle_gb_s=float(np.dot(allocated - used, memory_gb)),
        )


def _cells(row: MinuteRow) -> Mapping[str, object]:
    """Give a row's fields, numbers rounded to what a grid of minutes can claim."""
    cells = {name: getattr(row, name) for name in MinuteRow.__dataclass_fields__}
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in cells.items()}
