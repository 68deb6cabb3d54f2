"""The daemon as its users run it, over very many functions, in a process of its own."""

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import requests

from benchmarks.fleets import names
from tests.servers.process import Server, free_port

PATIENCE_S = 600.0


class Program:
    """`autoscaler run` in dry run, with a `Tenant` and a `ScalingPolicy` for every hundred functions.

    Args:
        folder: for its files; must be empty of those of another.
        kubeconfig: leads to the API server.
        prometheus_url: where loads come from.
        count: functions.
        tick: interval of its ticks.
    """

    def __init__(self, folder: Path, kubeconfig: Path, prometheus_url: str, count: int, tick: str = "10s") -> None:
        self._tick = tick
        self._metrics = f"http://127.0.0.1:{free_port()}"
        settings = self._settings(folder, kubeconfig, prometheus_url, _policies(folder, count))
        self._server = Server([sys.executable, "-m", "autoscaler.cli", "run", "--config", settings], folder / "log")

    @contextlib.contextmanager
    def running(self) -> Iterator[int]:
        """Run it for the length of a `with` block; gives its process id."""
        self._server.start()
        try:
            assert self._server.process is not None
            yield self._server.process.pid
        finally:
            self._server.stop()

    def wait_ready(self) -> None:
        """Wait until it has listed everything and done its first tick."""
        self._server.wait_for(lambda: self._get("/readyz") is not None, PATIENCE_S)

    def wait_ticks(self, count: int) -> None:
        """Wait until it has done this many ticks."""
        self._server.wait_for(lambda: self._ticks() >= count, PATIENCE_S)

    def tail(self) -> str:
        """Give the end of its log."""
        return self._server.tail()

    def own_metrics(self) -> dict[str, float]:
        """Give its own series, those of functions apart: value by name with labels."""
        lines = (self._get("/metrics?tenant=none") or "").splitlines()
        return {name: float(value) for name, _, value in (one.rpartition(" ") for one in lines if one[:1] != "#")}

    def _ticks(self) -> int:
        lines = (self._get("/metrics") or "").splitlines()
        return next((int(float(line.split()[-1])) for line in lines if line.startswith("autoscaler_ticks_total ")), 0)

    def _get(self, path: str) -> str | None:
        try:
            with requests.get(self._metrics + path, timeout=60, stream=path == "/metrics") as answer:
                return answer.text if answer.status_code == 200 else None
        except requests.RequestException:
            return None

    def _settings(self, folder: Path, kubeconfig: Path, prometheus_url: str, policies: Path) -> Path:
        gateway = {"profile": "openfaas", "match": {"job": "gateway"}}
        document = {
            "tick": self._tick,
            "dryRun": True,
            "sources": {"main": {"url": prometheus_url, "timeout": "60s", "gateways": [gateway]}},
            "policies": str(policies),
            "listen": f"127.0.0.1:{free_port()}",
            "metrics": {"listen": self._metrics.removeprefix("http://")},
            "kubernetes": {"kubeconfig": str(kubeconfig)},
            "logLevel": "warning",
        }
        path = folder / "settings.yaml"
        path.write_text(json.dumps(document))
        return path


def _policies(folder: Path, count: int) -> Path:
    """Write a tenant with one policy for each namespace."""
    policies = folder / "policies"
    policies.mkdir()
    for namespace in sorted({key.namespace for key in names(count)}):
        (policies / f"{namespace}.yaml").write_text(
            "apiVersion: autoscaler.faas.dev/v1alpha1\n"
            "kind: Tenant\n"
            f"metadata: {{name: {namespace}}}\n"
            f"spec: {{namespaces: [{namespace}], source: main}}\n"
            "---\n"
            "apiVersion: autoscaler.faas.dev/v1alpha1\n"
            "kind: ScalingPolicy\n"
            f"metadata: {{name: default, namespace: {namespace}}}\n"
            'spec: {functions: {names: ["*"]}, metrics: [{type: concurrency, target: 10}]}\n'
        )
    return policies
