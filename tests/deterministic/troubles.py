"""What may stand between a daemon and the API server at one moment: faults write it, connections obey."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import numpy as np


class Kind(Enum):
    """What a request is for."""

    LIST = "list"
    WATCH = "watch"
    READ = "read"
    WRITE = "write"


@dataclass(slots=True)
class Request:
    """A request on its way.

    Attributes:
        daemon: name of the process that sends it.
        kind: what it is for.
        latency_s: how long the answer takes.
        is_cut: no connection is to be had.
        swallows: it never answers, until the client's deadline; whether it was applied says `is_applied`.
        is_applied: a write takes effect although its answer is lost.
        refusal: status and Retry-After that it is answered with; None: what it asked for.
    """

    daemon: str
    kind: Kind
    latency_s: float
    is_cut: bool = False
    swallows: bool = False
    is_applied: bool = True
    refusal: tuple[int, float | None] | None = None


Meddle = Callable[[Request, np.random.Generator], None]


@dataclass(slots=True)
class Stream:
    """What befalls the events of open watches.

    Attributes:
        is_deaf: nothing comes any more, though the connection stays.
        repeats: fraction of events that come twice, the second time late.
        swaps: fraction of neighbours that come in the other order.
    """

    is_deaf: bool = False
    repeats: float = 0.0
    swaps: float = 0.0


@dataclass
class Troubles:
    """All that is wrong now.

    Attributes:
        meddlers: change requests, by the fault that put them there.
        streams: spoil events of watches, by fault; each with the daemons it concerns, None: all.
        cuts: called to break every open watch of the daemons named, or of all.
    """

    meddlers: dict[int, Meddle] = field(default_factory=dict)
    streams: dict[int, tuple[frozenset[str] | None, Stream]] = field(default_factory=dict)
    cuts: list[Callable[[frozenset[str] | None], None]] = field(default_factory=list)

    def meddle(self, request: Request, rng: np.random.Generator) -> Request:
        """Let every fault have its way with a request."""
        for meddler in self.meddlers.values():
            meddler(request, rng)
        return request

    def stream(self, daemon: str) -> Stream:
        """Give what befalls a daemon's events now."""
        result = Stream()
        for daemons, stream in self.streams.values():
            if daemons is None or daemon in daemons:
                result.is_deaf |= stream.is_deaf
                result.repeats = max(result.repeats, stream.repeats)
                result.swaps = max(result.swaps, stream.swaps)
        return result

    def cut_watches(self, daemons: frozenset[str] | None) -> None:
        """Break open watches."""
        for cut in tuple(self.cuts):
            cut(daemons)
