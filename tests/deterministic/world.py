"""The world of a run: the platform under load, scrapes, the gateway that wakes, and the machines daemons run on."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from autoscaler.core.fleet import FunctionKey
from autoscaler.simulator.measurement import Measurement
from autoscaler.simulator.platform import Platform
from tests.deterministic.alerting import Alertmanager
from tests.deterministic.apiserver import ApiServer
from tests.deterministic.asking import WARM_S, Requests
from tests.deterministic.budgets import PoolRules
from tests.deterministic.defects import Defect
from tests.deterministic.documents import Folder
from tests.deterministic.eventloop import VirtualLoop
from tests.deterministic.host import Host, Surroundings
from tests.deterministic.judge import Judge
from tests.deterministic.lease import LeaseObject
from tests.deterministic.loads import Prometheus
from tests.deterministic.network import Network
from tests.deterministic.observer import Observer
from tests.deterministic.site import SCRAPE_S, UNCLAIMED, Site
from tests.deterministic.supply import Supply
from tests.deterministic.troubles import Troubles
from tests.deterministic.truth import Truth

STEP_S = 1.0
LEADERLESS_S = 10.0 + STEP_S
"""A crashed holder is followed within ten seconds."""

BYSTANDERS = (
    (FunctionKey("acme-a", "database"), 1, {"app": "postgres"}),
    (FunctionKey("corp", "gateway"), 3, {"app": "gateway"}),
    (FunctionKey(UNCLAIMED, "f0"), 4, {"faas_function": "f0"}),
    (FunctionKey(UNCLAIMED, "f1"), 0, {"faas_function": "f1"}),
)
"""Deployments that nobody may touch."""


@dataclass
class World:
    """Everything there is.

    Attributes:
        hosts: machines; a daemon runs on the first, on others only when a fault starts one.
        quiet_since_s: end of the last fault; inf while one lasts.
        troubled: faults that last now, without those after which everything still must go as it should.
        hindered: faults that last now and for which a wake may fail.
        unhindered_since_s: end of the last of those.
        folder: the policy folder as it is now.
        ordered_s: when documents or settings were changed last.
    """

    loop: VirtualLoop
    site: Site
    rng: np.random.Generator
    trace: Callable[[str], None]
    defect: Defect
    platform: Platform = field(init=False)
    api: ApiServer = field(init=False)
    hosts: list[Host] = field(init=False)
    troubled: int = 0
    quiet_since_s: float = 0.0
    hindered: int = 0
    unhindered_since_s: float = 0.0
    ordered_s: float = 0.0
    _changes: list[Callable[[Folder], Folder]] = field(default_factory=list)

    def __post_init__(self) -> None:
        site, rng, loop = self.site, self.rng, self.loop
        specs = [one.spec() for one in site.functions]
        self.platform = Platform(specs, site.workloads(), rng.spawn(1)[0], start_s=1.0)
        self.api = ApiServer(loop.time)
        self.truth = Truth(site)
        self.troubles = Troubles()
        self.alertmanager = Alertmanager(loop.time)
        self.judge = Judge(site, self.truth, self.api, alertmanager=self.alertmanager)
        self.observer = Observer(site, loop.time, lambda write: self.judge.write(write, loop.now_s), self.trace)
        self.supply = Supply(site, self.truth, self.api, self.observer.say)
        self.servers = [Prometheus(name, Measurement(SCRAPE_S)) for name in sorted(site.settings.sources)]
        self.lease = self.judge.lease = LeaseObject(loop.time)
        self.network = Network(loop, rng.spawn(1)[0], lambda: self.api.version, unserved=site.unserved)
        self.requests = Requests(self)
        around = Surroundings(
            loop, site, self.api, self.troubles, self.servers, self.observer, self.judge, rng.spawn(1)[0], self.lease,
            self.network, self.defect,
        )  # fmt: skip
        self.hosts = [Host(name, around) for name in ("one", "two")]
        for one in site.functions:
            self.api.create(one.key, one.first_replicas, {"faas_function": one.key.name}, ready=one.first_replicas)
        for key, replicas, labels in BYSTANDERS:
            self.api.create(key, replicas, labels, ready=replicas)
        self.api.on_scale = self._scale
        self._led_s = 0.0
        self._asking: set[FunctionKey] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """Start the first daemon, and let the world move."""
        for host in self.hosts if self.has_lease else self.hosts[:1]:
            host.start()
        self.spawn(self._move())
        for server in self.servers:
            self.spawn(self._scrape(server))

    @property
    def has_lease(self) -> bool:
        """Whether daemons agree by a Lease on the one that decides; two of them run then."""
        return self.site.settings.leadership is not None

    def leading(self) -> Host:
        """Give the host whose daemon decides, the first where none does: that is whom a standby forwards to."""
        leaders = [host for host in self.hosts if host.running and host.running.leadership.may_write()]
        return leaders[0] if leaders else self.hosts[0]

    def spawn(self, work: "asyncio._CoroutineLike[None]") -> None:
        """Do something beside the rest, until the end of the run."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def server(self, name: str) -> Prometheus:
        return next(server for server in self.servers if server.name == name)

    @property
    def folder(self) -> Folder:
        folder = self.site.folder()
        for change in self._changes:
            folder = change(folder)
        return folder

    def change_folder(self, change: Callable[[Folder], Folder]) -> Callable[[], None]:
        """Change the policy folder of all daemons; what is given back undoes it."""
        self._changes.append(change)
        self._bring()

        def undo() -> None:
            self._changes.remove(change)
            self._bring()

        return undo

    def change_pool(self, pool: PoolRules) -> None:
        """Change the settings of all daemons: each is asked to end, and started anew."""
        self.ordered_s = self.loop.now_s
        for host in self.hosts:
            host.pool = pool
            if host.running is not None:
                host.stop()
                host.start()

    def _bring(self) -> None:
        self.ordered_s = self.loop.now_s
        for host in self.hosts:
            self.spawn(host.bring(self.folder))

    def make(self, key: FunctionKey, replicas: int) -> None:
        """Make a Deployment of a function anew."""
        made = self.api.create(key, replicas, {"faas_function": key.name})
        self.judge.made_s[made.uid] = self.loop.now_s

    async def wake(self, key: FunctionKey, host: Host) -> None:
        """Ask one host's daemon for a function, and judge what it answers."""
        await self.requests.ask(key, host)

    async def _move(self) -> None:
        while True:
            self.platform.advance(self.loop.now_s)
            for one in self.site.functions:
                self._report(one.key)
            self._ask_for_waiting()
            self.requests.second()
            self._look_for_leader()
            self._look_at_supply()
            await asyncio.sleep(STEP_S)

    def _look_for_leader(self) -> None:
        """Check that somebody decides, but for the while that a crashed holder must not be followed."""
        runs = [host.running.process for host in self.hosts if host.running and not host.running.process.is_paused]
        fit_s = min((max(one.started_s, one.paused_s) for one in runs), default=math.inf)
        if not self.has_lease or self.troubles.meddlers or self.troubles.streams:
            self._led_s = self.loop.now_s
        self._led_s = max([self._led_s, *self.lease.renewed_s.values()])
        if self.loop.now_s - max(self._led_s, fit_s) > LEADERLESS_S:
            self.observer.say("leader", None, f"nobody has decided since {self._led_s:.3f} s")
            self._led_s = math.inf

    def _look_at_supply(self) -> None:
        running = self.leading().running
        if running is None or self.troubled:
            return
        held = {view.key for view in running.daemon.health().held}
        calm_since_s = max(self.quiet_since_s + WARM_S, self.ordered_s, running.process.started_s + WARM_S)
        self.supply.second(self.loop.now_s, self.folder, self.leading().pool, calm_since_s, held)

    def _report(self, key: FunctionKey) -> None:
        there, ready = self.api.find(key), self.platform.ready(key)
        if there is not None and there.sees_ready(ready):
            self.api.touch(there)
        self.network.follow(key, 0 if there is None else min(ready, there.ready))

    def _ask_for_waiting(self) -> None:
        """Wake what requests wait for, one call at a time for each function."""
        for one in self.site.functions:
            key = one.key
            if key not in self._asking and self.platform.requested(key) == 0 and self.platform.waiting(key):
                self._asking.add(key)
                self.spawn(self._hold(key))

    async def _hold(self, key: FunctionKey) -> None:
        try:
            await self.wake(key, self.leading())
        finally:
            self._asking.discard(key)

    async def _scrape(self, server: Prometheus) -> None:
        measurement = server.measurement
        while True:
            await asyncio.sleep(measurement.due_s - self.loop.now_s)
            if server.is_not_scraping:
                measurement.skip(self.loop.now_s)
            else:
                self.platform.advance(self.loop.now_s)
                measurement.scrape(self.platform, is_up=not server.is_target_down)

    def _scale(self, key: FunctionKey, replicas: int) -> None:
        if key in self.site.by_key:
            self.platform.advance_one(key, self.loop.now_s)
            self.platform.scale(key, replicas)
            self._report(key)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            raise RuntimeError("the world itself failed") from task.exception()
