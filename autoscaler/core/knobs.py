"""What the policies say of the rows that a tick decides."""

from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.core.fleet import Rules
from autoscaler.core.part import Part


class Knobs(NamedTuple):
    """What the policies say of the rows of a part; `core.fleet.Rules` says what each is. All `(size,) float64`."""

    target_rps: Floats
    target_concurrency: Floats
    stable_window_s: Floats
    max_rate_up: Floats
    max_rate_down: Floats
    panic_threshold: Floats
    activation: Floats
    zero_after_s: Floats
    concurrency_limit: Floats
    fallback_after: Floats
    fallback_replicas: Floats
    progress_deadline_s: Floats


def compact(rules: Rules) -> Knobs:
    """Give the rules of a whole fleet, where a column that says the same of everybody is one number seen many times.

    Most columns of most fleets are: reading such a one costs no memory, and choosing some rows of it nothing at all.
    """
    return Knobs(*(_compact(getattr(rules, name)) for name in Knobs._fields))


def _compact(column: Floats) -> Floats:
    is_one = len(column) and ((column == column[0]).all() or np.isnan(column).all())
    return np.broadcast_to(column[0], column.shape) if is_one else column


def knobs_of(rules: Rules | Knobs, part: Part) -> Knobs:
    """Give the rules of a part."""
    if part.rows is None and isinstance(rules, Knobs):
        return rules
    return Knobs(*(part.of(getattr(rules, name)) for name in Knobs._fields))
