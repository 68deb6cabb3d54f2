"""Gets the programs of real servers: `python -m tests.servers.build`, which is what `make servers` runs.

Debian packages are installed where this user may (root with apt-get); the Kubernetes control plane, etcd,
Helm, prometheus-operator and Prometheus 3 are built from their own Go modules into a cache keyed by version. What is there already is left alone.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.servers.binaries import (
    CACHE,
    ETCD_VERSION,
    HELM_VERSION,
    KUBERNETES_VERSION,
    LUA_SOCKET,
    MANIFESTS,
    OPERATOR_VERSION,
    PROMETHEUS_3_VERSION,
    find,
)

_MODULES = Path(__file__).resolve().parents[1] / "cluster"
_PACKAGES = {
    "prometheus": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "chromium": "chromium",
    "openssl": "openssl",
    "faketime": "faketime",
    "curl": "curl",
    "haproxy": "haproxy",
    "nginx": "nginx-light",
    "caddy": "caddy",
    "mtail": "mtail",
    "apache2": "apache2-bin",
    "nft": "nftables",
    LUA_SOCKET: "lua-socket",
}
"""Debian package of each program, and of the one library that a server needs beside its own."""


@dataclass(frozen=True)
class Build:
    """Programs built from one Go module.

    Attributes:
        module: folder of the `go.mod`, under `tests/cluster`.
        packages: Go package of each program.
        place: folder of the programs inside the cache.
        flags: additions to the linker's flags.
        cost: time and disk, as measured on two cores with an empty Go cache.
        published: Go module and its files (glob patterns) that are copied beside the programs; None: none.
    """

    module: str
    packages: dict[str, str]
    place: str
    flags: str
    cost: str
    published: tuple[str, tuple[str, ...]] | None = None


_BUILDS = (
    Build(
        module="etcd",
        packages={"etcd": "go.etcd.io/etcd/server/v3"},
        place=f"etcd-{ETCD_VERSION}",
        flags="",
        cost="about half a minute, 25 MB (and 0.3 GB of Go's build cache)",
    ),
    Build(
        module="helm",
        packages={"helm": "helm.sh/helm/v3/cmd/helm"},
        place=f"helm-{HELM_VERSION}",
        # Without the last two it renders charts for Kubernetes 1.20.
        flags=f"-X helm.sh/helm/v3/internal/version.version=v{HELM_VERSION}"
        + "".join(
            f" -X helm.sh/helm/v3/pkg/chartutil.k8sVersion{part}={number}"
            for part, number in zip(("Major", "Minor"), KUBERNETES_VERSION.split("."), strict=False)
        ),
        cost="about a minute and a half, 62 MB (and 0.7 GB of Go's build cache)",
    ),
    Build(
        module="prometheus-operator",
        packages={"prometheus-operator": "github.com/prometheus-operator/prometheus-operator/cmd/operator"},
        place=f"prometheus-operator-{OPERATOR_VERSION}",
        flags=f"-X github.com/prometheus/common/version.Version={OPERATOR_VERSION}",
        cost="about two minutes, 66 MB (and 0.9 GB of Go's build cache)",
        published=(
            "github.com/prometheus-operator/prometheus-operator",
            ("example/prometheus-operator-crd/*.yaml", "example/rbac/prometheus-operator/*-cluster-role.yaml"),
        ),
    ),
    Build(
        module="prometheus-3",
        packages={"prometheus-3": "github.com/prometheus/prometheus/cmd/prometheus"},
        place=f"prometheus-{PROMETHEUS_3_VERSION}",
        flags=f"-X github.com/prometheus/common/version.Version={PROMETHEUS_3_VERSION}",
        cost="4 to 8 minutes, 100 MB (and 2 GB of Go's build cache)",
    ),
    Build(
        module="controlplane",
        packages={
            name: f"k8s.io/kubernetes/cmd/{name}"
            for name in ("kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl")
        },
        place=f"kubernetes-{KUBERNETES_VERSION}",
        # Without a version the server calls itself by a template that clients cannot read.
        flags=f"-X k8s.io/component-base/version.gitVersion=v{KUBERNETES_VERSION}",
        cost="5 to 8 minutes, 400 MB (and 2.7 GB of Go's build cache)",
    ),
)


def main() -> int:
    """Get what is missing; tell what cannot be had here. Returns the exit status."""
    lacking = [*_install(), *(name for build in _BUILDS for name in _build(build))]
    for name in lacking:
        print(f"{name}: cannot be had here; its tests are skipped (under CI they fail)")
    return 1 if lacking and os.environ.get("CI") else 0


def _install() -> list[str]:
    """Install Debian packages of programs that are missing; give those that stay missing."""
    missing = [program for program in _PACKAGES if find(program) is None]
    if not missing:
        print(f"{', '.join(_PACKAGES)}: there")
        return []
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        packages = " ".join(_PACKAGES[program] for program in missing)
        print(f"not root on Debian, so install by hand: apt-get install {packages}")
        return missing
    print(f"installing {', '.join(missing)}: about a minute, up to 0.7 GB with chromium")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    packages = [_PACKAGES[program] for program in missing]
    for command in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *packages]):
        if subprocess.run(["apt-get", *command], env=quiet, check=False).returncode != 0:
            break
    return [program for program in missing if find(program) is None]


def _build(build: Build) -> list[str]:
    """Build one module's programs if any is missing; give those that stay missing."""
    names, place = list(build.packages), CACHE / build.place
    missing = [name for name in names if find(name) is None]
    if missing and shutil.which("go") is None:
        print(
            f"no Go here, so {', '.join(missing)} cannot be built: install Go 1.26 or later, or set KUBEBUILDER_ASSETS"
        )
        return missing
    place.mkdir(parents=True, exist_ok=True)
    if missing:
        print(f"building {', '.join(missing)}: {build.cost}", flush=True)
        for name in missing:
            _compile(build, name, place)
    else:
        print(f"{', '.join(names)}: there")
    if build.published is not None and shutil.which("go") is not None:
        _publish(build.module, *build.published, place / MANIFESTS)
    return [name for name in missing if find(name) is None]


def _compile(build: Build, name: str, place: Path) -> None:
    """Build one program beside its place and move it there whole, so that no half program is ever found."""
    with tempfile.TemporaryDirectory(dir=place) as folder:
        output = Path(folder) / name
        command = ["go", "build", "-C", str(_MODULES / build.module), "-trimpath", "-ldflags", f"-s -w {build.flags}"]
        environment = {**os.environ, "CGO_ENABLED": "0"}
        result = subprocess.run([*command, "-o", str(output), build.packages[name]], env=environment, check=False)
        if result.returncode == 0:
            output.replace(place / name)


def _publish(folder: str, module: str, patterns: tuple[str, ...], place: Path) -> None:
    """Copy what a module publishes for `kubectl apply` out of Go's module cache, whole as well."""
    if place.is_dir():
        return
    command = ["go", "mod", "download", "-C", str(_MODULES / folder), "-json", module]
    result = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if result.returncode != 0:
        return
    source = Path(json.loads(result.stdout)["Dir"])
    with tempfile.TemporaryDirectory(dir=place.parent) as beside:
        whole = Path(beside) / MANIFESTS
        whole.mkdir()
        for path in [path for pattern in patterns for path in source.glob(pattern)]:
            shutil.copyfile(path, whole / path.name)
        whole.replace(place)


if __name__ == "__main__":
    sys.exit(main())
