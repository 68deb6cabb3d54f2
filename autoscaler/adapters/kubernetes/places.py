"""Which watches there are: one for each kind, or one for each kind and namespace of the tenants."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import structlog

from autoscaler.adapters.kubernetes.followed import Followed
from autoscaler.adapters.kubernetes.growth import GROWTH
from autoscaler.adapters.kubernetes.watching import Watch
from autoscaler.ports import WatchState

MOST_NAMESPACES = 500
"""Namespaces watched one by one: each needs a connection for every kind."""

_BEGIN_AT_ONCE = 8
_OBJECTS_OF_A_WATCH = 100

_log = structlog.get_logger("autoscaler.kubernetes")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object that is watched beside Deployments.

    Attributes:
        followed: what it is, and where it is kept.
        most_s: longest wait between two tries, seconds.
        lacking: what follows where it cannot be read, in words.
    """

    followed: Followed
    most_s: float
    lacking: str


@dataclass(slots=True)
class _Place:
    """The watches of one namespace, or of the whole cluster."""

    deployments: Watch
    before: Sequence[Watch]
    after: Sequence[Watch]
    task: asyncio.Task[None] | None = None

    @property
    def watches(self) -> Sequence[Watch]:
        return [self.deployments, *self.before, *self.after]


class Places:
    """Keeps the watches of every place.

    In each place HorizontalPodAutoscalers and ScalingPolicies are listed before Deployments, so that none is written
    before its rival, or decided on before what holds for it, is known; and everything else after all Deployments of all places, since it only explains.

    Args:
        make: makes the watch of what is followed in a namespace (None: everywhere); the last argument is the longest
            wait between two tries, seconds.
        deployments: what nothing is decided without.
        before: kinds listed before Deployments.
        after: kinds listed after all of them.
        refused_s: after so long of refusals a place counts as one that cannot be read.
        ready: asked, with the watches before Deployments, before the Deployments of a place are listed; None: at once.
    """

    def __init__(
        self,
        make: Callable[[Followed, str | None, float], Watch],
        deployments: Kind,
        before: Sequence[Kind],
        after: Sequence[Kind],
        refused_s: float,
        ready: Callable[[Sequence[Watch]], Awaitable[None]] | None = None,
    ) -> None:
        self._make = make
        self._ready = ready
        self._deployments = deployments
        self._before = before
        self._after = after
        self._refused_s = refused_s
        self._places: dict[str | None, _Place] = {}
        self._told = asyncio.Event()
        self._was_synced = False
        self._tasks: asyncio.TaskGroup | None = None
        self._too_many: str | None = None
        self._answered = asyncio.Event()
        self._beginning = asyncio.Semaphore(_BEGIN_AT_ONCE)

    async def run(self) -> None:
        """Keep every watch until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                for place in self._places.values():
                    place.task = self._tasks.create_task(self._keep(place))
                await self._begin()
                await asyncio.Event().wait()
        finally:
            self._tasks = None

    async def _begin(self) -> None:
        """Wait until every kind of every place was listed once; what that brings stays, so no garbage is looked for."""
        GROWTH.begin()
        try:
            await self._told.wait()
            for place in list(self._places.values()):
                await place.deployments.liveness.answered()
            self._answered.set()
            for place in list(self._places.values()):
                for watch in place.after:
                    await watch.liveness.answered()
        finally:
            GROWTH.end(_OBJECTS_OF_A_WATCH * len(self.states()))

    def everywhere(self) -> None:
        """Watch the whole cluster."""
        self._follow([None])

    def follow(self, namespaces: Iterable[str]) -> None:
        """Watch these namespaces and no others; of those that are too many the first ones by name."""
        ordered = sorted(set(namespaces))
        left = ordered[MOST_NAMESPACES:]
        self._too_many = None
        if left:
            self._too_many = (
                f"{left[0]} and {len(left) - 1} namespaces after it are not decided on: tenants have {len(ordered)}, and "
                f"with kubernetes.scope namespaces {MOST_NAMESPACES} are allowed; scope cluster has no such limit"
            )
            _log.warning("too many namespaces", namespaces=len(ordered), most=MOST_NAMESPACES)
        self._follow(ordered[:MOST_NAMESPACES])

    def is_synced(self) -> bool:
        """Tell whether everything that can be read was read once; a place that comes later changes nothing about it."""
        if not self._was_synced and self._told.is_set():
            self._was_synced = all(
                place.deployments.liveness.is_synced or self._is_unreadable(name, place)
                for name, place in self._places.items()
            )
        return self._was_synced

    def age_s(self) -> float:
        """Give the seconds since the most silent watch of Deployments was heard, of those that hold any."""
        read = [place for name, place in self._places.items() if not self._is_unreadable(name, place)]
        held = [place for place in read if place.deployments.liveness.is_synced]
        if read and not held:
            return max(place.deployments.liveness.age_s() for place in read)
        return max((place.deployments.liveness.age_s() for place in held), default=0.0)

    def is_believed(self, kind: str, namespace: str) -> bool:
        """Tell whether a kind was read in a namespace, and is followed at this moment."""
        place = self._places.get(namespace) or self._places.get(None)
        if place is None:
            return False
        found = [watch.liveness for watch in place.watches if watch.kind == kind]
        return bool(found) and all(one.is_synced and one.problem is None for one in found)

    def problems(self) -> list[str]:
        """Say which watches cannot be kept: each of Deployments, and of every other kind the first one."""
        places = list(self._places.values())
        problems = [self._too_many] if self._too_many else []
        problems += [
            said(place.deployments.liveness.problem, self._deployments.lacking)
            for place in places
            if place.deployments.liveness.problem
        ]
        for kind in (*self._before, *self._after):
            of_kind = [
                watch.liveness.problem
                for place in places
                for watch in place.watches
                if watch.kind == kind.followed.name and watch.liveness.problem
            ]
            more = f" (and in {len(of_kind) - 1} other namespaces)" if len(of_kind) > 1 else ""
            problems += [said(f"{problem}{more}", kind.lacking) for problem in of_kind[:1]]
        return problems

    def states(self) -> list[WatchState]:
        """Say how every watch fares, those of Deployments first."""
        places = list(self._places.values())
        return [place.deployments.state(is_needed=True) for place in places] + [
            watch.state(is_needed=False) for place in places for watch in (*place.before, *place.after)
        ]

    def _is_unreadable(self, name: str | None, place: _Place) -> bool:
        """Tell whether a namespace is forbidden; the whole cluster never counts as that: then there is nothing left."""
        refused_s = place.deployments.liveness.refused_s()
        return name is not None and refused_s is not None and refused_s >= self._refused_s

    def _follow(self, names: Sequence[str | None]) -> None:
        self._told.set()
        wanted = set(names)
        for name in [name for name in self._places if name not in wanted]:
            self._end(self._places.pop(name))
        for name in names:
            if name not in self._places:
                place = self._places[name] = self._place(name)
                if self._tasks is not None:
                    place.task = self._tasks.create_task(self._keep(place))

    def _place(self, name: str | None) -> _Place:
        def all_of(kinds: Sequence[Kind]) -> list[Watch]:
            return [self._make(kind.followed, name, kind.most_s) for kind in kinds]

        return _Place(all_of([self._deployments])[0], all_of(self._before), all_of(self._after))

    def _end(self, place: _Place) -> None:
        """End a place's watches and forget what they told."""
        if place.task is not None:
            place.task.cancel()
        for watch in place.watches:
            watch.liveness.ended()
            watch.withdraw()

    async def _keep(self, place: _Place) -> None:
        async with asyncio.TaskGroup() as tasks:
            for watch in place.before:
                tasks.create_task(watch.run())
            for watch in place.before:
                await watch.liveness.answered()
            if self._ready is not None:
                await self._ready(place.before)
            tasks.create_task(place.deployments.run())
            await place.deployments.liveness.answered()
            await self._answered.wait()
            async with self._beginning:
                for watch in place.after:
                    tasks.create_task(watch.run())
                for watch in place.after:
                    await watch.liveness.answered()


def said(problem: str, lacking: str) -> str:
    """Say a problem, and what follows from it."""
    return f"{problem}; {lacking}" if lacking else problem
