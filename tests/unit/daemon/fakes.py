"""Hand-written ports in memory: a cluster, loads, and an executor without threads."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.observation import Load
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.plan import Plan
from autoscaler.ports import (
    Catalog,
    Reached,
    ReplicaChange,
    Replicas,
    ScaleChange,
    ScaleOutcome,
    ScaleResult,
    SourceHealth,
    WatchState,
)


class Inline(Executor):
    """Runs what it is given at once, in the caller's thread, so that a test repeats to the letter."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - an executor hands every error to its caller
            future.set_exception(error)
        return future


@dataclass
class Deployment:
    """One Deployment of the fake cluster."""

    uid: str
    requested: int
    ready: int
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)


class MemoryCluster:
    """Implements `ports.Cluster`; replicas become ready when a test says so, or at once.

    Attributes:
        writes: changes that were done, in order.
        asked: all changes that were asked for, in order.
        answers: outcomes given to the next writes of a function, in place of what would happen.
        endpoints: ready endpoints of the Services of functions that have one.
    """

    def __init__(self, *, ready_at_once: bool = True) -> None:
        self.deployments: dict[FunctionKey, Deployment] = {}
        self.writes: list[ScaleChange] = []
        self.asked: list[ScaleChange] = []
        self.answers: dict[FunctionKey, list[ScaleResult]] = {}
        self.synced = True
        self.silent_s = 0.0
        self.troubles: list[str] = []
        self._ready_at_once = ready_at_once
        self._version = 0
        self._listeners: list[Callable[[FunctionKey, int, int], None]] = []
        self._change_listeners: list[Callable[[ReplicaChange], None]] = []
        self.autoscalers: dict[FunctionKey, str] = {}
        self.endpoints: dict[FunctionKey, int] = {}
        self.dials: dict[FunctionKey, list[Reached]] = {}
        self.dialled: list[FunctionKey] = []

    def add(
        self,
        name: str,
        replicas: int = 1,
        *,
        uid: str = "",
        labels: Mapping[str, str] | None = None,
        **annotations: str,
    ) -> FunctionKey:
        """Add or replace `namespace/name`, a function unless the labels say otherwise."""
        namespace, _, function = name.partition("/")
        key = FunctionKey(namespace, function)
        marks = {"faas_function": function} if labels is None else labels
        named = {f"autoscaler.faas.dev/{mark.replace('_', '-')}": value for mark, value in annotations.items()}
        self.deployments[key] = Deployment(uid or f"uid-{name}", replicas, replicas, marks, named)
        self._version += 1
        self._tell(key)
        return key

    def remove(self, key: FunctionKey) -> None:
        del self.deployments[key]
        self._version += 1
        for listener in self._listeners:
            listener(key, 0, 0)

    def by_hand(self, key: FunctionKey, requested: int, *, quietly: bool = False) -> None:
        """Change replicas as somebody else would; quietly: the watch has not told of it yet."""
        self.deployments[key].requested = requested
        self.deployments[key].ready = requested
        if not quietly:
            self._tell(key)

    def become_ready(self, key: FunctionKey, ready: int) -> None:
        self.deployments[key].ready = ready
        self._tell(key)

    def is_synced(self) -> bool:
        return self.synced

    def age_s(self) -> float:
        return self.silent_s

    def problems(self) -> Sequence[str]:
        return self.troubles

    def catalog(self) -> Catalog:
        found = [Deployed(key, one.uid, one.labels, one.annotations) for key, one in self.deployments.items()]
        return Catalog(self._version, found)

    def replicas(self, fleet: Fleet) -> Replicas:
        there = [self.deployments.get(key) for key in fleet.keys]
        return Replicas(
            np.array([one.requested if one else 0 for one in there], dtype=np.float64),
            np.array([one.ready if one else 0 for one in there], dtype=np.float64),
        )

    def subscribe(self, listener: Callable[[FunctionKey, int, int], None]) -> None:
        self._listeners.append(listener)

    def subscribe_changes(self, listener: Callable[[ReplicaChange], None]) -> None:
        self._change_listeners.append(listener)

    def rivals(self) -> Mapping[FunctionKey, str]:
        return self.autoscalers

    def watches(self) -> Sequence[WatchState]:
        count = len(self.deployments)
        return [
            WatchState("deployments", None, count, self.synced, True, self.silent_s, next(iter(self.troubles), None))
        ]

    def serving(self, key: FunctionKey) -> int | None:
        return self.endpoints.get(key)

    async def dial(self, key: FunctionKey) -> Reached:
        """Answer what `dials` says next of a function, once each; else that there is no Service to try."""
        self.dialled.append(key)
        await asyncio.sleep(0)
        answers = self.dials.get(key)
        return answers.pop(0) if answers else Reached.UNKNOWN

    def become_reachable(self, key: FunctionKey, endpoints: int) -> None:
        """Change the ready endpoints of a function's Service."""
        self.endpoints[key] = endpoints
        self._tell(key)

    def write_as(self, key: FunctionKey, requested: int, manager: str, *, is_deploy: bool = False) -> None:
        """Change replicas as another writer does, whom the watch then names; a deploy brings a new pod template."""
        one = self.deployments[key]
        change = ReplicaChange(
            key,
            one.uid,
            one.requested,
            requested,
            manager,
            is_deploy,
            has_new_template=is_deploy,
            is_openfaas="faas_function" in one.labels,
        )
        one.requested = one.ready = requested
        for listener in self._change_listeners:
            listener(change)
        self._tell(key)

    async def scale(self, change: ScaleChange) -> ScaleResult:
        self.asked.append(change)
        answers = self.answers.get(change.key)
        if answers:
            return answers.pop(0)
        one = self.deployments.get(change.key)
        if one is None:
            return ScaleResult(ScaleOutcome.GONE)
        if one.uid != change.uid or one.requested != change.old:
            return ScaleResult(ScaleOutcome.LOST)
        one.requested = change.new
        one.ready = change.new if self._ready_at_once else min(one.ready, change.new)
        self.writes.append(change)
        self._tell(change.key)
        return ScaleResult(ScaleOutcome.DONE)

    def _tell(self, key: FunctionKey) -> None:
        one = self.deployments[key]
        for listener in self._listeners:
            listener(key, one.requested, one.ready)


class MemoryLoads:
    """Implements `ports.LoadSource`; a function that nobody set is proven idle.

    Attributes:
        concurrency: requests in flight by function; nan: unknown.
        covered: whether every sample is wholly covered.
        broken: an error that reading raises, which the port forbids.
    """

    def __init__(self, range_s: float = 60.0) -> None:
        self.concurrency: dict[FunctionKey, float] = {}
        self.covered = True
        self.broken: Exception | None = None
        self.reads = 0
        self.during: Callable[[], None] = lambda: None
        self._range_s = range_s

    async def read(self, plan: Plan, now: Now) -> Load:
        self.reads += 1
        if self.broken is not None:
            raise self.broken
        self.during()
        values = np.array([self.concurrency.get(key, 0.0) for key in plan.fleet.keys], dtype=np.float64)
        is_covered = np.full(len(values), self.covered) & ~np.isnan(values)
        return Load(
            rps=values.copy(),
            concurrency=values,
            in_flight=np.round(values),
            is_covered=is_covered,
            is_idle=is_covered & (values == 0),
            range_s=np.full(len(values), self._range_s),
        )

    def health(self) -> Sequence[SourceHealth]:
        return [SourceHealth("main", self.broken is None, None, 0.0, len(self.concurrency), 0)]


def outcomes(*names: str, retry_after_s: float | None = None) -> list[ScaleResult]:
    """Give answers of the API server by name."""
    return [ScaleResult(ScaleOutcome(name), retry_after_s) for name in names]


def counts(changes: Iterable[ScaleChange]) -> list[tuple[str, int, int]]:
    """Give changes in short."""
    return [(str(change.key), change.old, change.new) for change in changes]
