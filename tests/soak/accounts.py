"""What is said of a shrink that the judge finds no reason for: the load there was, and what the daemon made of it."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from autoscaler.adapters.decision_log.recall import changes
from autoscaler.core.fleet import FunctionKey
from tests.cluster.faults.judging import TrueLoad
from tests.servers.recorder import Change

_BEFORE_S = 25.0


def account(shrink: Change, load: TrueLoad, log: Path) -> Iterator[str]:
    """Give the load's steps and the daemon's decisions of the time before a shrink, in seconds before it.

    Args:
        log: the decision log's folder; its monotonic seconds are those of this machine.
    """
    key = FunctionKey(shrink.namespace, shrink.name)
    yield f"{key} {shrink.old} -> {shrink.new}; seconds before it:"
    steps = load.steps.get((shrink.namespace, shrink.name), [])
    for (at_s, _), (until_s, per_s) in pairwise([(0.0, 0.0), *steps]):
        if shrink.at_s - _BEFORE_S <= until_s <= shrink.at_s + 5 or at_s <= shrink.at_s - _BEFORE_S <= until_s:
            yield f"  {shrink.at_s - until_s:6.1f} s  load becomes {per_s:g}/s"
    for record in changes(log, key, 0.0, 1e12).records:
        if abs(shrink.at_s - record.at.monotonic_s) <= _BEFORE_S:
            yield (
                f"  {shrink.at_s - record.at.monotonic_s:6.1f} s  decided {record.requested} -> {record.desired}, "
                f"{record.reason.name}, {record.seen.name}, {record.rps}/s"
            )
