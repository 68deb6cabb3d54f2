"""Who decides: one daemon holds the Lease, the others stand by."""

import asyncio

from autoscaler.ports import LeadershipState


class Alone:
    """Implements `autoscaler.ports.Leadership` where there is no Lease: this daemon decides, always."""

    def may_write(self) -> bool:
        """Tell that it may."""
        return True

    def state(self) -> LeadershipState:
        """Tell that there is no Lease."""
        return LeadershipState(is_leader=True)

    async def gained(self) -> None:
        """Return at once."""

    async def lost(self) -> None:
        """Wait for ever."""
        await asyncio.Event().wait()

    async def run(self) -> None:
        """Wait for ever."""
        await asyncio.Event().wait()

    async def release(self) -> None:
        """Do nothing: there is nothing to give up."""
