"""Writes the statuses of custom resources: what changed, at a bounded rate, and only while this daemon decides."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from autoscaler.core.decisions import Decisions
from autoscaler.daemon.buckets import TokenBucket
from autoscaler.daemon.fairness import Line
from autoscaler.daemon.telemetry import log
from autoscaler.daemon.waiting import work_off
from autoscaler.policy.loaded import PolicySet
from autoscaler.policy.plan import Plan
from autoscaler.policy.reports import Draft, Reports
from autoscaler.policy.resources import Identity
from autoscaler.policy.status_changes import changes_of
from autoscaler.ports import Clock, Statuses, StatusOutcome, StatusResult

PER_SECOND, BURST = 10.0, 50
"""Statuses explain; an API server under load should be spared them before anything that decides."""

APART_S = 4.0
"""Least seconds between two reports of one document: what flips tick by tick is not written tick by tick."""
NUMBERS_APART_S = 30.0
"""The same where only numbers changed that move with load."""
AGAIN_S = 60.0
"""Every document is compared with its status so often, so that what failed or was overwritten is put right."""

MOST_AT_ONCE = 200
"""Documents that are compared with their statuses in one tick, at 0.1 ms each."""

RETRY_FIRST_S, RETRY_MOST_S = 1.0, 30.0
RETRY_AFTER_MOST_S = 300.0
FORGET_S = RETRY_AFTER_MOST_S + AGAIN_S
"""A failure that was not met again for so long is over: whatever it was about was looked at since."""
SAID_AGAIN_S = 60.0
"""Least seconds between two log lines about writes that fail."""

Json = Mapping[str, object]


class _Due(Enum):
    """Why a document is to be looked at, what matters most first."""

    TEXT = "text"
    UNSEEN = "unseen"
    NUMBERS = "numbers"
    AGAIN = "again"


class _Told(NamedTuple):
    """What was last reported of a document, and when."""

    draft: Draft
    at_s: float


class _Written(NamedTuple):
    """A status after a write of ours, and what the watch had shown before it."""

    seen: Json
    status: Json


class Reporter:
    """Takes every tick's documents, plan and decisions; of one document the newest counts, and tenants take turns.

    Attributes:
        counts: writes since the start, by what became of them.

    Args:
        clock: for the rate and the times of conditions.
        statuses: where they are.
        may_write: tells whether this daemon decides.
    """

    def __init__(self, clock: Clock, statuses: Statuses, may_write: Callable[[], bool]) -> None:
        self.counts: dict[StatusOutcome, int] = dict.fromkeys(StatusOutcome, 0)
        self._clock = clock
        self._statuses = statuses
        self._may_write = may_write
        self._reports = Reports()
        self._told: dict[Identity, _Told] = {}
        self._bucket = TokenBucket(PER_SECOND, BURST, clock.now().monotonic_s)
        self._waiting: dict[Identity, Draft] = {}
        self._line = Line[Identity]()
        self._written: dict[Identity, _Written] = {}
        self._has_news = asyncio.Event()
        self._retries = 0
        self._said_s = -math.inf
        self._failure: tuple[str, float] | None = None

    @property
    def problem(self) -> str | None:
        """Why the last one could not be written; None: it could, or that is so long ago that nobody wants it any more."""
        if self._failure is None or self._clock.now().monotonic_s - self._failure[1] > FORGET_S:
            return None
        return self._failure[0]

    def pick(self, policies: PolicySet, plan: Plan, decisions: Decisions) -> Sequence[Draft]:
        """Find what is to be reported; called in a thread, one tick after the other."""
        now = decisions.now
        drafts = list(self._reports.drafts(policies, plan, decisions))
        self._told = {one.identity: told for one in drafts if (told := self._told.get(one.identity)) is not None}
        found = []
        for draft in _in_turns(self._due(drafts, now.monotonic_s))[:MOST_AT_ONCE]:
            self._told[draft.identity] = _Told(draft, now.monotonic_s)
            status = self._statuses.last(draft.identity)
            if status is not None and changes_of(draft, status, now.utc_s):
                found.append(draft)
        return found

    def _due(self, drafts: Sequence[Draft], now_s: float) -> list[Draft]:
        """Give what is to be looked at, first what says something new."""
        due: dict[_Due, list[Draft]] = {why: [] for why in _Due}
        for draft in drafts:
            why = _why_due(self._told.get(draft.identity), draft, now_s)
            if why is not None:
                due[why].append(draft)
        return [draft for found in due.values() for draft in found]

    def offer(self, found: Sequence[Draft]) -> None:
        """Queue what was found; called in the event loop."""
        now_s = self._clock.now().monotonic_s
        for draft in found:
            self._waiting[draft.identity] = draft
            self._line.join(draft.whose_turn, [draft.identity], now_s)
        if found:
            self._has_news.set()
        last = self._statuses.last
        self._written = {one: kept for one, kept in self._written.items() if last(one) is kept.seen}

    def drop(self) -> None:
        """Forget what waits: another daemon decides now, and reports."""
        self._waiting.clear()
        self._line.clear()

    async def run(self) -> None:
        """Write what waits, as fast as the rate allows, until cancelled."""
        await work_off(self._waiting, self._has_news, self._write_next, self._bucket, self._clock)

    async def _write_next(self) -> None:
        identity = self._line.pop(self._waiting.__contains__)
        if identity is None or not self._may_write():
            self.drop()
            return
        draft = self._waiting.pop(identity)
        seen = self._statuses.last(identity)
        if seen is None:
            return
        before = self._before(identity, seen)
        changes = changes_of(draft, before, self._clock.now().utc_s)
        if not changes:
            await asyncio.sleep(0)  # many that are right already let others run
            return
        self._bucket.take(self._clock.now().monotonic_s)
        result = await self._statuses.write(identity, draft.text.uid, before, changes)
        if result.status is not None:
            self._written[identity] = _Written(seen, result.status)
        await self._settle(draft, result)

    def _before(self, identity: Identity, seen: Json) -> Json:
        """Give the status that is there: what a write of ours came to, as long as the watch has not shown it."""
        written = self._written.get(identity)
        return written.status if written is not None and written.seen is seen else seen

    async def _settle(self, draft: Draft, result: StatusResult) -> None:
        self.counts[result.outcome] += 1
        if result.outcome in (StatusOutcome.DONE, StatusOutcome.LOST):
            self._retries, self._failure = 0, None
            return
        self._say(f"{draft.identity}: {result.message}")
        if result.outcome is StatusOutcome.RETRY:
            self._give_back(draft)
            doubled_s = min(RETRY_MOST_S, RETRY_FIRST_S * 2.0 ** min(self._retries, 16))
            self._retries += 1
            await self._clock.sleep(max(doubled_s, min(result.retry_after_s or 0.0, RETRY_AFTER_MOST_S)))

    def _give_back(self, draft: Draft) -> None:
        """Let it wait again, unless something newer of it does."""
        if draft.identity not in self._waiting:
            self._waiting[draft.identity] = draft
            self._line.join(draft.whose_turn, [draft.identity], self._clock.now().monotonic_s)

    def _say(self, words: str) -> None:
        now_s = self._clock.now().monotonic_s
        if now_s - self._said_s >= SAID_AGAIN_S:
            self._said_s = now_s
            log.warning("statuses cannot be written", error=words)
        self._failure = words, now_s


def _why_due(before: _Told | None, draft: Draft, now_s: float) -> _Due | None:
    """Tell why a document is to be looked at; None: it is not."""
    if before is None:
        return _Due.UNSEEN
    age_s = now_s - before.at_s
    if draft is before.draft:
        return _Due.AGAIN if age_s >= AGAIN_S else None
    if draft.text != before.draft.text:
        return _Due.TEXT if age_s >= APART_S else None
    if (draft.functions, draft.budget) != (before.draft.functions, before.draft.budget):
        return _Due.NUMBERS if age_s >= NUMBERS_APART_S else None
    return _Due.AGAIN if age_s >= AGAIN_S else None


def _in_turns(drafts: Sequence[Draft]) -> list[Draft]:
    """Put every tenant's first before any tenant's second: a tenant whose documents all change waits for itself."""
    places: Counter[str] = Counter()
    ranked = []
    for draft in drafts:
        ranked.append((places[draft.whose_turn], draft))
        places[draft.whose_turn] += 1
    return [draft for _, draft in sorted(ranked, key=lambda one: one[0])]
