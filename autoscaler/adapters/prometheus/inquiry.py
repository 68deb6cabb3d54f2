"""The questions of one party (a tenant, or the source's own operator) to one source, as the daemon sees them."""

import asyncio
import itertools
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import numpy as np

from autoscaler.adapters.prometheus.errors import SourceError
from autoscaler.adapters.prometheus.messages import AdoptQuestions, Answer, Ask, Question
from autoscaler.adapters.prometheus.pause import SickPause
from autoscaler.adapters.prometheus.pool import Pool
from autoscaler.adapters.prometheus.questions import Told
from autoscaler.adapters.prometheus.segments import OwnedSegment
from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.now import Now
from autoscaler.policy.further import default_namespace
from autoscaler.policy.source_settings import SourceSettings

_numbers = itertools.count()
_SLOW_FOR_S = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What a party asks, and for which lanes.

    Attributes:
        questions: the distinct ones.
        lanes: `(rows,) int64`, the lanes of each question's functions, question after question.
        names: `namespace/name` of each row, one a line.
        titles: how a problem of each question is told.
        namespaces: of the policy that asks each; None: none does.
    """

    questions: tuple[Question, ...]
    lanes: Ints
    names: bytes
    titles: tuple[str, ...]
    namespaces: tuple[str | None, ...]


@dataclass(slots=True)
class _Record:
    """What is remembered of a question, whatever becomes of its rows."""

    pause: SickPause
    failures: int = 0
    query_s: float = 0.0
    problem: str | None = None


class Inquiry:
    """Keeps one round of questions going at a time, in a task of its own, so that nobody has to wait for it.

    Each question has its own failures: one that fails is asked later than the others, and less and less often.

    Args:
        source: name of the source.
        party: who asks, unique within the source.
        settings: of the source.
        max_bytes: largest answer read.
        pool: the workers.
        fresh_s: age at which an answer is too old to be used.
    """

    def __init__(
        self, source: str, party: str, settings: SourceSettings, max_bytes: int, pool: Pool, fresh_s: float
    ) -> None:
        self.party = party
        self._key = f"{source} {party} {next(_numbers)}"
        self._settings = settings
        self._max_bytes = max_bytes
        self._pool = pool
        self._fresh_s = fresh_s
        self._layout = Layout((), np.empty(0, np.int64), b"", (), ())
        self._records: dict[tuple[str, str | None], _Record] = {}
        self._adopt: AdoptQuestions | None = None
        self._segment: OwnedSegment | None = None
        self._read_into: OwnedSegment | None = None
        self._version = 0
        self._told: Floats = np.empty((len(Told), 0))
        self._asked_s: Floats = np.empty(0)
        self._task: asyncio.Task[None] | None = None
        self._slow_until_s = -np.inf

    def adopt(self, layout: Layout) -> None:
        """Take over what is asked now; where only the lanes have moved, what was answered stays."""
        old, self._layout = self._layout, layout
        if (old.questions, old.names) == (layout.questions, layout.names):
            return
        keys = [(question.query, question.activity) for question in layout.questions]
        self._records = {key: self._records.get(key) or _Record(SickPause()) for key in keys}
        if self._segment is not None and self._segment is not self._read_into:
            self._segment.close()
        self._version += 1
        nobody = np.empty((0, len(layout.lanes)), dtype=np.bool_)
        self._segment = OwnedSegment(self._version, layout.names, nobody, len(Told))
        self._adopt = AdoptQuestions(
            source=self._key,
            settings=self._settings,
            questions=layout.questions,
            default_namespace=default_namespace(self._settings),
            max_bytes=self._max_bytes,
            segment=self._segment.description,
        )
        self._told = np.full((len(Told), len(layout.lanes)), np.nan)
        self._asked_s = np.full(len(layout.lanes), -np.inf)

    def start(self, now: Now, turn: AbstractAsyncContextManager[object]) -> None:
        """Ask what is due, unless a round is still going on.

        Args:
            turn: held while asking.
        """
        if self._task is not None or self._adopt is None or self._segment is None:
            return
        records = list(self._records.values())
        due = [number for number, record in enumerate(records) if record.pause.is_over(now.monotonic_s)]
        due.sort(key=lambda number: (records[number].failures, records[number].query_s))
        if due:
            asking = self._asking(now, self._adopt, self._segment, tuple(due), turn)
            self._task = asyncio.get_running_loop().create_task(asking)

    def awaited(self, now: Now) -> asyncio.Task[None] | None:
        """Give the round that is going on, if it is worth waiting for: one that was slow a while ago is not."""
        return self._task if now.monotonic_s >= self._slow_until_s else None

    def was_late(self, now: Now) -> None:
        """Note that it was waited for in vain."""
        self._slow_until_s = now.monotonic_s + _SLOW_FOR_S

    def is_slow(self, now: Now) -> bool:
        """Tell whether it was waited for in vain a while ago."""
        return now.monotonic_s < self._slow_until_s

    def told(self, now: Now) -> tuple[Ints, Floats]:
        """Give the lanes and `(columns, lanes) float64`, what is known of them: answers that are not too old."""
        is_fresh: Bools = now.monotonic_s - self._asked_s <= self._fresh_s
        told = self._told if is_fresh.all() else np.where(is_fresh, self._told, np.nan)
        return self._layout.lanes, told

    def problems(self) -> list[tuple[str, str | None]]:
        """Say what is unknown, and why; with the namespace of the policy that asks."""
        told = zip(self._layout.titles, self._layout.namespaces, self._records.values(), strict=True)
        return [(f"{title}: {one.problem}", namespace) for title, namespace, one in told if one.problem is not None]

    def failures(self) -> int:
        """Give how many of the questions asked now failed the last time."""
        return sum(record.failures > 0 for record in self._records.values())

    async def stop(self) -> None:
        """Stop asking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def release(self) -> None:
        """Give memory back, and have the worker forget; after `stop`."""
        self._pool.forget(self._key)
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    async def _asking(
        self,
        now: Now,
        adopt: AdoptQuestions,
        segment: OwnedSegment,
        due: tuple[int, ...],
        turn: AbstractAsyncContextManager[object],
    ) -> None:
        self._read_into = segment
        ask = Ask(self._key, next(_numbers), now.utc_s, self._settings.timeout, due)
        try:
            async with turn:
                answer = await self._pool.ask(adopt, ask)
            self._took(adopt, answer, now)
            if segment is self._segment:
                self._put(adopt, answer, now, await segment.columns())
        except SourceError as error:
            for record in self._records.values():
                record.problem = str(error)
                self._failed(record, now)
        finally:
            self._task = self._read_into = None
            if segment is not self._segment:
                segment.close()

    def _took(self, adopt: AdoptQuestions, answer: Answer, now: Now) -> None:
        for outcome in answer.outcomes:
            question = adopt.questions[outcome.question]
            record = self._records.get((question.query, question.activity))
            if record is None:
                continue
            record.problem, record.query_s = outcome.problem, outcome.query_s
            if outcome.did_fail:
                self._failed(record, now)
            else:
                record.failures = 0
                record.pause.succeeded()

    def _put(self, adopt: AdoptQuestions, answer: Answer, now: Now, told: Floats) -> None:
        """Keep the columns of the questions that were asked."""
        ends = np.cumsum([question.rows for question in adopt.questions])
        for outcome in answer.outcomes:
            rows = slice(ends[outcome.question] - adopt.questions[outcome.question].rows, ends[outcome.question])
            self._told[:, rows], self._asked_s[rows] = told[:, rows], now.monotonic_s

    def _failed(self, record: _Record, now: Now) -> None:
        record.failures += 1
        record.pause.failed(now.monotonic_s)
