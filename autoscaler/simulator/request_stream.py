"""One function's requests and starts, drawn ahead, so that neither decisions nor the steps of time change them."""

from functools import partial
from math import inf

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.simulator.laws import Law
from autoscaler.simulator.spec import FunctionSpec
from autoscaler.simulator.streams import named
from autoscaler.simulator.workload import Requests, Workload

STARTS_AHEAD, MOST_AHEAD = 16, 4_096
"""Start-up times drawn with the first call, and with one call at most: each draws as many as there were."""


class RequestStream:
    """The requests of one function, window by window.

    Attributes:
        drawn_s: every request before it was given; inf: there is no workload, and none ever comes.

    Args:
        root: whose seed all generators are named under.
        start_s: seconds at which the function is there; what the workload would have sent before never arrives.
    """

    def __init__(
        self, spec: FunctionSpec, workload: Workload | None, root: np.random.Generator, start_s: float = 0.0
    ) -> None:
        names = spec.drawn_as or spec.key
        self.drawn_s = inf if workload is None else start_s
        self._workload = None if workload is None else workload.realised(partial(named, root, *names, "states"))
        self._law = spec.service_law
        self._arrivals, self._services = named(root, *names, "arrivals"), named(root, *names, "services")

    def draw(self) -> Requests:
        """Give the requests of the next window, from `drawn_s` to the new one; it may hold none.

        Raises:
            ValueError: there is no workload.
        """
        if self._workload is None:
            raise ValueError("a function without a workload gets no requests")
        start_s = self.drawn_s
        end_s = start_s + self._workload.window_s(start_s)
        self.drawn_s = end_s
        return self._workload.requests(start_s, end_s, self._arrivals, self._law, self._services)


class StartTimes:
    """The start-up times of one function's replicas by number of the start.

    Args:
        law: theirs.
        root: whose seed the generator is named under.
    """

    def __init__(self, spec: FunctionSpec, law: Law, root: np.random.Generator) -> None:
        self._law = law
        self._make = partial(named, root, *(spec.drawn_as or spec.key), "starts")
        self._generator: np.random.Generator | None = None  # most functions of a large fleet never start anything
        self._ahead: Floats = np.empty(0)
        self._drawn = 0

    def take(self, number: int) -> Floats:
        """Give the seconds of the next starts, `(number,) float64`."""
        while len(self._ahead) < number:
            self._generator = self._generator or self._make()
            more = min(max(STARTS_AHEAD, self._drawn), MOST_AHEAD)
            self._ahead = np.append(self._ahead, self._law.draw(more, self._generator))
            self._drawn += more
        taken, self._ahead = self._ahead[:number], self._ahead[number:]
        return taken
