"""The programs with which people change Deployments."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from tests.cluster.installation.documents import TOKENS
from tests.cluster.installation.site import DaemonProcess, Site
from tests.servers.binaries import require
from tests.servers.process import wait_until

NAMESPACE = "acme-prod"
REPLICAS = 5
"""What a load of 45 calls/s asks for, at ten a replica."""


class Tools:
    """What tests of other writers do and ask.

    Args:
        site: the installation.
        folder: for manifests and charts.
    """

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self._folder = folder

    def steady(self, name: str) -> None:
        """Deploy a function with two replicas by apply, and bring it to five under a load that stays."""
        self.site.plane.namespace(NAMESPACE)
        self.apply(name, 0)
        self.site.exporter.know(f"{name}.{NAMESPACE}", 2)
        self.load(name)

    def load(self, name: str) -> None:
        """Put a function under a load that asks for five replicas, and wait until it has them."""
        self.site.traffic.rates[f"{name}.{NAMESPACE}"] = 45.0
        self.site.wait_replicas(NAMESPACE, name, REPLICAS)
        self.site.wait_seen(NAMESPACE, name, "value")

    def end(self, name: str) -> None:
        """End a function, so that it costs later tests nothing."""
        self.site.traffic.rates[f"{name}.{NAMESPACE}"] = 0.0
        self.site.plane.delete(NAMESPACE, name)

    def manifest(self, name: str, version: int, replicas: int = 2) -> str:
        """Give a function's manifest, with `replicas:` in it; another version is another pod template."""
        container = {
            "name": "function",
            "image": "none",
            "ports": [{"containerPort": 8080}],
            "env": [{"name": "VERSION", "value": str(version)}],
        }
        template = {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
        }
        return json.dumps(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"faas_function": name}},
                "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
            }
        )

    def apply(self, name: str, version: int, *options: str) -> None:
        """Apply a function's manifest as kubectl does."""
        self.kubectl("apply", *options, "-f", "-", text=self.manifest(name, version))

    def chart(self, name: str, version: int) -> Path:
        """Write a chart of one function and give its folder."""
        chart = self._folder / f"{name}-{version}"
        (chart / "templates").mkdir(parents=True)
        (chart / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 0.{version}.0\n")
        (chart / "templates" / "function.yaml").write_text(self.manifest(name, version))
        return chart

    def upgrade(self, name: str, version: int) -> None:
        """Install or upgrade a function's chart as Helm does."""
        self._run("helm", "upgrade", "--install", name, self.chart(name, version), "--namespace", NAMESPACE)

    def kubectl(self, *arguments: str, text: str | None = None) -> None:
        """Run kubectl in the tenant's namespace."""
        self._run("kubectl", "--namespace", NAMESPACE, *arguments, text=text)

    def ours(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run our own command against the daemon, as its tenant."""
        program = Path(sys.executable).with_name("autoscaler")
        options = ["--server", self.site.daemon.url, "--token", TOKENS["acme"]]
        return subprocess.run([program, *arguments, *options], capture_output=True, text=True, check=False, timeout=60)

    def function(self, name: str) -> dict[str, Any]:
        """Give what the daemon says of a function."""
        answer = self.site.daemon.ask(f"/v1/functions/{NAMESPACE}/{name}", TOKENS["acme"])
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def foreign_writes(self, daemon: DaemonProcess | None = None) -> dict[str, float]:
        """Give a daemon's metric of foreign writes, by manager; None: the site's."""
        text = requests.get(f"{(daemon or self.site.daemon).metrics_url}/metrics", timeout=10).text
        lines = [line for line in text.splitlines() if line.startswith("autoscaler_foreign_writes_total{")]
        return {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in lines}

    def wait_left_to(self, name: str, by: str) -> None:
        """Wait until a function is left to this writer."""
        wait_until(lambda: (self.function(name)["held"] or {}).get("by") == by, f"{name} to be left to {by}", 60, 0.1)

    def is_steady_through_ticks(self, name: str, replicas: int, count: int = 8) -> bool:
        """Tell whether a function keeps its replicas for so many ticks."""
        until = self.site.ticks() + count
        kept: list[int] = []

        def passed() -> bool:
            kept.append(self.site.plane.replicas(NAMESPACE, name))
            return self.site.ticks() >= until

        wait_until(passed, f"{count} ticks", 120, 0.1)
        return set(kept) == {replicas}

    def _run(self, program: str, *arguments: str | Path, text: str | None = None) -> None:
        environment = {**os.environ, "KUBECONFIG": str(self.site.plane.admin_kubeconfig), "HOME": str(self._folder)}
        outcome = subprocess.run(
            [require(program), *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env=environment,
        )
        assert outcome.returncode == 0, outcome.stderr
