"""The policy documents in force: reloaded when a file changes, the last good ones kept."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from concurrent.futures import Executor

from autoscaler.daemon.telemetry import log
from autoscaler.policy.loading import PolicySet, load


class Policies:
    """Holds the documents in force; a broken one is refused alone and its last good version stays.

    Args:
        files: texts of the policy folder by name.
        sources: names of the configured Prometheus sources, which tenants may name.
        load_in: where texts are parsed, so that a large folder never stalls the event loop.
    """

    def __init__(self, files: Mapping[str, str], sources: Collection[str], load_in: Executor) -> None:
        self._sources = frozenset(sources)
        self._load_in = load_in
        self._files = files
        self.current: PolicySet = load(files, None, self._sources)
        self._say()

    async def follow(self, changes: AsyncIterator[Mapping[str, str]]) -> None:
        """Take every new state of the folder; returns when there are no more."""
        async for files in changes:
            await self.update(files)

    async def update(self, files: Mapping[str, str]) -> None:
        """Take a new state of the folder; the same one again changes nothing."""
        if files == self._files:
            return
        loop = asyncio.get_running_loop()
        self.current = await loop.run_in_executor(self._load_in, load, files, self.current, self._sources)
        self._files = files
        self._say()

    def _say(self) -> None:
        log.info("policies loaded", problems=len(self.current.problems))
        for problem in self.current.problems:
            log.warning("policy problem", problem=str(problem))
