"""Tells of decisions where people look first: one Event on the Deployment, at a bounded rate."""

import asyncio
import math
from collections.abc import Callable, Sequence

from autoscaler.core.decisions import DecisionRecord, Decisions
from autoscaler.core.explain import sentences
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.reasons import Reason
from autoscaler.daemon.buckets import TokenBucket
from autoscaler.daemon.fairness import Line
from autoscaler.daemon.notable import Notable
from autoscaler.daemon.telemetry import log
from autoscaler.daemon.waiting import work_off
from autoscaler.ports import Announcement, AnnouncementFailed, Announcements, Clock

PER_SECOND, BURST = 5.0, 50
"""Events are the first thing that an API server under load should be spared."""

MOST_WAITING = 2_000
"""Beyond so many a new one is given up: the API and the log have it."""

SAID_AGAIN_S = 60.0
"""Least seconds between two log lines about it: where a right lacks in one namespace of many, every other one may fail."""

_WARNINGS = frozenset(
    {
        Reason.FALLBACK,
        Reason.FOREIGN_WRITER,
        Reason.NOT_READY,
        Reason.NOT_SCHEDULABLE,
        Reason.QUOTA_EXCEEDED,
        Reason.UNKNOWN_LOAD,
    }
)


class Announcer:
    """Takes decisions and tells of the notable ones; tenants take turns, and of one function the newest counts.

    What cannot be told is given up: the decision's record is what counts, and it is in the API and the log.

    Attributes:
        told: announcements that were written.
        dropped: those that were not: no place, or refused.
        problem: why the last one could not be written; None: it could.

    Args:
        clock: for the rate.
        announcements: where they go.
    """

    def __init__(self, clock: Clock, announcements: Announcements) -> None:
        self.told = self.dropped = 0
        self.problem: str | None = None
        self._clock = clock
        self._announcements = announcements
        self._notable = Notable()
        self._bucket = TokenBucket(PER_SECOND, BURST, clock.now().monotonic_s)
        self._waiting: dict[FunctionKey, Announcement] = {}
        self._line = Line[FunctionKey]()
        self._has_news = asyncio.Event()
        self._said_s = -math.inf

    def pick(self, decisions: Decisions, is_dry: Callable[[FunctionKey], bool]) -> Sequence[Announcement]:
        """Find what is worth telling; called in a thread, one step after the other.

        Args:
            is_dry: tells whether nothing is written of what is decided for a function, which is then said.
        """
        fleet = decisions.fleet
        return [
            _announcement(record, fleet.uids[fleet.row_of[record.key]], is_dry=is_dry(record.key))
            for record in self._notable.take(decisions)
        ]

    def offer(self, found: Sequence[Announcement]) -> None:
        """Queue what was found; called in the event loop."""
        now_s = self._clock.now().monotonic_s
        for one in found:
            if len(self._waiting) >= MOST_WAITING and one.key not in self._waiting:
                self.dropped += 1
                continue
            self._waiting[one.key] = one
            self._line.join(one.tenant, [one.key], now_s)
        if found:
            self._has_news.set()

    async def run(self) -> None:
        """Tell of what waits, as fast as the rate allows, until cancelled."""
        await work_off(self._waiting, self._has_news, self._tell_next, self._bucket, self._clock)

    async def _tell_next(self) -> None:
        if not self._bucket.take(self._clock.now().monotonic_s):
            return
        key = self._line.pop(self._waiting.__contains__)
        if key is None:
            return
        try:
            await self._announcements.announce(self._waiting.pop(key))
        except AnnouncementFailed as error:
            self.dropped += 1
            self._failed(str(error))
        else:
            self.told += 1
            self.problem = None

    def _failed(self, words: str) -> None:
        now_s = self._clock.now().monotonic_s
        if now_s - self._said_s >= SAID_AGAIN_S:
            self._said_s = now_s
            log.warning("events cannot be written", error=words)
        self.problem = words


def _announcement(record: DecisionRecord, uid: str, *, is_dry: bool) -> Announcement:
    words = " ".join(sentences(record.own())[1:])  # the Event lies in the tenant's namespace
    return Announcement(
        key=record.key,
        uid=uid,
        tenant=record.tenant,
        is_warning=record.reason in _WARNINGS,
        reason="".join(part.capitalize() for part in record.reason.name.split("_")),
        words=f"Dry run, nothing is written. {words}" if is_dry else words,
        utc_s=record.at.utc_s,
    )
