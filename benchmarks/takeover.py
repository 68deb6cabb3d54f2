"""`python -m benchmarks.takeover`: how long nobody decides when the holder of the Lease ends, or is killed.

Two daemons share a Lease with its default times on a real API server. The holder gets SIGTERM or SIGKILL, and in the
same moment a Deployment is made that its policy wants two of. Measured from the signal: until the Lease names the
other daemon, and until that Deployment has its two replicas, so the first write of the new holder. The machine is
the same for all of it.
"""

import signal
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.report import Figure, at_most, main
from tests.servers.controlplane import ControlPlane
from tests.servers.daemon import Candidate, holder, wait_leading
from tests.servers.process import wait_until

ROUNDS = 5
BOUND_S = {"sigterm": 1.0, "sigkill": 10.0}
_MANIFESTS = Path(__file__).resolve().parents[1] / "manifests"
_RIGHTS = ("base/rbac.yaml", "components/cluster-rights/rbac.yaml")
_SIGNALS = {"sigterm": signal.SIGTERM, "sigkill": signal.SIGKILL}
_DOCUMENTS = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {namespaces: [acme], source: main}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: default, namespace: acme}
spec:
  functions: {names: ["*"]}
  replicas: {min: 2}
"""


def measure() -> list[Figure]:
    """Let two daemons follow each other."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        policies = folder / "policies"
        policies.mkdir()
        (policies / "acme.yaml").write_text(_DOCUMENTS)
        plane = ControlPlane(folder)
        stack.callback(plane.stop)
        plane.start()
        for path in _RIGHTS:
            plane.apply((_MANIFESTS / path).read_text())
        plane.namespace("acme")
        leading, standing_by = (Candidate(folder, one, policies, plane.kubeconfig) for one in ("first", "second"))
        for candidate in (leading, standing_by):
            stack.callback(candidate.kill)
            candidate.begin()
        wait_leading(leading)
        figures: list[Figure] = []
        for kind, number in _SIGNALS.items():
            taken: list[tuple[float, float]] = []
            for turn in range(ROUNDS):
                taken.append(_take_over(plane, leading, standing_by, number, f"{kind}-{turn}"))
                leading, standing_by = standing_by, leading
                standing_by.begin()
            figures += _figures(kind, taken)
        return figures


def _take_over(
    plane: ControlPlane, leading: Candidate, standing_by: Candidate, number: signal.Signals, name: str
) -> tuple[float, float]:
    """Give seconds from the signal to the other's Lease, and to its first write."""
    process = leading.process
    if process is None:
        raise RuntimeError(f"{leading.name} does not run")
    begun_s = time.perf_counter()
    process.send_signal(number)
    plane.deployment("acme", name, {"faas_function": name}, 1, is_paused=True)
    wait_until(lambda: holder(plane) == standing_by.name, f"{standing_by.name} to hold the Lease", 30, 0.005)
    lease_s = time.perf_counter() - begun_s
    wait_until(lambda: plane.replicas("acme", name) == 2, f"{standing_by.name} to write", 30, 0.005)
    written_s = time.perf_counter() - begun_s
    leading.stop()
    return lease_s, written_s


def _figures(kind: str, taken: list[tuple[float, float]]) -> list[Figure]:
    leases, writes = zip(*taken, strict=True)
    return [
        at_most(f"{kind}_to_lease", max(leases), "s", BOUND_S[kind]),
        at_most(f"{kind}_to_lease_median", statistics.median(leases), "s", None),
        at_most(f"{kind}_to_first_write", max(writes), "s", None),
        at_most(f"{kind}_to_first_write_median", statistics.median(writes), "s", None),
    ]


if __name__ == "__main__":
    sys.exit(main(measure, __doc__ or ""))
