"""Functions whose writes back off, until their time has come."""

import heapq
import itertools
from collections.abc import Callable, Iterator

from autoscaler.core.fleet import FunctionKey


class Parked:
    """Who backs off: a function at most once, until the time at which it was first put here."""

    def __init__(self) -> None:
        self._uids: dict[FunctionKey, str] = {}
        self._due: list[tuple[float, int, FunctionKey]] = []
        self._order = itertools.count()

    def __contains__(self, key: object) -> bool:
        return key in self._uids

    def __len__(self) -> int:
        return len(self._uids)

    def park(self, key: FunctionKey, uid: str, until_s: float) -> None:
        """Put a function here; one that is here as the same object stays until its former time."""
        if self._uids.get(key) != uid:
            self._uids[key] = uid
            heapq.heappush(self._due, (until_s, next(self._order), key))

    def due(self, now_s: float, most: int) -> Iterator[FunctionKey]:
        """Let those go whose time has come, as many as `most` of them; the others are due at once."""
        for _ in range(most):
            if not self._due or self._due[0][0] > now_s:
                return
            _, _, key = heapq.heappop(self._due)
            if self._uids.pop(key, None) is not None:
                yield key

    def free(self, is_free: Callable[[FunctionKey, str], bool]) -> list[FunctionKey]:
        """Let those go, before their time, of whom this is so, given key and uid."""
        freed = [key for key, uid in self._uids.items() if is_free(key, uid)]
        for key in freed:
            del self._uids[key]
        return freed

    def wait_s(self, now_s: float) -> float | None:
        """Seconds until somebody is due; None: nobody is here."""
        return max(0.0, self._due[0][0] - now_s) if self._due else None
