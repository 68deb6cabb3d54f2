"""What simulated functions have in the pool of numbers: arrivals, queues, heaps and waits, each with room to grow."""

from collections.abc import Sequence

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.simulator.held import Come
from autoscaler.simulator.kernels.parts import BINS
from autoscaler.simulator.kernels.pool import Pool
from autoscaler.simulator.waits import EXACT, Waits, bins_of, of_bins, waits_of
from autoscaler.simulator.workload import Requests

ENTRIES = {
    "arrivals": 1,
    "busy": 1,
    "queue": 2,
    "waits": 1,
    "starting": 2,
    "draining": 1,
    "cuts": 2,
    "ends": 2,
    "replicas": 6,
    "stack": 1,
    "tree": 1,
    "lines": 3,
    "chances": 1,
}
"""The regions of a function, and how many numbers each entry there takes."""

SCATTER = 9_973.0
"""Times this, the ends of requests that are served at once have fractions that are as good as random."""


class Regions:
    """The regions of all functions. A function is handed in as its row `FUNCTION`, which is changed."""

    def __init__(self) -> None:
        self._pool = Pool()

    @property
    def pool(self) -> Floats:
        """All numbers; another array after anything grew."""
        return self._pool.numbers

    def release(self, one: np.void) -> None:
        """Give everything back that a function has."""
        for name, numbers in ENTRIES.items():
            self._pool.give_back(int(one[f"{name}_at"]), numbers * int(one[f"{name}_room"]))

    def room(self, one: np.void, name: str, entries: int) -> None:
        """Make room in a region for at least so many entries; what is there stays where it begins."""
        if entries > one[f"{name}_room"]:
            numbers = ENTRIES[name]
            at, size = self._pool.move(int(one[f"{name}_at"]), numbers * int(one[f"{name}_room"]), numbers * entries)
            one[f"{name}_at"], one[f"{name}_room"] = at, size // numbers

    def arrivals(self, one: np.void, requests: Requests) -> None:
        """Put the next arrivals in the place of those that have come."""
        number = len(requests.times_s)
        if 2 * number > one["arrivals_room"]:
            self._pool.give_back(int(one["arrivals_at"]), int(one["arrivals_room"]))
            one["arrivals_at"], one["arrivals_room"] = self._pool.take(2 * number)
        at = int(one["arrivals_at"])
        self.pool[at : at + number] = requests.times_s
        self.pool[at + number : at + 2 * number] = requests.service_s
        one["arrivals_next"], one["arrivals_end"], one["services_off"] = at, at + number, number

    def queue(self, one: np.void, more: Sequence[Come]) -> None:
        """Let requests wait behind those who wait already."""
        self.queue_room(one, int(one["queue"]) + len(more))
        at, mask = int(one["queue_at"]), int(one["queue_room"]) - 1
        for come in more:
            pair = at + 2 * ((int(one["queue_first"]) + int(one["queue"])) & mask)
            self.pool[pair : pair + 2] = come
            if not one["queue"]:
                one["patience_s"] = come.at_s + one["hold_s"]
            one["queue"] += 1

    def queue_room(self, one: np.void, entries: int) -> None:
        """Make room for so many that wait."""
        if entries > one["queue_room"]:
            waiting = self.queued(one)
            self.room(one, "queue", entries)
            at = int(one["queue_at"])
            self.pool[at : at + 2 * len(waiting)] = waiting.ravel()
            one["queue_first"] = 0

    def queued(self, one: np.void) -> Floats:
        """Give those who wait in the order in which they came: `(queue, 2) float64`, arrived and service seconds."""
        places = (int(one["queue_first"]) + np.arange(one["queue"])) & (int(one["queue_room"]) - 1)
        waiting: Floats = self._pairs(one, "queue")[places]
        return waiting

    def begin(self, one: np.void, ready_s: Floats) -> None:
        """Let replicas start that are ready at these times; of two that are at once the one that began first is first."""
        begun = int(one["starts"])
        more = np.column_stack([ready_s, np.arange(begun, begun + len(ready_s))])
        there = self._pairs(one, "starting")[int(one["starting_first"]) :][: int(one["starting"])]
        both = np.concatenate([there, more])
        both = both[np.lexsort((both[:, 1], both[:, 0]))]
        self.room(one, "starting", len(both))
        self._pairs(one, "starting")[: len(both)] = both
        one["starting_first"], one["starting"] = 0, len(both)
        one["starts"] += len(ready_s)

    def drain(self, one: np.void, now_s: float) -> None:
        """Let those who are served beyond the places that are left be served by replicas that drain.

        What grace does not cover will be cut. Who they are must have nothing to do with how long they still take, or
        scale-downs would take longer, or shorter, than they do: it goes by digits of the end that mean nothing.
        """
        places, last_s = int(one["ready"]) * int(one["limit"]), now_s + float(one["grace_s"])
        ends_s = self._numbers(one, "busy")
        if len(ends_s) <= places:
            return
        order = np.argsort((ends_s * SCATTER) % 1.0, kind="stable")
        stay_s, leave_s = np.sort(ends_s[order[:places]]), ends_s[order[places:]]
        draining_s = np.sort(np.concatenate([self._numbers(one, "draining"), leave_s[leave_s <= last_s]]))
        self._put(one, "busy", stay_s)  # what is sorted is a heap
        self._put(one, "draining", draining_s)
        if number := int(np.count_nonzero(leave_s > last_s)):
            one["sojourn_s"] -= np.sum(leave_s[leave_s > last_s] - last_s)
            cuts = self._pairs(one, "cuts")[int(one["cuts_first"]) :][: int(one["cuts"])]
            cuts = np.concatenate([cuts, [[last_s, number]]])
            self.room(one, "cuts", len(cuts))
            self._pairs(one, "cuts")[: len(cuts)] = cuts
            one["cuts_first"], one["cuts"] = 0, len(cuts)
            one["cut"] += number

    def remaining_s(self, one: np.void, now_s: float) -> float:
        """Give for how long those who are served now will be, together; those who are cut until they are."""
        busy, draining = self._numbers(one, "busy"), self._numbers(one, "draining")
        cuts = self._pairs(one, "cuts")[int(one["cuts_first"]) :][: int(one["cuts"])]
        return float(np.sum(busy - now_s) + np.sum(draining - now_s) + np.sum((cuts[:, 0] - now_s) * cuts[:, 1]))

    def waits_room(self, one: np.void) -> None:
        """Make room for one more wait: twice as much, or bins for any number."""
        if one["waits"] < EXACT:
            self.room(one, "waits", int(one["waits"]) + 1)
            return
        at, room = self._pool.take(BINS)
        self.pool[at : at + room] = 0.0
        self.pool[at : at + BINS] = bins_of(self._numbers(one, "waits"))
        self._pool.give_back(int(one["waits_at"]), int(one["waits_room"]))
        one["waits_at"], one["waits_room"], one["waits"], one["waits_binned"] = at, room, 0, 1

    def waits(self, one: np.void, still_s: Floats) -> Waits:
        """Give all waits.

        Args:
            still_s: what those have waited so far who still wait.
        """
        if not one["waits_binned"]:
            return waits_of(np.concatenate([self._numbers(one, "waits"), still_s]))
        at = int(one["waits_at"])
        values_s, counts = of_bins(self.pool[at : at + BINS])
        return Waits(
            np.concatenate([values_s, still_s]),
            np.concatenate([counts, np.ones(len(still_s), dtype=np.int64)]),
            total_s=float(one["waited_s"]) + float(np.sum(still_s)),
            longest_s=max(float(one["longest_s"]), float(np.max(still_s, initial=0.0))),
        )

    def _numbers(self, one: np.void, name: str) -> Floats:
        """Give what is in a region of numbers."""
        return self.pool[int(one[f"{name}_at"]) :][: int(one[name])].copy()

    def _put(self, one: np.void, name: str, numbers: Floats) -> None:
        """Put other numbers in a region."""
        self.room(one, name, len(numbers))
        at = int(one[f"{name}_at"])
        self.pool[at : at + len(numbers)] = numbers
        one[name] = len(numbers)

    def _pairs(self, one: np.void, name: str) -> Floats:
        """Give a region of pairs as `(room, 2)`, in place."""
        at, room = int(one[f"{name}_at"]), int(one[f"{name}_room"])
        return self.pool[at : at + 2 * room].reshape(room, 2)
