"""Whose turn it is: tenants one after the other, and within a tenant who came first."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Line(Generic[Key]):
    """Functions, or whatever else a tenant has, that wait for a write of one kind.

    Who has left is not sought in it, which would cost as much as the line is long: whoever takes the next one says
    who still waits, and the others are passed over.
    """

    def __init__(self) -> None:
        self._queues: dict[str, deque[Key]] = {}
        self._turns: deque[str] = deque()
        self._since: dict[Key, float] = {}

    def __len__(self) -> int:
        """Give the functions in line, those that left unseen included."""
        return len(self._since)

    def join(self, tenant: str, keys: Iterable[Key], now_s: float) -> None:
        """Put functions of a tenant at its end; one that is in line keeps its place."""
        fresh = [key for key in keys if key not in self._since]
        if not fresh:
            return
        self._since.update(dict.fromkeys(fresh, now_s))
        if tenant in self._queues:
            self._queues[tenant].extend(fresh)
        else:
            self._queues[tenant] = deque(fresh)
            self._turns.append(tenant)

    def pop(self, is_live: Callable[[Key], bool]) -> Key | None:
        """Take the first of the tenant whose turn it is; None: nobody waits any more.

        Those who left take no turn from their tenant.
        """
        while self._turns:
            tenant = self._turns.popleft()
            key = self._first(self._queues[tenant], is_live)
            if self._queues[tenant]:
                self._turns.append(tenant)
            else:
                del self._queues[tenant]
            if key is not None:
                return key
        return None

    def next_since_s(self) -> float | None:
        """Monotonic seconds since when the one whose turn it is has waited; None: nobody waits."""
        return self._since[self._queues[self._turns[0]][0]] if self._turns else None

    def oldest_since_s(self, is_live: Callable[[Key], bool]) -> float | None:
        """Monotonic seconds since when the longest in line has waited; None: nobody waits. O(tenants in line)."""
        oldest = [self._since[key] for queue in self._queues.values() if (key := self._head(queue, is_live))]
        return min(oldest, default=None)

    def keep(self, is_live: Callable[[Key], bool]) -> None:
        """Let those go that left; the others keep their places."""
        queues = {tenant: deque(filter(is_live, queue)) for tenant, queue in self._queues.items()}
        self._queues = {tenant: queue for tenant, queue in queues.items() if queue}
        self._turns = deque(tenant for tenant in self._turns if tenant in self._queues)
        self._since = {key: self._since[key] for queue in self._queues.values() for key in queue}

    def clear(self) -> None:
        """Let everybody go."""
        self._queues.clear()
        self._turns.clear()
        self._since.clear()

    def _first(self, queue: deque[Key], is_live: Callable[[Key], bool]) -> Key | None:
        while queue:
            key = queue.popleft()
            del self._since[key]
            if is_live(key):
                return key
        return None

    @staticmethod
    def _head(queue: deque[Key], is_live: Callable[[Key], bool]) -> Key | None:
        """Give the first who still waits, without taking it."""
        return next(filter(is_live, queue), None)
