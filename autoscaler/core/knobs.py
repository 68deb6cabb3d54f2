"""What the policies say of the rows that a tick decides."""

from typing import NamedTuple

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
    tolerance_up: Floats
    tolerance_down: Floats
    panic_threshold: Floats
    activation: Floats
    zero_after_s: Floats
    concurrency_limit: Floats
    fallback_after: Floats
    fallback_replicas: Floats
    progress_deadline_s: Floats


def knobs_of(rules: Rules, part: Part) -> Knobs:
    """Give the rules of a part."""
    return Knobs(*(part.of(getattr(rules, name)) for name in Knobs._fields))
