"""What all terms of a daemon share."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from autoscaler.daemon import telemetry
from autoscaler.daemon.alerts import ReadFiring
from autoscaler.daemon.announcing import Announcer
from autoscaler.daemon.foreign import ForeignWriters
from autoscaler.daemon.history import History
from autoscaler.daemon.planner import Planner
from autoscaler.daemon.reporting import Reporter
from autoscaler.daemon.rounds import Rounds
from autoscaler.daemon.wake_log import WakeLog
from autoscaler.daemon.writes import WriteScheduler
from autoscaler.policy.settings import Settings
from autoscaler.ports import Clock, Cluster, DecisionSink, LoadSource, PastLoads, StepSink


@dataclass(slots=True)
class TickCounts:
    """What is told of ticks, over all terms.

    Attributes:
        ticks: full ticks.
        overruns: those that took longer than the interval.
        last_s: seconds that the last one took, queries included.
        last_ended_s: monotonic seconds at which it ended; None before the first.
    """

    ticks: int = 0
    overruns: int = 0
    last_s: float = 0.0
    last_ended_s: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Shell:
    """What all terms of a daemon share.

    Attributes:
        clock: all time comes from here.
        cluster: Deployments and writes.
        loads: what Prometheus knows.
        settings: what the operator decided.
        planner: keeps the plan; it is kept warm between terms.
        writes: takes what a step wishes.
        foreign: other writers of replicas.
        history: takes decisions that changed something.
        rounds: the outermost loops.
        sources: says when a source falls sick.
        counts: of ticks.
        firing: one reader for each Alertmanager.
        sinks: further takers of decisions.
        journals: takers of whole steps.
        past: what Prometheus knows of before; None: every term begins with windows that are empty.
        step_in: an executor with one thread, for steps.
        slow_in: another, for what a wake must not wait for.
        writes_held: says why nothing may be written now.
        wake_log: the account of wakes.
        planned: called once a term that began without a plan has one.
        announcer: tells of decisions beside the Deployments; None: nobody does.
        reporter: writes the statuses of custom resources; None: nobody does.
    """

    clock: Clock
    cluster: Cluster
    loads: LoadSource
    settings: Settings
    planner: Planner
    writes: WriteScheduler
    foreign: ForeignWriters
    history: History
    rounds: Rounds
    sources: telemetry.SourceLog
    counts: TickCounts
    firing: Sequence[ReadFiring]
    sinks: Sequence[DecisionSink]
    journals: Sequence[StepSink]
    past: PastLoads | None
    step_in: Executor
    slow_in: Executor
    writes_held: Callable[[], str | None]
    wake_log: WakeLog
    planned: Callable[[], None]
    announcer: Announcer | None = None
    reporter: Reporter | None = None
