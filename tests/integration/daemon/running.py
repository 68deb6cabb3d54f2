"""`autoscaler run` as a process, and what the tests ask of it."""

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

from autoscaler.core.fleet import FunctionKey
from autoscaler.twin.world import TARGET, Twin
from tests.servers.process import PATIENCE, Server, free_port

BUSY = FunctionKey("acme", "busy")
SLEEPY = FunctionKey("acme", "sleepy")
DATABASE = FunctionKey("acme", "postgres")
OPERATOR, TENANT, GATEWAY = "operator-token", "acme-token", "gateway-token"

DOCUMENTS = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: acme}}
spec:
  namespaces: [acme]
  source: main
  callers: [{{tokenSHA256: {tenant}}}]
  bounds: {{allowZero: true}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: default, namespace: acme}}
spec:
  functions: {{names: ["*"]}}
  metrics: [{{type: rps, target: 5, utilization: 1}}]
  windows: {{stable: 4s}}
  scaleDown: {{stabilization: 2s}}
"""


def sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def command(*arguments: str) -> list[str]:
    """Give the command line of `autoscaler`."""
    return [sys.executable, "-m", "autoscaler.cli", *arguments]


async def run_command(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end while the event loop goes on."""
    env = {**os.environ, **environment}
    return await asyncio.to_thread(
        subprocess.run, command(*arguments), capture_output=True, text=True, env=env, timeout=60 * PATIENCE, check=False
    )


async def until(condition: Callable[[], object], what: str, deadline_s: float = 30.0) -> None:
    """Wait until the condition holds while the event loop goes on."""
    try:
        async with asyncio.timeout(deadline_s * PATIENCE):
            while not condition():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise TimeoutError(f"not within {deadline_s * PATIENCE} s: {what}") from None


class Running:
    """`autoscaler run` and the twin it runs against."""

    def __init__(self, twin: Twin, folder: Path) -> None:
        self.twin = twin
        self.config = folder / "settings.json"
        self.port, self.metrics_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.metrics_url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        (folder / "policies").mkdir()
        (folder / "policies" / "acme.yaml").write_text(DOCUMENTS.format(tenant=sha256(TENANT)))
        (folder / "kubeconfig").write_text(twin.kubeconfig())
        gateway = {"profile": "openfaas", "match": TARGET, "callers": [{"tokenSHA256": sha256(GATEWAY)}]}
        settings = {
            "tick": "500ms",
            "sources": {"main": {"url": twin.prometheus_url, "scrapeInterval": "1s", "gateways": [gateway]}},
            "operators": [{"tokenSHA256": sha256(OPERATOR)}],
            "policies": str(folder / "policies"),
            "listen": f"127.0.0.1:{self.port}",
            "metrics": {"listen": f"127.0.0.1:{self.metrics_port}"},
            "kubernetes": {"kubeconfig": str(folder / "kubeconfig")},
        }
        self.config.write_text(json.dumps(settings))  # YAML holds JSON
        self.server = Server(command("run", "--config", str(self.config)), folder / "daemon.log")

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        self.server.start()
        async with aiohttp.ClientSession() as session, asyncio.timeout(60 * PATIENCE):
            while not await self._is_ready(session):
                process = self.server.process
                assert process is not None
                assert process.poll() is None, self.server.tail()
                await asyncio.sleep(0.05)

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"http://127.0.0.1:{self.metrics_port}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def end(self, number: signal.Signals) -> int:
        """Send it a signal and give what it exits with."""
        process = self.server.process
        assert process is not None
        process.send_signal(number)
        code = await asyncio.to_thread(process.wait, 30 * PATIENCE)
        self.server.stop()
        return code

    def replicas(self, key: FunctionKey) -> int:
        """Give the replicas that the twin's cluster is asked for."""
        return next(one.replicas for one in self.twin.deployments if one.key == key)

    async def status(self) -> dict[str, Any]:
        """Give the daemon's own state."""
        headers = {"Authorization": f"Bearer {OPERATOR}"}
        async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{self.url}/v1/status") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def ticks(self, count: int, deadline_s: float = 60.0) -> None:
        """Wait until this many ticks are done."""
        async with asyncio.timeout(deadline_s * PATIENCE):
            while (await self.status())["ticks"] < count:
                await asyncio.sleep(0.1)

    def lines(self) -> list[dict[str, object]]:
        """Give the daemon's log."""
        return [json.loads(line) for line in self.server.tail(1 << 20).splitlines() if line.startswith("{")]
