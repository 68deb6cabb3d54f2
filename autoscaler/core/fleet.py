"""The functions there are, and what their policies say of them, as columns."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


class FunctionKey(NamedTuple):
    """A function's identity inside a cluster: the namespace and name of its Deployment."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What the policies say, one row per function. Every column is `(functions,) float64` unless said.

    Unlimited or absent is `inf` in a limit or target, `nan` in `force`.

    Attributes:
        target_rps: requests/s that one replica shall carry (target × utilization); inf: not a metric.
        target_concurrency: requests in flight that one replica shall carry; inf: not a metric.
        stable_window_s: averaging window of demand, seconds.
        max_rate_up: largest growth per tick as a factor of ready replicas, > 1.
        max_rate_down: largest shrinkage per tick as a divisor of ready replicas, > 1.
        tolerance_up: relative dead band above the target, fraction.
        tolerance_down: relative dead band below the target, fraction.
        stabilization_down_s: look-back over recommendations; the largest of them is the floor of a cut.
        concurrency_limit: requests in flight that one replica accepts at most; inf: no limit.
        min_replicas: floor.
        max_replicas: ceiling; inf: none.
        concurrency_cap: requests in flight that the function may be given in all; inf: none.
        activation: replicas on leaving zero, >= 1.
        zero_after_s: proven idleness after which zero is allowed; inf: never.
        paused: `(functions,) bool`, what runs stays.
        force: replicas ordered by annotation in place of demand, guards, floors and idle; nan: none.
    """

    target_rps: Floats
    target_concurrency: Floats
    stable_window_s: Floats
    max_rate_up: Floats
    max_rate_down: Floats
    tolerance_up: Floats
    tolerance_down: Floats
    stabilization_down_s: Floats
    concurrency_limit: Floats
    min_replicas: Floats
    max_replicas: Floats
    concurrency_cap: Floats
    activation: Floats
    zero_after_s: Floats
    paused: Bools
    force: Floats

    def __post_init__(self) -> None:
        lengths = {field.name: len(getattr(self, field.name)) for field in fields(self)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of different lengths: {lengths}")


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """All functions under control, rows ordered by key; replaced whole when a function or policy changes.

    Attributes:
        keys: identity of each row, sorted, so that ties broken by row are ties broken by name.
        uids: the Deployment's uid of each row; a recreated Deployment is another function.
        row_of: key → row.
        tenant: `(functions,) int64`, index into `tenants`.
        tenants: tenant names, sorted.
        tenant_cap: `(tenants,) float64`, replicas a tenant may have; inf: no limit.
        rules: the policies' columns.
    """

    keys: tuple[FunctionKey, ...]
    uids: tuple[str, ...]
    row_of: Mapping[FunctionKey, int]
    tenant: Ints
    tenants: tuple[str, ...]
    tenant_cap: Floats
    rules: Rules

    def __len__(self) -> int:
        return len(self.keys)
