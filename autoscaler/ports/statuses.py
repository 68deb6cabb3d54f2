"""Statuses of custom resources: what is there, and writes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from autoscaler.policy.resources import Identity


class StatusOutcome(Enum):
    """What became of a write of a status."""

    DONE = "done"
    LOST = "lost"  # no such object, or another one has its name now, or somebody made its status at that moment
    FORBIDDEN = "forbidden"  # the daemon lacks the right
    INVALID = "invalid"  # the API server calls it wrong
    RETRY = "retry"  # 429, 5xx, time-out or no connection: try later


@dataclass(frozen=True, slots=True)
class StatusResult:
    """What became of a write of a status.

    Attributes:
        outcome: what became of it.
        status: the whole status that is there after it; None: it was not written.
        retry_after_s: seconds to wait before another try; None: the API server did not say.
        message: its words.
    """

    outcome: StatusOutcome
    status: Mapping[str, object] | None = None
    retry_after_s: float | None = None
    message: str = ""


class Statuses(Protocol):
    """Statuses of the custom resources that a watch keeps."""

    def last(self, identity: Identity) -> Mapping[str, object] | None:
        """Give the status that was last read, another object whenever it may have changed; None: no such resource."""
        ...

    async def write(
        self, identity: Identity, uid: str, before: Mapping[str, object], changes: Mapping[str, object]
    ) -> StatusResult:
        """Write fields of a status, and change nothing else; of an object with another uid nothing is written.

        Args:
            uid: of the object that it is said of.
            before: the status that is there, as far as is known.
            changes: whole values of fields; None takes one away.
        """
        ...
