"""Events on their way to the controller: coalesced, bounded, and handed over in one batch per step."""

import asyncio
from collections import Counter
from collections.abc import Collection, Hashable, Sequence

from autoscaler.core.events import BoostFiring, BoostResolved, Event, Wake
from autoscaler.core.fleet import FunctionKey

MOST_BOOST_EVENTS = 20_000
"""Boosts of one sender that wait for a step. By sender, so that one tenant's alerts never crowd out another's."""
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
        self._attempts: dict[FunctionKey | str, int] = {}

    def put(self, events: Sequence[Event], sender: Hashable = None) -> None:
        """Queue events that shall become a step at once.

        Args:
            sender: whose alerts they come from; None: nobody's who is bounded by himself.
        """
        for event in events:
            self._put(event, sender)
        if events:
            self.has_urgent.set()

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
        elif self._waiting[sender] < MOST_BOOST_EVENTS:
            self._boosts[event.id] = event
            self._waiting[sender] += 1
        else:
            self.refused += 1


def _subject(event: Event) -> FunctionKey | str:
    return event.key if isinstance(event, Wake) else event.id
