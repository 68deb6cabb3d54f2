"""The clock."""

from typing import Protocol

from autoscaler.core.now import Now


class Clock(Protocol):
    """Tells the time and waits. A demo's clock may run faster than the wall's."""

    def now(self) -> Now: ...

    async def sleep(self, seconds: float) -> None: ...
