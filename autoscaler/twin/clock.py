"""What the twin needs of a clock."""

from typing import Protocol

from autoscaler.core.now import Now


class Clock(Protocol):
    """Tells the time and waits; the platform's time is this clock's, which may run faster than the wall's."""

    def now(self) -> Now: ...

    async def sleep(self, seconds: float) -> None: ...
