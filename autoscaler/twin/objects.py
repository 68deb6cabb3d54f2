"""Objects of one kind as the API server keeps them: resource versions, pages, and a bounded log of what changed."""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, Self, TypeVar

import orjson

from autoscaler.core.fleet import FunctionKey


class ApiObject(Protocol):
    """One object of the API; `key` is its namespace and name."""

    @property
    def key(self) -> FunctionKey: ...

    def manifest(self) -> dict[str, Any]:
        """Give the object as the API server sends it."""
        ...

    def versioned(self, version: int) -> Self:
        """Give the object with another resource version."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """One watch event: `kind` is ADDED, MODIFIED or DELETED; `line` its JSON with the newline."""

    version: int
    kind: str
    key: FunctionKey
    line: bytes


class TooOldError(Exception):
    """The changes asked for are no longer kept; the caller must list again."""


One = TypeVar("One", bound=ApiObject)


@dataclass(slots=True)
class Objects(Generic[One]):
    """All objects of a kind, with the changes that watchers have not read yet.

    Attributes:
        kept_changes: how many changes a watcher may be behind before it is told to list again.
    """

    kept_changes: int = 5_000
    version: int = 1
    oldest: int = 1
    _objects: dict[FunctionKey, One] = field(default_factory=dict)
    _order: list[FunctionKey] = field(default_factory=list)
    _changes: deque[Change] = field(default_factory=deque)
    _listeners: list[Callable[[str, One], None]] = field(default_factory=list)

    def __iter__(self) -> Iterator[One]:
        return iter([self._objects[key] for key in self._order])

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, key: FunctionKey) -> One | None:
        return self._objects.get(key)

    def subscribe(self, listener: Callable[[str, One], None]) -> None:
        """Call `listener(kind, object)` after every change."""
        self._listeners.append(listener)

    def unsubscribe(self, listener: Callable[[str, One], None]) -> None:
        self._listeners.remove(listener)

    def delete(self, key: FunctionKey) -> One | None:
        """Remove an object; None if there is none."""
        found = self._objects.get(key)
        if found is None:
            return None
        self._order.remove(key)
        return self._record("DELETED", found)

    def page(self, namespace: str | None, after: FunctionKey | None, limit: int | None) -> tuple[list[One], int]:
        """Give up to `limit` objects behind `after`, in order of their keys, and how many remain behind them."""
        start = 0 if after is None else bisect_right(self._order, after)
        keys = [key for key in self._order[start:] if namespace in (None, key.namespace)]
        taken = keys if limit is None else keys[:limit]
        return [self._objects[key] for key in taken], len(keys) - len(taken)

    def changes_since(self, version: int, namespace: str | None) -> list[Change]:
        """Give the changes after a version.

        Raises:
            TooOldError: some of them are no longer kept.
        """
        if version < self.oldest:
            raise TooOldError(f"too old resource version: {version} ({self.oldest})")
        fresh: list[Change] = []
        for change in reversed(self._changes):
            if change.version <= version:
                break
            if namespace in (None, change.key.namespace):
                fresh.append(change)
        return fresh[::-1]

    def compact(self) -> None:
        """Forget all changes, as the API server does in time: whoever resumes from an earlier version must list again."""
        self._changes.clear()
        self.version += 1
        self.oldest = self.version

    def _add(self, made: One) -> One:
        self._order.insert(bisect_right(self._order, made.key), made.key)
        return self._record("ADDED", made)

    def _record(self, kind: str, changed: One) -> One:
        self.version += 1
        changed = changed.versioned(self.version)
        if kind == "DELETED":
            del self._objects[changed.key]
        else:
            self._objects[changed.key] = changed
        line = orjson.dumps({"type": kind, "object": changed.manifest()}) + b"\n"
        self._changes.append(Change(self.version, kind, changed.key, line))
        while len(self._changes) > self.kept_changes:
            self.oldest = self._changes.popleft().version
        for listener in list(self._listeners):
            listener(kind, changed)
        return changed
