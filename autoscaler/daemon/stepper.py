"""Runs the controller: one step at a time, in one thread of its own."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import NamedTuple, overload

from autoscaler.core.boosts import BoostInForce
from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event
from autoscaler.core.journal.step import Step
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from autoscaler.daemon.planner import Planned
from autoscaler.daemon.wishes import Wishes, wishes
from autoscaler.ports import BoostView, DecisionSink, StepSink


class BoostViews(Sequence[BoostView]):
    """Boosts in force, each made to be shown only when it is looked at: there can be 100,000, and most steps show none."""

    def __init__(self, boosts: Sequence[BoostInForce], now_s: float) -> None:
        self._boosts = boosts
        self._now_s = now_s

    def __len__(self) -> int:
        return len(self._boosts)

    @overload
    def __getitem__(self, which: int) -> BoostView: ...
    @overload
    def __getitem__(self, which: slice) -> "BoostViews": ...
    def __getitem__(self, which: int | slice) -> "BoostView | BoostViews":
        if isinstance(which, slice):
            return BoostViews(self._boosts[which], self._now_s)
        boost = self._boosts[which]
        return BoostView(boost.id, boost.effect, boost.keys, boost.floors, max(0.0, boost.ends_s - self._now_s))


class Stepped(NamedTuple):
    """What a step came to.

    Attributes:
        decisions: what was decided.
        wishes: the writes that it asks for, of functions that may be written.
        boosts: boosts in force after it.
        refused_events: events for which the controller had no place, since its start.
        state_bytes: bytes of its state.
    """

    decisions: Decisions
    wishes: Wishes
    boosts: Sequence[BoostView]
    refused_events: int
    state_bytes: int


class Stepper:
    """The only caller of one controller, and of the sinks that take what it decides.

    Attributes:
        turn: held for the length of a step, preparations included, so that steps follow one another.

    Args:
        controller: the decisions.
        sinks: takers of decisions; they are called in the thread that decides.
        step_in: an executor with one thread.
        journals: takers of whole steps, called likewise.
    """

    def __init__(
        self,
        controller: Controller,
        sinks: Sequence[DecisionSink],
        step_in: Executor,
        journals: Sequence[StepSink] = (),
    ) -> None:
        self.turn = asyncio.Lock()
        self._controller = controller
        self._sinks = tuple(sinks)
        self._step_in = step_in
        self._journals = tuple(journals)
        self._has_begun = False

    async def step(
        self, now: Now, planned: Planned, observation: Observation | None, events: Sequence[Event]
    ) -> Stepped:
        """Decide; the caller holds `turn`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._step_in, self._step, now, planned, observation, events)

    async def recall(self, at: Now, now: Now, planned: Planned, observation: Observation) -> None:
        """Tell the controller a sample of the past, which decides nothing; the caller holds `turn`.

        Args:
            at: when the sample is of.
            now: the time.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._step_in, self._recall, at, now, planned, observation)

    def _recall(self, at: Now, now: Now, planned: Planned, observation: Observation) -> None:
        self._note(Step(at, observation, (), self._controller.recall(at, observation)), now, planned)

    def _note(self, step: Step, now: Now, planned: Planned) -> None:
        for journal in self._journals:
            if not self._has_begun:
                journal.begin(now)
            journal.take_step(step, planned.provenance)
        self._has_begun = True

    def _step(self, now: Now, planned: Planned, observation: Observation | None, events: Sequence[Event]) -> Stepped:
        decisions = self._controller.step(now, observation, events)
        for sink in self._sinks:
            sink.take(decisions)
        self._note(Step(now, observation, tuple(events), decisions), now, planned)
        # A tick that failed half-way may have left the controller on another fleet than this plan's: the next
        # tick sets that right, and until then nothing is written.
        wanted = (
            wishes(decisions, planned.plan, planned.may_write) if decisions.fleet is planned.plan.fleet else Wishes()
        )
        return Stepped(
            decisions,
            wanted,
            BoostViews(self._controller.boosts(now), now.monotonic_s),
            self._controller.refused,
            self._controller.state_bytes,
        )
