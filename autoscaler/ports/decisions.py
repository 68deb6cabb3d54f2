"""Whoever takes decisions: memory, log, Events beside the Deployments; and who tells them again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from autoscaler.core.decisions import DecisionRecord, Decisions
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.journal.step import Step
from autoscaler.core.now import Now
from autoscaler.policy.provenance import Provenance


class DecisionSink(Protocol):
    """Whoever keeps decisions: memory, log, metrics."""

    def take(self, decisions: Decisions) -> None: ...


@dataclass(frozen=True, slots=True)
class Announcement:
    """What people shall find beside a Deployment.

    Attributes:
        key: the function.
        uid: its Deployment.
        tenant: whose it is.
        is_warning: somebody may have to do something.
        reason: the decision's reason as one word, such as `MaxReplicas`.
        words: the decision in words.
        utc_s: when it was decided.
    """

    key: FunctionKey
    uid: str
    tenant: str
    is_warning: bool
    reason: str
    words: str
    utc_s: float


class AnnouncementFailed(RuntimeError):
    """An announcement was not written; the message says why, without secrets."""


class Announcements(Protocol):
    """Where decisions are told of, beside the Deployments themselves."""

    async def announce(self, announcement: Announcement) -> None:
        """Write one.

        Raises:
            AnnouncementFailed: it was not written.
        """
        ...


class StepSink(Protocol):
    """Whoever keeps whole steps, what went in and what came out: the decision log."""

    def begin(self, now: Now) -> None:
        """Hear that a controller without memory takes the next step; called in the thread that decides.

        Args:
            now: the time; the first steps may tell it of the past.
        """
        ...

    def take_step(self, step: Step, provenance: Provenance) -> None:
        """Take a step; called in the thread that decides, so it never waits for anything.

        Args:
            provenance: what the plan in force was compiled from.
        """
        ...


@dataclass(frozen=True, slots=True)
class LogState:
    """How the decision log fares.

    Attributes:
        path: its folder.
        files: files of it.
        bytes: their size, as last counted.
        steps: steps written since the start.
        lost: steps decided and not written since the start, because the disk was too slow, full or away.
        error: why nothing is written now; None: nothing stands against it.
    """

    path: str
    files: int
    bytes: int
    steps: int
    lost: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Recollection:
    """What a decision log says of one function over a span.

    Attributes:
        records: decisions that were to change its replicas, each once, oldest first.
        from_utc_s: the log was read from here on; later than asked where it begins later, or was not read to its end.
        is_whole: the span was read from its beginning, as far as the log goes back.
        lost: steps within it that are in no file.
        unreadable: files, or rests of files, that could not be read, and why.
        tenants: whose it was within what was read; empty: no decision on it is known.
    """

    records: Sequence[DecisionRecord]
    from_utc_s: float | None
    is_whole: bool
    lost: int
    unreadable: Sequence[str]
    tenants: frozenset[str]


class ArchiveError(RuntimeError):
    """The decision log cannot be read; the message says why."""


class DecisionArchive(Protocol):
    """What was decided long ago; its questions raise `ArchiveError` where the log cannot be read."""

    def state(self) -> LogState: ...

    async def at(self, key: FunctionKey, utc_s: float) -> DecisionRecord | None:
        """Give the decision on a function that held at a time; None: the log has none."""
        ...

    async def changes(self, key: FunctionKey, since_utc_s: float, until_utc_s: float) -> Recollection:
        """Give a function's changed decisions of a span; bounded in number and in time to look for them."""
        ...
