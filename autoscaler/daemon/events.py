"""Events on their way to the controller: coalesced, bounded, and handed over in one batch per step."""

import asyncio
from collections import Counter
from collections.abc import Collection, Hashable, Sequence

from autoscaler.core.events import BoostFiring, BoostResolved, Event, Wake
from autoscaler.core.fleet import FunctionKey

MOST_BOOST_EVENTS = 20_000
MOST_PAIRS = 100_000
"""Boosts of one sender that wait for a step, and pairs of boost and function beyond which no more are taken. By sender,
so that one tenant's alerts never crowd out another's, nor make everybody wait for their step."""
MOST_HEARD = 100_000
"""Boosts of which it is remembered that they were heard of while alerts were read back."""
MOST_ATTEMPTS = 2


class EventQueue:
    """Events are levels, so of two that say something of the same thing the newer one is enough.

    Attributes:
        has_urgent: set while an event waits that shall not wait for the next tick.
        refused: events dropped: boosts because too many waited, and what two steps failed over.
    """

    def __init__(self) -> None:
        self.has_urgent = asyncio.Event()
        self.refused = 0
        self._wakes: dict[FunctionKey, Wake] = {}
        self._boosts: dict[str, BoostFiring | BoostResolved] = {}
        self._waiting: Counter[Hashable] = Counter()
        self._pairs: Counter[Hashable] = Counter()
        self._readings: list[set[str]] = []
        self._attempts: dict[FunctionKey | str, int] = {}

    def put(self, events: Sequence[Event], sender: Hashable = None) -> None:
        """Queue events that shall become a step at once.

        Args:
            sender: whose alerts they come from; None: everybody's, so that each namespace is bounded by itself.
        """
        for event in events:
            if not isinstance(event, Wake):
                for heard in self._readings:
                    if len(heard) < MOST_HEARD:
                        heard.add(event.id)
            self._put(event, sender)
        if events:
            self.has_urgent.set()

    def begin_reading(self) -> set[str]:
        """Begin to note the boosts that are heard of, until `put_read` is given the same set.

        What is read back may be put long after it was read; what a webhook said meanwhile is newer.
        """
        heard = set[str]()
        self._readings.append(heard)
        return heard

    def put_read(self, events: Sequence[BoostFiring | BoostResolved], heard: set[str]) -> None:
        """Queue what was read back, but for what was heard of since the reading began."""
        self._readings = [one for one in self._readings if one is not heard]
        self.put([event for event in events if event.id not in heard])

    def touch(self, key: FunctionKey) -> None:
        """Note that somebody wants a function that runs already: activity for the next tick, no step of its own."""
        self._wakes.setdefault(key, Wake(key, 0))

    def awaited(self) -> Collection[FunctionKey]:
        """Give the functions of which a wake waits for the next step."""
        return self._wakes.keys()

    def take(self) -> list[Event]:
        """Hand over everything that waits."""
        events: list[Event] = [*self._wakes.values(), *self._boosts.values()]
        self._wakes.clear()
        self._boosts.clear()
        self._waiting.clear()
        self._pairs.clear()
        self.has_urgent.clear()
        return events

    def done(self, events: Sequence[Event]) -> None:
        """Note that a step took these events."""
        for event in events:
            self._attempts.pop(_subject(event), None)

    def give_back(self, events: Sequence[Event]) -> None:
        """Queue the events of a step that failed once more; those that failed before are dropped."""
        for event in events:
            subject = _subject(event)
            attempts = self._attempts.get(subject, 0) + 1
            is_newer = subject in self._wakes or subject in self._boosts
            if attempts < MOST_ATTEMPTS and not is_newer:
                self._attempts[subject] = attempts
                self._put(event, None)
            else:
                self._attempts.pop(subject, None)
                self.refused += not is_newer

    def _put(self, event: Event, sender: Hashable) -> None:
        if isinstance(event, Wake):
            self._wakes[event.key] = event
        elif event.id in self._boosts:
            self._boosts[event.id] = event
        elif self._have_place(event, whose := _whose(event) if sender is None else sender):
            self._boosts[event.id] = event
            self._waiting[whose] += 1
            self._pairs[whose] += len(event.keys) if isinstance(event, BoostFiring) else 0
        else:
            self.refused += 1

    def _have_place(self, event: BoostFiring | BoostResolved, whose: Hashable) -> bool:
        is_spent = isinstance(event, BoostFiring) and self._pairs[whose] >= MOST_PAIRS
        return self._waiting[whose] < MOST_BOOST_EVENTS and not is_spent


def _whose(event: BoostFiring | BoostResolved) -> Hashable:
    """Tell whom a boost counts for that nobody has sent: the namespace that it is about, if it says so."""
    return (event.keys[0].namespace, event.effect) if isinstance(event, BoostFiring) and event.keys else None


def _subject(event: Event) -> FunctionKey | str:
    return event.key if isinstance(event, Wake) else event.id
