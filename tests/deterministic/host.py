"""Where a daemon runs: it is started, paused, stopped, killed and started again."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from autoscaler.adapters.kubernetes.cluster import KubernetesCluster
from autoscaler.adapters.kubernetes.watching import WatchTimes
from autoscaler.core.decisions import Decisions
from autoscaler.core.derived import derive
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.invariants import check_decisions
from autoscaler.daemon.leadership import Alone, Election
from autoscaler.daemon.loop import Daemon
from autoscaler.daemon.policies import Policies
from autoscaler.policy.alerts import Alert
from autoscaler.policy.loading import Given
from autoscaler.ports import Caller, Leadership, Reached, Role, WakeResult
from tests.deterministic.apiserver import ApiServer
from tests.deterministic.budgets import PoolRules
from tests.deterministic.connection import MemoryConnection
from tests.deterministic.defects import SOUND, Defect
from tests.deterministic.documents import Folder
from tests.deterministic.eventloop import Later, VirtualLoop
from tests.deterministic.judge import Judge
from tests.deterministic.lease import LeaseObject, MemoryLease
from tests.deterministic.loads import MemoryLoads, Prometheus
from tests.deterministic.network import Network
from tests.deterministic.observer import Observer
from tests.deterministic.process import Process
from tests.deterministic.site import Site, pools_of
from tests.deterministic.troubles import Troubles
from tests.deterministic.watched import Watched

OPERATOR = Caller(Role.OPERATOR, None)
CHECKED_EVERY = 16
"""Steps between two checks of what the core promises of its decisions, which take as long as a step."""


@dataclass
class Surroundings:
    """What every daemon of a run shares; `past` are all that ever ran, or what is dead would be swept out alive."""

    loop: VirtualLoop
    site: Site
    api: ApiServer
    troubles: Troubles
    servers: Sequence[Prometheus]
    observer: Observer
    judge: Judge
    rng: np.random.Generator
    lease: LeaseObject
    network: Network
    defect: Defect = SOUND
    past: list["Running"] = field(default_factory=list)


class _Reaching(KubernetesCluster):
    """The cluster as the daemon knows it, whose connections to functions go through the run's network."""

    process: Process
    around: Surroundings

    async def dial(self, key: FunctionKey) -> Reached:
        return await self.around.network.dial(self.process, key) if self.around.defect.dials else Reached.UNKNOWN


@dataclass
class _Sink:
    """Sees every decision of one process."""

    around: Surroundings
    process: Process
    steps: int = 0

    def take(self, decisions: Decisions) -> None:
        """Check a step's decisions, and add them to what two runs of a seed must have in common."""
        digest = self.around.observer.digest
        for column in (decisions.rows, decisions.desired, decisions.reason, decisions.seen):
            digest.update(column.tobytes())
        self.steps += 1
        if self.steps % CHECKED_EVERY == 0:
            check_decisions(decisions.whole(), derive(decisions.fleet))
        if self.around.observer.on_zero:
            ending = (decisions.desired == 0) & (decisions.requested > 0)
            for row in decisions.rows[ending].tolist():
                self.around.observer.goes_to_zero(decisions.fleet.keys[row])
        self.around.judge.decisions(self.process, decisions, self.around.observer)


@dataclass
class Running:
    """One start of a daemon and what it is made of."""

    process: Process
    daemon: Daemon
    policies: Policies
    leadership: Leadership
    tasks: list["asyncio.Future[None]"] = field(default_factory=list)


@dataclass
class Host:
    """A machine on which one daemon runs at a time.

    Attributes:
        running: what runs now; None: nothing.
        folder: the policy folder as it stands.
        pool: the shared pool in the settings, which a daemon reads when it starts.
    """

    name: str
    around: Surroundings
    running: Running | None = None
    folder: Folder = field(init=False)
    pool: PoolRules = field(init=False)
    wall_s: float = 0.0
    _ending: set["asyncio.Future[None]"] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.folder, self.pool = self.around.site.folder(), self.around.site.pool

    def start(self) -> None:
        """Start a daemon that remembers nothing."""
        around = self.around
        generator = np.random.default_rng(around.rng.integers(1 << 62))
        process = Process(around.loop, self.name, len(around.past) + 1, origin_s=float(generator.uniform(1.0, 1e6)))
        process.wall_s = self.wall_s
        around.judge.folders[process.number] = [self.folder.since(around.loop.now_s)]
        around.judge.pools[process.number] = self.pool
        settings = around.site.settings.model_copy(update={"pools": pools_of(self.pool)})
        connection = MemoryConnection(
            around.loop, process, around.api, around.troubles, around.observer, generator, around.defect.write
        )
        cluster = _Reaching(
            connection,  # type: ignore[arg-type]
            generator,
            is_everywhere=True,
            page_size=10,
            times=WatchTimes(),
            monotonic=lambda: process.now().monotonic_s,
        )
        cluster.process, cluster.around = process, around
        loads = MemoryLoads(
            around.loop, process, around.servers, around.site.settings.tick, generator, around.judge.known,
            around.defect.load,
        )  # fmt: skip
        step_in, slow_in = self._executors(process, generator)
        policies = Policies(self.folder.files(), Given.by(settings), slow_in)
        leadership = self._leadership(process, connection, generator)
        daemon = Daemon(
            process,
            cluster,
            loads,
            policies,
            around.defect.settings(settings),
            controller=Watched(around.observer.say, lambda: around.judge.forget(process), around.defect),
            generator=generator,
            step_in=step_in,
            slow_in=slow_in,
            sinks=[_Sink(around, process)],
            past=loads if around.site.reads_past else None,
            firing=[around.judge.alertmanager.reader(process)] if around.site.reads_alerts else [],
            leadership=leadership,
        )
        self.running = Running(process, daemon, policies, leadership)
        around.past.append(self.running)
        work = (cluster.run, leadership.run, daemon.run)
        self.running.tasks += [asyncio.ensure_future(self._watched(one, process)) for one in work]

    def kill(self) -> None:
        """End the daemon at once; what it had sent goes on without it."""
        if self.running is not None:
            self.running.process.kill()
            self.running = None

    def stop(self) -> None:
        """Ask the daemon to end (SIGTERM)."""
        if self.running is not None:
            stopped, self.running = self.running, None
            self._ending.add(asyncio.ensure_future(self._end(stopped)))

    async def _end(self, stopped: Running) -> None:
        """Let a daemon finish, then give its Lease up, then end the rest of its process."""
        await stopped.process.gate()
        stopped.daemon.stop()
        deciding = stopped.tasks[-1]
        await asyncio.wait((deciding,))
        await stopped.leadership.release()
        stopped.process.kill()

    def _leadership(self, process: Process, connection: MemoryConnection, generator: np.random.Generator) -> Leadership:
        settings, around = self.around.site.settings.leadership, self.around
        if settings is None or around.defect.leads_always:
            return Alone()
        lease = MemoryLease(process, connection, around.lease, around.troubles)
        return Election(process, lease, settings, process.identity, f"{self.name}:8080", generator)

    def move_wall_clock(self, wall_s: float) -> None:
        """Set the machine's wall clock wrong by so much."""
        self.wall_s = wall_s
        if self.running is not None:
            self.running.process.wall_s = wall_s

    async def bring(self, folder: Folder) -> None:
        """Bring another policy folder; the daemon sees it when it runs."""
        self.folder = folder
        running = self.running
        if running is not None:
            await running.process.gate()
            self.around.judge.folders[running.process.number].append(self.folder.since(self.around.loop.now_s))
            if self.around.defect.reads_documents:
                await running.policies.update(self.folder.files())

    async def wake(self, key: FunctionKey, hold_s: float | None, *, is_refused: bool) -> WakeResult | None:
        """Ask for a function, as a gateway does; None: nobody answers any more, or nobody is there.

        Args:
            hold_s: longest wait; None: the policy's.
            is_refused: a connection to it was refused just now.
        """
        running = self.running
        if running is None:
            return None
        await running.process.gate()
        return await running.daemon.wake(OPERATOR, key, hold_s, is_refused)

    async def alert(self, alerts: Sequence[Alert], caller: Caller = OPERATOR) -> None:
        """Hand a webhook over, and check that nothing of it reaches whom its sender does not speak for."""
        running, around = self.running, self.around
        if running is None:
            return
        await running.process.gate()
        asked_s, plan = around.loop.now_s, running.daemon.plan()
        around.judge.thaws(running.process, alerts, asked_s)
        receipt = await running.daemon.take_alerts(caller, alerts)
        if receipt.accepted == len(alerts):
            around.judge.takes(running.process, alerts, asked_s, around.loop.now_s)
        if caller.tenants is not None and plan is not None and plan is running.daemon.plan():
            theirs = {one for name in caller.tenants & plan.tenants.keys() for one in plan.tenants[name].namespaces}
            own = [one for one in alerts if one.labels.get("namespace", "") in theirs]
            if receipt.accepted > len(own):
                around.observer.say(
                    "foreign-alert", None, f"{receipt.accepted} alerts were taken, {len(own)} are its own"
                )

    def _executors(self, process: Process, generator: np.random.Generator) -> tuple[Later, Later]:
        """Give executors that take no time, or a drawn while, as this start happens to."""
        if generator.random() < 0.5:
            return Later(self.around.loop), Later(self.around.loop)
        return (
            Later(self.around.loop, lambda: float(generator.uniform(0.0, 0.05)), process.standing_still),
            Later(self.around.loop, lambda: float(generator.uniform(0.0, 0.3)), process.standing_still),
        )

    async def _watched(self, work: Callable[[], Awaitable[None]], process: Process) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever ends a daemon is what is looked for
            self.around.observer.say("ended", None, f"{process.name} ended with {error!r}")
