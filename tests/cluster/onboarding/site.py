"""A cluster with the component `tenants-sync`, and passes made on it."""

import base64
import hashlib
import itertools
import json
import secrets
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from autoscaler.adapters.clock import SystemClock
from autoscaler.adapters.kubernetes.owned import open_owned
from autoscaler.policy.onboarding.credentials import RotationTimes
from autoscaler.policy.onboarding.kinds import CREDENTIAL, OWNED, SECRET, ObjectKind
from autoscaler.policy.onboarding.site import Site
from autoscaler.policy.onboarding.subjects import Subject
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import OwnedObjects
from autoscaler.sync.pace import Pace
from autoscaler.sync.passing import Outcome, Passing
from tests.servers.controlplane import ControlPlane
from tests.servers.process import Server
from tests.unit.daemon.clock import HandClock

TENANTS = "/apis/autoscaler.faas.dev/v1alpha1/tenants"
SITE = Site(team=(Subject("Group", "{tenant}-developers"),))
DAY_S = 86_400.0
_NUMBERS = itertools.count()
_PROGRAM = Path(sys.executable).with_name("autoscaler")

Document = dict[str, Any]


@dataclass
class Onboarded:
    """The cluster.

    Attributes:
        kubeconfig: of the service account of the component.
        early: what a pass said before the Prometheus operator's kinds were there.
        clock: the one of passes made here; processes have the wall's.
    """

    plane: ControlPlane
    kubeconfig: Path
    early: subprocess.CompletedProcess[str]
    clock: HandClock = field(default_factory=HandClock)

    def tenant(self, *namespaces: str, name: str | None = None) -> str:
        """Make a Tenant with namespaces, which are made too, and give its name."""
        name = name or f"tenant-{next(_NUMBERS)}"
        for namespace in namespaces:
            self.plane.namespace(namespace)
        document = {
            "apiVersion": "autoscaler.faas.dev/v1alpha1",
            "kind": "Tenant",
            "metadata": {"name": name},
            "spec": {"namespaces": list(namespaces)},
        }
        self.plane.request("POST", TENANTS, json=document)
        return name

    def read_tenant(self, name: str) -> Document:
        """Give a Tenant."""
        return self.plane.request("GET", f"{TENANTS}/{name}")

    def change_tenant(self, name: str, change: Document, part: str = "") -> None:
        """Change a Tenant by a merge patch; `/status` its status."""
        headers = {"Content-Type": "application/merge-patch+json"}
        self.plane.request("PATCH", f"{TENANTS}/{name}{part}", data=json.dumps(change), headers=headers)

    def delete_tenant(self, name: str) -> None:
        """Delete a Tenant; no controller of this cluster collects what it owns."""
        self.plane.request("DELETE", f"{TENANTS}/{name}")

    def valid(self, name: str) -> set[str]:
        """Give the hashes that are in force for a Tenant."""
        return {one["tokenSHA256"] for one in self.read_tenant(name).get("status", {}).get("callers", ())}

    def token(self, namespace: str) -> str | None:
        """Give the token that a namespace's Secret holds; None: there is none."""
        found = self.find(CREDENTIAL, namespace, SECRET)
        return base64.b64decode(found["data"]["token"]).decode() if found is not None else None

    def find(self, kind: ObjectKind, namespace: str, name: str) -> Document | None:
        """Give an object; None: it is not there."""
        try:
            return self.plane.request("GET", path_of(kind, namespace, name))
        except requests.HTTPError as error:
            if error.response.status_code == 404:
                return None
            raise

    def names(self, namespace: str) -> set[tuple[str, str]]:
        """Give kind and name of everything of ours in a namespace."""
        return {(kind.kind, name) for kind, name in OWNED if self.find(kind, namespace, name) is not None}

    async def one_pass(self, times: RotationTimes | None = None, site: Site = SITE, around: Any = None) -> Outcome:
        """Make a pass as the service account, at the clock's time.

        Args:
            around: puts something between the pass and the cluster.
        """
        async with open_owned(KubernetesSettings(kubeconfig=str(self.kubeconfig), page_size=500)) as real:
            objects: OwnedObjects = around(real) if around is not None else real
            pace = Pace(SystemClock(), 1000.0)
            passing = Passing(
                objects,
                site,
                times or RotationTimes(),
                self.clock,
                pace,
                lambda: secrets.token_urlsafe(32),
                lambda: True,
            )
            return await passing.once()

    def run_once(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run `autoscaler tenants sync --once`."""
        return run_once(self.kubeconfig, *options)

    def process(self, folder: Path, *options: str) -> Server:
        """Give the process that keeps tenants, not started yet."""
        return Server([_PROGRAM, *_arguments(self.kubeconfig, options)], folder / "sync.log")


def run_once(kubeconfig: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run one pass as a process."""
    command = [str(_PROGRAM), *_arguments(kubeconfig, ("--once", *options))]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def _arguments(kubeconfig: Path, options: Sequence[str]) -> list[str]:
    team = ["--group", "{tenant}-developers"]
    return ["tenants", "sync", "--kubeconfig", str(kubeconfig), "--lease-namespace", "autoscaler", *team, *options]


def path_of(kind: ObjectKind, namespace: str, name: str = "") -> str:
    """Give the path of an object, or of its collection."""
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    return f"{root}/namespaces/{namespace}/{kind.plural}" + (f"/{name}" if name else "")


def hashed(token: str | None) -> str:
    """Give the SHA-256 of a token."""
    return hashlib.sha256((token or "").encode()).hexdigest()
