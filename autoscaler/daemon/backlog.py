"""The wishes that are not yet written: the newest of each function, in lines by urgency."""

from collections import deque
from collections.abc import Callable, Container

from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.fairness import Line
from autoscaler.daemon.wishes import SHARE, Share, Urgency, Wish, Wishes, urgency_of

STALE = 1_000
"""Functions that left a line unseen, beyond as many as still wait, after which it is gone through as a whole."""


class Backlog:
    """What is wanted and not yet sent.

    A tick's wishes replace all others at once; their functions join the lines a share at a time, so that a tick that
    wishes for the whole fleet stops nothing else. Being in line is only a place: what is written is what is wanted
    when the turn comes, and who wants nothing any more, or something of another urgency, is passed over.
    """

    def __init__(self) -> None:
        self._lines = tuple(Line[FunctionKey]() for _ in Urgency)
        self._ticks = Wishes()
        self._places: dict[FunctionKey, int] = {}
        self._own: dict[FunctionKey, Wish] = {}
        self._joining: deque[Share] = deque()
        self._joining_s = 0.0
        self._counts = [0, 0, 0]

    def __len__(self) -> int:
        return sum(self._counts)

    def __contains__(self, key: FunctionKey) -> bool:
        return key in self._own or key in self._places

    def count(self, urgency: Urgency) -> int:
        """Give the wishes of an urgency."""
        return self._counts[urgency]

    def renew(self, wishes: Wishes, now_s: float) -> None:
        """Take a tick's wishes for all there are; who waits already keeps its place."""
        self._ticks, self._places = wishes, dict(wishes.places)
        self._own.clear()
        self._joining = deque(wishes.shares)
        self._joining_s = now_s
        self._counts = _counts(wishes)
        for urgency, line in zip(Urgency, self._lines, strict=True):
            if self._counts[urgency] == 0:
                line.clear()
            elif len(line) > 2 * self._counts[urgency] + STALE:
                line.keep(self._places.__contains__)

    def put(self, wish: Wish, now_s: float, *, is_sure: bool = True) -> None:
        """Want this of a function from now on, in place of whatever was wanted; what changes nothing is not wanted.

        Args:
            is_sure: the count that it starts from is known to be there; else it is written even if it changes nothing,
                since the answer says what is there.
        """
        change = wish.change
        self.drop(change.key)
        if change.old == change.new and is_sure:
            return
        self._own[change.key] = wish
        self._counts[wish.urgency] += 1
        self._lines[wish.urgency].join(wish.tenant, (change.key,), now_s)

    def join(self, key: FunctionKey, now_s: float) -> None:
        """Put a function in line if anything is wanted of it."""
        wish = self.find(key)
        if wish is not None:
            self._lines[wish.urgency].join(wish.tenant, (key,), now_s)

    def find(self, key: FunctionKey) -> Wish | None:
        """Give what is wanted of a function; None: nothing."""
        own = self._own.get(key)
        if own is not None:
            return own
        place = self._places.get(key)
        return None if place is None else self._ticks.at(place)

    def drop(self, key: FunctionKey) -> None:
        """Want nothing of a function any more."""
        urgency = self._urgency(key)
        if urgency is not None:
            self._counts[urgency] -= 1
            self._own.pop(key, None)
            self._places.pop(key, None)

    def clear(self) -> None:
        """Want nothing at all."""
        self.renew(Wishes(), self._joining_s)

    def admit(self, apart: Container[FunctionKey] = ()) -> bool:
        """Let some of the last tick's wishes join their lines, as many as a share has; tell whether more are to come.

        Args:
            apart: functions that wait elsewhere, and join later.
        """
        joined = 0
        while self._joining and joined < SHARE:
            urgency, tenant, keys = self._joining.popleft()
            joined += len(keys)
            if apart:
                keys = [key for key in keys if key not in apart]
            self._lines[urgency].join(tenant, keys, self._joining_s)
        return bool(self._joining)

    def has_line(self, urgency: Urgency) -> bool:
        """Tell whether somebody may be in line, and all of a tick are who belong there or before."""
        is_whole = not self._joining or urgency < self._joining[0].urgency
        return is_whole and len(self._lines[urgency]) > 0

    def next(self, urgency: Urgency) -> Wish | None:
        """Take the next function out of line and give what is wanted of it; it stays wanted until it is dropped."""
        key = self._lines[urgency].pop(self._is_live(urgency))
        return None if key is None else self.find(key)

    def next_waited_s(self, urgency: Urgency, now_s: float) -> float:
        """Seconds that the one whose turn it is has waited in line; 0 if nobody does."""
        since_s = self._lines[urgency].next_since_s()
        return 0.0 if since_s is None else now_s - since_s

    def longest_waited_s(self, urgency: Urgency, now_s: float) -> float:
        """Seconds that the first in line has waited; 0 if nobody does."""
        since_s = self._lines[urgency].oldest_since_s(self._is_live(urgency))
        return 0.0 if since_s is None else now_s - since_s

    def _urgency(self, key: FunctionKey) -> Urgency | None:
        own = self._own.get(key)
        if own is not None:
            return own.urgency
        place = self._places.get(key)
        return None if place is None else urgency_of(self._ticks.olds[place], self._ticks.news[place])

    def _is_live(self, urgency: Urgency) -> Callable[[FunctionKey], bool]:
        return lambda key: self._urgency(key) is urgency


def _counts(wishes: Wishes) -> list[int]:
    counts = [0 for _ in Urgency]
    for share in wishes.shares:
        counts[share.urgency] += len(share.keys)
    if len(wishes) < len(wishes.keys):  # some were taken out of it
        for key, old, new in zip(wishes.keys, wishes.olds, wishes.news, strict=True):
            counts[urgency_of(old, new)] -= key not in wishes.places
    return counts
