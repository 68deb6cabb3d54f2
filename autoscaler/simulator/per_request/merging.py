"""The requests of many functions in one stream, slice of time by slice of time."""

from collections.abc import Iterator, Sequence

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.simulator.per_request.state import Links
from autoscaler.simulator.request_stream import RequestStream
from autoscaler.simulator.workload import Requests

AIM, AIM_A_FUNCTION = 1 << 18, 256
"""Requests that a slice shall hold: in all, or of each function: enough to pay for a look at every function."""

FIRST_SLICE_S = 1.0
MOST_GROWTH = 8.0


def merged(
    streams: Sequence[RequestStream], until_s: float, aim: int | None = None
) -> Iterator[tuple[float, Floats, Links, Floats]]:
    """Give all requests up to and with a time, slice by slice: its end, arrivals (ascending), whose, service seconds.

    Of requests at the same instant the first function's is first, wherever slices end: what happens at the end of one is in it.

    Args:
        aim: requests that a slice shall hold; None: as many as are quick.
    """
    wanted = max(AIM, AIM_A_FUNCTION * len(streams)) if aim is None else aim
    pending = [_Pending(stream) for stream in streams]
    end_s, length_s = 0.0, FIRST_SLICE_S
    while end_s < until_s:
        end_s = min(end_s + length_s, until_s)
        taken = [one.take(end_s) for one in pending]
        counts = [len(part.times_s) for part in taken]
        times_s = np.concatenate([np.empty(0), *(part.times_s for part in taken)])
        service_s = np.concatenate([np.empty(0), *(part.service_s for part in taken)])
        who = np.repeat(np.arange(len(streams), dtype=np.int32), counts)
        order = _order(times_s)
        yield end_s, times_s[order], who[order], service_s[order]
        length_s *= min(wanted / max(len(times_s), 1), MOST_GROWTH)


def _order(times_s: Floats) -> Ints:
    """Give the order of times, those that are equal as they are; few are, so that the quick way is tried first."""
    order = np.argsort(times_s)
    is_equal = np.diff(times_s[order]) == 0
    return np.argsort(times_s, kind="stable") if np.any(is_equal) else order


class _Pending:
    """The requests of one function that were drawn and not taken."""

    def __init__(self, stream: RequestStream) -> None:
        self._stream = stream
        self._times_s, self._service_s = np.empty(0), np.empty(0)

    def take(self, until_s: float) -> Requests:
        """Take those up to and with a time."""
        while self._stream.drawn_s <= until_s:
            more = self._stream.draw()
            if len(more.times_s):
                self._times_s = np.concatenate([self._times_s, more.times_s])
                self._service_s = np.concatenate([self._service_s, more.service_s])
        count = int(self._times_s.searchsorted(until_s, side="right"))
        taken = Requests(self._times_s[:count], self._service_s[:count])
        self._times_s, self._service_s = self._times_s[count:], self._service_s[count:]
        return taken
