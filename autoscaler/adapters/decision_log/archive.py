"""Answers from the daemon's own decision log, one question at a time, in a thread."""

import asyncio
import time
from pathlib import Path

from autoscaler.adapters.decision_log.recall import changes, record_at
from autoscaler.adapters.decision_log.writer import DecisionLog
from autoscaler.core.decisions import DecisionRecord
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.journal.step import JournalError
from autoscaler.ports import ArchiveError, LogState, Recollection

LONGEST_S = 8.0
"""Time to look for changes; a client waits ten seconds, and gets what was found, said to be a part."""


class FileArchive:
    """Implements `ports.DecisionArchive`.

    Args:
        log: the log that is being written.
        path: its folder.
    """

    def __init__(self, log: DecisionLog, path: str) -> None:
        self._log = log
        self._folder = Path(path)
        # Reading is work for one core: more readers at once would take time from decisions.
        self._turn = asyncio.Lock()

    def state(self) -> LogState:
        """Say how the log fares."""
        return self._log.state()

    async def at(self, key: FunctionKey, utc_s: float) -> DecisionRecord | None:
        """Give the decision on a function that held at a time; None: the log has none.

        Raises:
            ArchiveError: the log cannot be read.
        """
        async with self._turn:
            try:
                return await asyncio.to_thread(record_at, self._folder, key, utc_s)
            except (OSError, JournalError) as error:
                raise ArchiveError(_in_words(error)) from error

    async def changes(self, key: FunctionKey, since_utc_s: float, until_utc_s: float) -> Recollection:
        """Give a function's changed decisions of a span; bounded in number and in time to look for them.

        Raises:
            ArchiveError: the log cannot be read.
        """
        async with self._turn:
            end_s = time.monotonic() + LONGEST_S
            try:
                return await asyncio.to_thread(
                    changes, self._folder, key, since_utc_s, until_utc_s, is_late=lambda: time.monotonic() > end_s
                )
            except (OSError, JournalError) as error:
                raise ArchiveError(_in_words(error)) from error


def _in_words(error: Exception) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else str(error)
