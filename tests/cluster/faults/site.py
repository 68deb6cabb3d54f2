"""Everything that faults are done to, running: gateway counters, Prometheus, proxy, the daemon's process, the recorder."""

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.cluster.faults.documents import NAMESPACES, OPERATOR, SETTINGS, hashed
from tests.cluster.faults.judging import Key, Rule, oscillations, trespasses, unjustified_shrinks
from tests.cluster.faults.traffic import Traffic
from tests.servers.controlplane import ControlPlane
from tests.servers.exporter import Exporter
from tests.servers.faultproxy import FaultProxy
from tests.servers.process import Server, free_port, wait_until
from tests.servers.prometheus import Prometheus
from tests.servers.recorder import Recorder

RULE = Rule()
STEADY: Key = (NAMESPACES["acme"], "steady")
"""Shared by all tests; its load never changes."""
MOVING: Key = (NAMESPACES["globex"], "moving")
"""Shared by all tests; its load goes up and down, see `Site.move`."""
OWN: dict[str, Key] = {name: (NAMESPACES["acme"], name) for name in ("cut", "stalled", "recreated", "hidden")}
"""Functions of one test each, under a constant load when it begins; made beforehand, all at once."""
PATIENCE = 3.0
"""How much longer than promised a test waits: the machine that runs it may be slow and noisy. The soak run measures."""


class DaemonProcess(Server):
    """`autoscaler run` with the service account's rights, behind a proxy or not."""

    def __init__(
        self,
        folder: Path,
        kubeconfig: Path,
        prometheus_url: str,
        policies: Path,
        name: str = "daemon",
        more_settings: str = "",
        env: dict[str, str] | None = None,
    ) -> None:
        listen, metrics = (f"127.0.0.1:{free_port()}" for _ in range(2))
        self.url, self.metrics_url = f"http://{listen}", f"http://{metrics}"
        text = SETTINGS.format(
            prometheus=prometheus_url,
            operator=hashed(OPERATOR),
            policies=policies,
            listen=listen,
            metrics=metrics,
            kubeconfig=kubeconfig,
        )
        settings = folder / f"{name}.yaml"
        settings.write_text(text + more_settings)
        program = Path(sys.executable).with_name("autoscaler")
        super().__init__([program, "run", "--config", settings], folder / f"{name}.log", env)

    def is_ready(self) -> bool:
        """Tell whether it has synced and decided once."""
        try:
            return requests.get(f"{self.metrics_url}/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def begin(self) -> None:
        """Start it and wait until it is ready."""
        self.start()
        self.wait_for(self.is_ready, 60)

    def ask(self, path: str) -> Any:
        """Ask its API as operator."""
        answer = requests.get(f"{self.url}{path}", headers={"Authorization": f"Bearer {OPERATOR}"}, timeout=20)
        answer.raise_for_status()
        return answer.json()

    def leads(self) -> bool:
        """Tell whether it decides, and no other."""
        text = requests.get(f"{self.metrics_url}/metrics", timeout=20).text
        return "\nautoscaler_leader 1" in text

    def ticks(self) -> int:
        """Give the number of full ticks so far."""
        return int(self.ask("/v1/status")["ticks"])

    def view(self, key: Key) -> tuple[int, int]:
        """Give the replicas requested and ready, as it has them from its watches."""
        now = self.ask(f"/v1/functions/{key[0]}/{key[1]}")["now"]
        return int(now["requested"]), int(now["ready"])

    def record(self, key: Key) -> dict[str, Any]:
        """Give the last decision on a function, whole."""
        decision: dict[str, Any] = self.ask(f"/v1/functions/{key[0]}/{key[1]}")["decision"]
        return decision


@dataclass
class Site:
    """The parts by name, and what a test asks of them."""

    folder: Path
    plane: ControlPlane
    proxy: FaultProxy
    exporter: Exporter
    traffic: Traffic
    prometheus: Prometheus
    recorder: Recorder
    daemon: DaemonProcess
    credentials: "Credentials"
    recoveries: list[float] = field(default_factory=list)

    def function(self, key: Key, replicas: int = 0) -> None:
        """Deploy a function that the gateway knows."""
        namespace, name = key
        self.plane.namespace(namespace)
        self.plane.deployment(namespace, name, {"faas_function": name}, replicas)
        self.exporter.know(f"{name}.{namespace}", replicas)

    def load(self, key: Key, per_s: float) -> None:
        """Have a function called at a constant rate from now on."""
        self.traffic.load(key, per_s)

    def replicas(self, key: Key) -> int:
        """Give what a Deployment has now."""
        return self.plane.replicas(*key)

    def wait_right(self, *keys: Key, more_s: float = 0.0, of: DaemonProcess | None = None) -> float:
        """Wait until functions have what a fresh daemon with full windows decides; give the seconds that it took.

        Args:
            more_s: what the fault itself may take to be noticed as over, such as a back-off.
            of: who decides; None: the daemon that is alone.
        """
        promised_s = RULE.settle_s + RULE.scrape_s + more_s
        start_s = time.monotonic()
        for key in keys:
            wanted = RULE.wants(self.traffic.rate(key))
            try:
                self._wait_at(key, wanted, PATIENCE * promised_s)
            except TimeoutError as error:
                raise TimeoutError(f"{error}: it is at {self.replicas(key)}; {(of or self.daemon).tail()}") from None
        self.recoveries.append(time.monotonic() - start_s)
        return self.recoveries[-1]

    def _wait_at(self, key: Key, count: int, deadline_s: float) -> None:
        wait_until(lambda: self.replicas(key) == count, f"{key} at {count}", deadline_s, 0.1)

    def start_right(self) -> None:
        """Begin a test with both shared functions at the replicas that their loads ask for."""
        self.wait_right(STEADY, MOVING)

    def move(self) -> float:
        """Double or quarter the load of the shared function that moves; give the requests/s it now has."""
        per_s = 55.0 if self.traffic.rate(MOVING) < 40 else 15.0
        self.load(MOVING, per_s)
        return per_s

    def wait_seen(self, key: Key) -> None:
        """Wait until the daemon measures a function's load as it is, whether it can write or not."""
        per_s = self.traffic.rate(key)
        wait_until(lambda: abs((self.daemon.record(key)["rps"] or 0.0) - per_s) < 5, f"{per_s}/s of {key} to be seen")

    def wait_ticks(self, count: int, of: DaemonProcess | None = None) -> None:
        """Wait until the daemon has decided this often again."""
        daemon = of or self.daemon
        until = daemon.ticks() + count
        wait_until(lambda: daemon.ticks() >= until, f"{count} ticks", 60, 0.1)

    def assert_stays(self, *keys: Key, ticks: int = 5, of: DaemonProcess | None = None) -> None:
        """See that functions are right, also in the daemon's own eyes, and stay so while it goes on deciding."""
        for key in keys:
            self._wait_recorded(key, RULE.wants(self.traffic.rate(key)))
            self.wait_viewed(key, of)
        start_s = time.monotonic()
        self.wait_ticks(ticks, of)
        moved = [change for change in self.recorder.since(start_s) if (change.namespace, change.name) in keys]
        assert not moved, f"{moved}\n{(of or self.daemon).tail()}"
        for key in keys:
            assert self.replicas(key) == RULE.wants(self.traffic.rate(key)), key

    def _wait_recorded(self, key: Key, count: int) -> None:
        wait_until(lambda: self.recorder.replicas(key) == count, f"{key} to be recorded at {count}")

    def wait_viewed(self, key: Key, of: DaemonProcess | None = None) -> None:
        """Wait until the daemon knows a function as what it should be by now, with all its replicas ready."""
        daemon, count = of or self.daemon, RULE.wants(self.traffic.rate(key))
        both = (count, count)
        wait_until(lambda: daemon.view(key) == both, f"{key} to be known as {count}, all ready", 60, 0.1)

    def judge(self, since_s: float = 0.0) -> None:
        """Fail on what may never be seen, whatever happened."""
        changes = self.recorder.since(since_s)
        assert unjustified_shrinks(changes, self.traffic.truth, RULE) == [], self.daemon.tail()
        assert trespasses(changes, self.touched(), self.claimed()) == []
        assert oscillations(changes, self.traffic.truth, RULE) == [], self.daemon.tail()

    def touched(self) -> set[Key]:
        """Give what the daemon ever wrote to: Deployments' fields, and Events on anything."""
        events = self.plane.request("GET", "/api/v1/events")["items"]
        ours = (one["involvedObject"] for one in events if "autoscaler" in one.get("source", {}).get("component", ""))
        return self.recorder.touched | {(one["namespace"], one["name"]) for one in ours}

    def claimed(self) -> set[str]:
        """Give the namespaces of the tenants, and those of other tests in this cluster, where other daemons wrote."""
        return {*NAMESPACES.values(), *(name for name in self._namespaces() if not name.startswith("fault-"))}

    def has_namespace(self, name: str) -> bool:
        """Tell whether there is such a namespace, even one that is going."""
        return name in self._namespaces()

    def _namespaces(self) -> set[str]:
        return {one["metadata"]["name"] for one in self.plane.request("GET", "/api/v1/namespaces")["items"]}


class Credentials:
    """The daemon's service account token: a real one, in a file that its kubeconfig names.

    Args:
        folder: where the file is.
        plane: who issues tokens.
    """

    def __init__(self, folder: Path, plane: ControlPlane) -> None:
        self.file = folder / "token"
        self._plane = plane
        self._number = 0

    def rotate(self) -> None:
        """Put a new token into the file."""
        self._number += 1
        self.file.write_text(self._plane.issue_token("autoscaler", "autoscaler", f"fault-token-{self._number}"))

    def withdraw(self) -> None:
        """End the token that is in use, and leave one in the file that never was any."""
        self._plane.withdraw_token("autoscaler", f"fault-token-{self._number}")
        self.file.write_text("not-a-token")

    def kubeconfig(self, path: Path, url: str) -> Path:
        """Write a kubeconfig that reaches the API server at an address with the token in the file."""
        cluster = {"server": url, "certificate-authority": str(self._plane.certificate)}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "daemon", "user": {"tokenFile": str(self.file)}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "daemon"}}],
            "current-context": "test",
        }
        path.write_text(json.dumps(document))
        return path
