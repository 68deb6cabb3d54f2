"""Which of several daemons decides."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """What a Lease says.

    Attributes:
        holder: identity of who holds it; "": it was released.
        address: HOST:PORT at which the holder answers; "": it said none.
        duration_s: after so long without a renewal others may take it.
        transitions: how often it changed hands.
        version: of the record that was read, opaque; a write from another version is refused. "": none yet.
    """

    holder: str
    address: str
    duration_s: float
    transitions: int
    version: str = ""


class LeaseConflict(RuntimeError):
    """Somebody else wrote the Lease since it was read."""


class LeaseUnavailable(RuntimeError):
    """The Lease can neither be read nor written now; the message says why, without secrets."""


class LeaseStore(Protocol):
    """One Lease; its questions raise `LeaseUnavailable`."""

    async def read(self) -> LeaseRecord | None:
        """Give what it says; None: there is none yet."""
        ...

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        """Make or replace it if it still has the version of this record, and give it with its new version.

        Raises:
            LeaseConflict: it has another version by now.
        """
        ...

    def follow(self, since: LeaseRecord | None) -> AsyncIterator[LeaseRecord | None]:
        """Give what it says whenever that changes from `since` on, None: it is gone; ends whenever it likes."""
        ...


@dataclass(frozen=True, slots=True)
class LeadershipState:
    """Who decides.

    Attributes:
        is_leader: this daemon does.
        lease: name of the Lease; None: there is none, this daemon is alone.
        identity: this daemon's name in it.
        holder: who holds it, as last read; None: nobody, or it was never read.
        address: HOST:PORT of the holder; None: nobody said one.
        transitions: how often this daemon became the holder.
        problem: why the Lease cannot be read or written now; None: it can.
    """

    is_leader: bool
    lease: str | None = None
    identity: str = ""
    holder: str | None = None
    address: str | None = None
    transitions: int = 0
    problem: str | None = None


class Leadership(Protocol):
    """Whether this daemon is the one that decides and writes."""

    def may_write(self) -> bool:
        """Tell whether it may write at this very moment: it holds the Lease, and renewed it within its deadline."""
        ...

    def state(self) -> LeadershipState: ...

    async def gained(self) -> None:
        """Wait until this daemon may write."""
        ...

    async def lost(self) -> None:
        """Wait until it may no longer."""
        ...

    async def run(self) -> None:
        """Take part until cancelled."""
        ...

    async def release(self) -> None:
        """Give the Lease up at once, so that a standby need not wait for its end; after this nothing may be written."""
        ...
