"""One run of a seed, from second 0 to the judgement at the end."""

import asyncio
import contextlib
import gc
import shlex
import time
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import structlog

from autoscaler.core.explain import sentences
from autoscaler.core.wake_state import WakeState
from tests.deterministic.defects import SOUND, Defect
from tests.deterministic.ending import judge_end
from tests.deterministic.eventloop import NothingWillHappen, TimeStandsStill, VirtualLoop
from tests.deterministic.faults import ALL, OF_BUDGETS, OF_WAKES
from tests.deterministic.faults.fault import Planned, happen, plan, timed
from tests.deterministic.observer import Violation
from tests.deterministic.site import draw
from tests.deterministic.world import World

COMMAND = "python -m tests.deterministic --seed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to.

    Attributes:
        seed: it repeats the run to the byte.
        faults: what was drawn.
        violations: rules that were broken, in order.
        digest: of every decision and every write.
        writes: writes that took effect.
        virtual_s: seconds of virtual time.
        cpu_s: seconds of one core that it took.
        trace: what happened, where it was asked for.
        account: last decisions on the function of the first violation, in words.
        answers: how requests for functions ended, by state.
        only: the faults that were asked for; empty: they were drawn.
    """

    seed: int
    faults: Sequence[str]
    violations: Sequence[Violation]
    digest: str
    writes: int
    virtual_s: float
    cpu_s: float
    trace: Sequence[str]
    account: Sequence[str]
    answers: Mapping[WakeState, int] = field(default_factory=dict)
    only: Collection[str] = ()

    def __str__(self) -> str:
        """Say what a person needs who looks into a failing seed."""
        return "\n".join(
            [
                f"seed {self.seed}: replay it with: {COMMAND} {self.seed} --trace"
                + "".join(f" --only {shlex.quote(name)}" for name in self.only),
                "faults:",
                *(f"  {fault}" for fault in self.faults),
                "broken:",
                *(f"  {violation}" for violation in self.violations[:10]),
                *(["decisions:"] if self.account else []),
                *(f"  {line}" for line in self.account),
            ]
        )


def run(seed: int, *, is_traced: bool = False, defect: Defect = SOUND, only: Collection[str] = ()) -> Outcome:
    """Run a seed.

    Args:
        is_traced: tell what happened.
        defect: what is wrong with the daemons.
        only: faults of these names, each once, and no others; empty: what is drawn.
    """
    began_s = time.process_time()
    rng = np.random.default_rng(seed)
    drawing, planning, living = rng.spawn(3)
    site = draw(drawing)
    if only:
        faults = timed([one for one in (*ALL, *OF_WAKES) if one.name in only], planning, site.calm_s)
    else:
        faults = plan(ALL, OF_BUDGETS if site.pool.has_limit else (), OF_WAKES, planning, site.calm_s)
    lines: list[str] = []
    with _looped() as loop, _quiet(lines, loop if is_traced else None), defect.inside():
        world = World(loop, site, living, _tracer(lines, loop, is_traced), defect)
        try:
            loop.run_until_complete(_live(world, faults, planning))
        except (NothingWillHappen, TimeStandsStill) as error:
            world.observer.say("stands-still", None, str(error))
        finally:
            account = _account(world)
            _end(loop)
    observer = world.observer
    return Outcome(
        seed=seed,
        faults=[str(planned) for planned in faults],
        violations=observer.violations,
        digest=observer.digest.hexdigest(),
        writes=len(observer.writes),
        virtual_s=site.end_s,
        cpu_s=time.process_time() - began_s,
        trace=lines,
        account=account,
        answers=world.requests.answers,
        only=only,
    )


async def _live(world: World, faults: Sequence[Planned], rng: np.random.Generator) -> None:
    world.begin()
    for planned, generator in zip(faults, rng.spawn(len(faults)), strict=True):
        world.spawn(happen(planned, world, generator))
    await asyncio.sleep(world.site.end_s)
    judge_end(world)


def _account(world: World) -> list[str]:
    """Give the last decisions of the function concerned, as `explain` tells them."""
    violations, running = world.observer.violations, world.leading().running
    if not violations or violations[0].key is None or running is None:
        return []
    records = running.daemon.history(violations[0].key)
    at_s = running.process.at_s
    return [f"{at_s(record.at.monotonic_s):9.3f} s " + " ".join(sentences(record)) for record in records]


@contextlib.contextmanager
def _looped() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    gc.disable()  # what a collection ends, it would end at another moment in every run
    try:
        yield loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()
        gc.enable()


def _end(loop: VirtualLoop) -> None:
    """Cancel whatever still waits: the world ends here."""
    for _ in range(10):
        tasks = asyncio.all_tasks(loop)
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


def _tracer(lines: list[str], loop: VirtualLoop, is_traced: bool) -> Callable[[str], None]:
    return (lambda words: lines.append(f"{loop.now_s:9.3f} s {words}")) if is_traced else (lambda words: None)


@contextlib.contextmanager
def _quiet(lines: list[str], loop: VirtualLoop | None) -> Iterator[None]:
    """Let logs go to the trace, or nowhere."""

    def keep(_logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if loop is not None:
            words = " ".join(f"{key}={value}" for key, value in event.items() if key != "event")
            lines.append(f"{loop.now_s:9.3f} s log {name}: {event['event']} {words}")
        raise structlog.DropEvent

    before = structlog.get_config()
    processors: list[Any] = [structlog.processors.format_exc_info, keep]
    wrapper = structlog.make_filtering_bound_logger(50 if loop is None else 10)
    structlog.configure(processors=processors, wrapper_class=wrapper, cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)
