"""Where the programs of real servers are found; what is missing is skipped by hand and fails under CI."""

import os
import shutil
from pathlib import Path

import pytest

KUBERNETES_VERSION = "1.36.3"
ETCD_VERSION = "3.6.7"
HELM_VERSION = "3.22.0"
OPERATOR_VERSION = "0.85.0"
PROMETHEUS_3_VERSION = "3.15.0"
CACHE = Path(os.environ.get("AUTOSCALER_SERVERS", Path.home() / ".cache" / "faas-autoscaler" / "servers"))

LUA_SOCKET = "/usr/share/lua/5.3/socket.lua"
"""What tells that the library is there with which Lua in Apache opens connections."""

MANIFESTS = "manifests"
"""Folder beside a built program that holds what its module publishes for `kubectl apply`."""

_BUILT = {
    "kube-apiserver": f"kubernetes-{KUBERNETES_VERSION}",
    "kube-controller-manager": f"kubernetes-{KUBERNETES_VERSION}",
    "kube-proxy": f"kubernetes-{KUBERNETES_VERSION}",
    "kube-scheduler": f"kubernetes-{KUBERNETES_VERSION}",
    "kubectl": f"kubernetes-{KUBERNETES_VERSION}",
    "etcd": f"etcd-{ETCD_VERSION}",
    "helm": f"helm-{HELM_VERSION}",
    "prometheus-operator": f"prometheus-operator-{OPERATOR_VERSION}",
    "prometheus-3": f"prometheus-{PROMETHEUS_3_VERSION}",
}


def find(program: str) -> Path | None:
    """Look for a file at its whole path, for a program in KUBEBUILDER_ASSETS, then PATH, then the cache of built ones."""
    if Path(program).is_absolute():
        return Path(program) if Path(program).is_file() else None
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    places = [Path(assets) / program] if assets else []
    on_path = shutil.which(program)
    places += [Path(on_path)] if on_path else []
    places += [CACHE / _BUILT[program] / program] if program in _BUILT else []
    return next((place for place in places if place.is_file()), None)


def require(program: str) -> Path:
    """Give a program's path; where there is none, skip with how to get it, or fail under CI."""
    return _required(find(program), program)


def require_manifests(program: str) -> Path:
    """Give the folder of the manifests that belong to a built program; where there is none, as `require`."""
    folder = CACHE / _BUILT[program] / MANIFESTS
    return _required(folder if folder.is_dir() else None, f"manifests of {program}")


def _required(found: Path | None, what: str) -> Path:
    if found is not None:
        return found
    message = f"{what}: not here, `make servers` gets it"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
