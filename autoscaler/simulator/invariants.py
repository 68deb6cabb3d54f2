"""What must hold in every run, whatever was simulated: nothing is lost, and Little's law.

Each check compares two sums that were kept apart during the run. One that differs is a mistake of the simulator, and no
figure of such a run may be believed.
"""

from collections.abc import Iterator

from autoscaler.simulator.statistics import FunctionStatistics

RELATIVE, ABSOLUTE_S = 1e-7, 1e-5
"""What two sums of many float64 may differ by."""


class InvariantError(Exception):
    """A run whose sums contradict each other: its figures are wrong, and so is the simulator.

    Attributes:
        name: the function.
        breaches: what differs, with the numbers.
    """

    def __init__(self, name: str, breaches: tuple[str, ...]) -> None:
        super().__init__(f"{name}: {'; '.join(breaches)}")
        self.name, self.breaches = name, breaches


def check(name: str, part: FunctionStatistics) -> None:
    """Check a function's sums.

    Raises:
        InvariantError: some contradict each other; it has all that do.
    """
    breaches = (*_counted(part), *_measured(part))
    if breaches:
        raise InvariantError(name, breaches)


def _counted(part: FunctionStatistics) -> Iterator[str]:
    """Give breaches of what is counted: every request ends once, in one way."""
    answered = part.served + part.refused + part.failed
    if answered != part.finished:
        parts = f"{part.served} served + {part.refused} refused + {part.failed} failed"
        yield f"{parts} = {answered} requests, but {part.finished} were answered"
    if not 0 <= part.finished <= part.requests:
        yield f"{part.finished} of {part.requests} requests were answered"
    if not 0 <= part.cold <= part.requests:
        yield f"{part.cold} of {part.requests} requests came cold"
    if part.late + part.turned_away > part.refused:
        yield f"{part.late} late + {part.turned_away} turned away, but only {part.refused} were refused"


def _measured(part: FunctionStatistics) -> Iterator[str]:
    """Give breaches of what is measured: replica-seconds, and request-seconds by Little's law."""
    pairs = (
        ("busy + idle replica-seconds", part.busy_s + part.idle_s, "ready ones", part.ready_s),
        ("starting + ready + draining replica-seconds", part.replica_seconds, "allocated ones", part.allocated_s),
        ("request-seconds in flight", part.in_flight_s, "the requests' times from arrival to answer", part.sojourn_s),
        ("request-seconds of waiting", part.queued_s, "the requests' waits", part.waited_s),
    )
    for what, one, other_what, other in pairs:
        if not abs(one - other) <= RELATIVE * max(abs(one), abs(other)) + ABSOLUTE_S:
            yield f"{what} are {one!r}, but {other_what} are {other!r}"
    for what, seconds in (
        ("busy", part.busy_s),
        ("idle", part.idle_s),
        ("starting", part.starting_s),
        ("draining", part.draining_s),
    ):
        if not seconds >= -ABSOLUTE_S:
            yield f"{what} replica-seconds are {seconds!r}"
