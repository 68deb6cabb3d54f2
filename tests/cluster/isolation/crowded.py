"""Two tenants that share a pool: one that floods the daemon in every way it may, and one that wants its guarantee."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import requests

from tests.cluster.installation.documents import TENANTS, TOKENS, hashed
from tests.cluster.installation.site import DaemonProcess
from tests.servers.controlplane import ControlPlane
from tests.servers.exporter import Exporter
from tests.servers.process import free_port, running, wait_until
from tests.servers.prometheus import prometheus

POOL = 20
GUARANTEE = 8
TICK_S = 0.5
FLOOD, CALM = "flood-fn", "calm-fn"
NAMESPACES = {"acme": FLOOD, "umbrella": CALM}
"""By tenant; the first is the one that means harm."""
BUDGETS = {"acme": "{weight: 100}", "umbrella": f"{{guarantee: {GUARANTEE}, weight: 1}}"}
CALM_FUNCTIONS = ("one", "two")
FLOOD_FUNCTIONS = tuple(f"f{number}" for number in range(6))


class Crowded:
    """The parts by name.

    Attributes:
        policies: the daemon's policy folder.
    """

    def __init__(self, plane: ControlPlane, gateway: Exporter, daemon: DaemonProcess, policies: Path) -> None:
        self.plane = plane
        self.gateway = gateway
        self.daemon = daemon
        self.policies = policies

    def functions(self) -> None:
        """Deploy all functions, each called so that it needs one replica."""
        for namespace, names in ((CALM, CALM_FUNCTIONS), (FLOOD, FLOOD_FUNCTIONS)):
            self.plane.namespace(namespace)
            for name in names:
                self.plane.deployment(namespace, name, {"faas_function": name}, 1)
                self.gateway.know(f"{name}.{namespace}", 1)
                self.called(namespace, 5.0, name)

    def called(self, namespace: str, per_s: float, *names: str) -> None:
        """Have functions of a namespace called at a rate."""
        for name in names:
            self.gateway.load(f"{name}.{namespace}", per_s)

    def has(self, namespace: str, names: Sequence[str]) -> list[int]:
        """Give the replicas of functions."""
        return [self.plane.replicas(namespace, name) for name in names]

    def wait_calm(self, count: int, deadline_s: float = 90.0) -> float:
        """Wait until both calm functions have so many replicas; give the seconds that it took."""
        began_s = time.monotonic()
        wait_until(
            lambda: min(self.has(CALM, CALM_FUNCTIONS)) >= count,
            f"{count} replicas of each calm function; there are {self.has(CALM, CALM_FUNCTIONS)}",
            deadline_s,
            0.1,
        )
        return time.monotonic() - began_s

    def ticks(self) -> int:
        """Give the number of full ticks so far."""
        return int(self.daemon.ask("/v1/status").json()["ticks"])

    def most_of(self, namespace: str, name: str) -> int | None:
        """Give the maximum of a function's replicas, as the policy in force says it."""
        fields = self.daemon.ask(f"/v1/functions/{namespace}/{name}/policy").json()["fields"]
        most: int | None = next(one["value"] for one in fields if one["field"] == "replicas.max")
        return most

    def budget(self, tenant: str) -> dict[str, Any]:
        """Give what the last tick made of a tenant's budget."""
        tenants = self.daemon.ask("/v1/tenants").json()["tenants"]
        budget: dict[str, Any] = next(one["budget"] for one in tenants if one["tenant"] == tenant)
        return budget


class Ticks:
    """Follows the daemon's ticks and the calm tenant's replicas while something goes on.

    Attributes:
        least: the fewest replicas that the calm functions had together.
        short: accounts of ticks in which they were given less than min(asked, guarantee).
    """

    def __init__(self, crowded: Crowded) -> None:
        self._crowded = crowded
        self._ended = threading.Event()
        self._seen: list[tuple[float, int]] = []
        self.least = POOL
        self.short: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self._follow)

    def __enter__(self) -> "Ticks":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._ended.is_set():
            self._seen.append((time.monotonic(), self._crowded.ticks()))
            self.least = min(self.least, sum(self._crowded.has(CALM, CALM_FUNCTIONS)))
            budget = self._crowded.budget("umbrella")
            if budget["granted"] < min(budget["asked"], GUARANTEE):
                self.short.append(budget)
            self._ended.wait(0.1)

    @property
    def count(self) -> int:
        """Ticks that there were."""
        return self._seen[-1][1] - self._seen[0][1]

    @property
    def lasted_s(self) -> float:
        return self._seen[-1][0] - self._seen[0][0]

    @property
    def longest_s(self) -> float:
        """The longest time in which no tick was seen to come."""
        pairs = pairwise(self._seen)
        changes = [later_s for (_, before), (later_s, after) in pairs if after > before]
        return max((later_s - earlier_s for earlier_s, later_s in pairwise(changes)), default=0.0)

    def __str__(self) -> str:
        return (
            f"{self.count} ticks in {self.lasted_s:.1f} s, the longest gap {self.longest_s:.2f} s, least {self.least}"
        )


@contextmanager
def together(*works: Callable[[], None]) -> Iterator[None]:
    """Do each work over and over, in a thread of its own, for the length of the block."""
    ended = threading.Event()

    def go(work: Callable[[], None]) -> None:
        while not ended.is_set():
            work()

    threads = [threading.Thread(target=go, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


@contextmanager
def crowded_site(plane: ControlPlane, folder: Path) -> Iterator[Crowded]:
    """Run everything, with documents as files and as custom resources."""
    policies = folder / "policies"
    policies.mkdir()
    for name, namespace in NAMESPACES.items():
        budget = f"pool: shared\n  budget: {{replicas: {BUDGETS[name]}}}"
        text = TENANTS.format(name=name, namespace=namespace, token=hashed(TOKENS[name]), budget=budget)
        (policies / f"{name}.yaml").write_text(text)
    with Exporter() as gateway, prometheus(folder, {"gateway": [gateway.address]}) as server:
        nowhere = f"http://127.0.0.1:{free_port()}"
        daemon = DaemonProcess(folder, plane, server.url, nowhere, f"127.0.0.1:{free_port()}")
        settings = folder / "settings.yaml"
        text = settings.read_text().replace("timeout: 3s}", "timeout: 3s, customResources: true}")
        settings.write_text(f"{text}pools: {{shared: {{replicas: {POOL}, hold: 0s}}}}\n")
        site = Crowded(plane, gateway, daemon, policies)
        site.functions()
        with running(daemon, daemon.is_ready, 60):
            yield site


def post(site: Crowded, path: str, tenant: str, body: bytes) -> int:
    """Post something in the name of a tenant; give the status, 0: none."""
    headers = {"Authorization": f"Bearer {TOKENS[tenant]}", "Content-Type": "application/json"}
    try:
        return requests.post(f"{site.daemon.url}{path}", data=body, headers=headers, timeout=60).status_code
    except requests.RequestException:
        return 0
