"""Says in the log how far a long start or a long drain is; nothing while there is neither."""

from collections.abc import Callable

from autoscaler.daemon.telemetry import log
from autoscaler.ports import Clock, Health

EVERY_S = 10.0


class Progress:
    """Looks every ten seconds, so that what takes less is never told.

    Args:
        clock: for the pauses.
        health: gives the daemon's state.
    """

    def __init__(self, clock: Clock, health: Callable[[], Health]) -> None:
        self._clock = clock
        self._health = health
        self._is_starting = self._is_draining = False

    async def run(self) -> None:
        """Look and tell until cancelled."""
        while True:
            await self._clock.sleep(EVERY_S)
            health = self._health()
            self._tell_start(health)
            self._tell_drain(health)

    def _tell_start(self, health: Health) -> None:
        if not health.is_ready:
            log.info("starting", is_leader=health.leadership.is_leader, ticks=health.ticks, **_listed(health))
        elif self._is_starting:
            log.info("ready", **_listed(health))
        self._is_starting = not health.is_ready

    def _tell_drain(self, health: Health) -> None:
        longest_s = max(health.writes_waited_s.values(), default=0.0)
        is_draining = longest_s >= EVERY_S
        if is_draining:
            log.info(
                "writes wait",
                queued=dict(health.writes_queued),
                waited_s=round(longest_s, 1),
                per_second=round(health.writes_per_second, 1),
            )
        elif self._is_draining:
            log.info("writes drained", queued=dict(health.writes_queued))
        self._is_draining = is_draining


def _listed(health: Health) -> dict[str, object]:
    """Give objects listed by kind, and the kinds of which some list is not whole yet."""
    listed: dict[str, int] = {}
    for watch in health.watches:
        listed[watch.kind] = listed.get(watch.kind, 0) + watch.listed
    missing = dict.fromkeys(watch.kind for watch in health.watches if not watch.is_synced)
    return {"listed": listed, "not_whole": list(missing)}
