"""Where loads come from: what Prometheus says now, and what it said before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from autoscaler.core.now import Now
from autoscaler.core.observation import Load
from autoscaler.policy.plan import Plan


@dataclass(frozen=True, slots=True)
class QueryProblem:
    """Why a tenant's own query says nothing, for its eyes and the operator's: it names the tenant's policy.

    Attributes:
        tenant: whose query it is.
        words: which policy's, and why.
        namespace: of that policy, whose name is for those alone who may see it; None: it is the tenant's own document.
    """

    tenant: str
    words: str
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """How the last reading of one source went.

    Attributes:
        name: the source.
        is_ok: whether it answered whole.
        error: what went wrong, without secrets; None where nothing did.
        query_s: seconds from asking to the last byte of its answers, parsed.
        series: series in its answers.
        failures: readings that failed since the start.
        whole_age_s: seconds since the tick that last found it answering whole; None: not since the start, or whoever
            says this does not know (the daemon does).
        query_problems: tenants' own queries that say nothing, each with its tenant.
    """

    name: str
    is_ok: bool
    error: str | None
    query_s: float
    series: int
    failures: int
    whole_age_s: float | None = None
    query_problems: Sequence[QueryProblem] = ()


class LoadSource(Protocol):
    """Where loads come from: all Prometheus servers of the settings together."""

    async def read(self, plan: Plan, now: Now) -> Load:
        """Read one sample of every function; what cannot be known is nan, never an exception."""
        ...

    def health(self) -> Sequence[SourceHealth]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """What was before.

    Attributes:
        moments: when, and what a tick would have read then, oldest first; to be gone through once.
        problems: why sources do not reach back as far as was asked for, by name; empty where all do, or time ran out.
    """

    moments: Iterator[tuple[Now, Load]]
    problems: Mapping[str, str]


class PastLoads(Protocol):
    """Where the loads of before this daemon come from."""

    async def past(
        self, plan: Plan, now: Now, *, reach_s: float, within_s: float, every_s: float, fine_s: float
    ) -> Past:
        """Read samples of the past, each as `LoadSource.read` would have given it then.

        What cannot be known is nan, or a moment that is missing; never an exception. Call it before the first `read`.

        Args:
            now: the moment it is asked at; moments are seconds before it.
            reach_s: how far back.
            within_s: longest that it may take.
            every_s: distance of ticks.
            fine_s: the newest stretch in which moments stand at that distance, so that they weigh as ticks do.
        """
        ...
