"""What the shipped manifests come to: overlays rendered by the real kubectl, the chart by the real Helm."""

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.servers.binaries import require

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
CHART = MANIFESTS / "chart"
OVERLAYS = ("single", "high-availability", "per-tenant-rights")

Document = dict[str, Any]


def kubectl(*arguments: str | Path, kubeconfig: Path | None = None, home: Path) -> subprocess.CompletedProcess[str]:
    """Run kubectl; where it fails is for the caller to see.

    Args:
        home: a folder for what it caches.
    """
    access = ["--kubeconfig", kubeconfig] if kubeconfig is not None else []
    return _run([require("kubectl"), *access, *arguments], home)


def kustomized(folder: Path, home: Path) -> list[Document]:
    """Render a folder that has a kustomization."""
    outcome = kubectl("kustomize", folder, home=home)
    assert outcome.returncode == 0, outcome.stderr
    return documents(outcome.stdout)


def composed(
    home: Path, overlay: str, components: Iterable[str], *, image: str | None = None, settings: Path | None = None
) -> Path:
    """Make a kustomization of an overlay and further components, as a user's own is; give its folder, `home / "composed"`.

    Args:
        image: another image, `NAME:TAG`; None: the shipped one.
        settings: a file in that folder that replaces the shipped settings; None: those.
    """
    folder = home / "composed"
    folder.mkdir(exist_ok=True)
    kustomization: Document = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(MANIFESTS / "overlays" / overlay, folder)],
        "components": [os.path.relpath(MANIFESTS / "components" / component, folder) for component in components],
    }
    if image is not None:
        name, tag = image.split(":")
        kustomization["images"] = [{"name": "faas-autoscaler", "newName": name, "newTag": tag}]
    if settings is not None:
        replaced = {"name": "autoscaler-settings", "namespace": "autoscaler", "behavior": "replace"}
        kustomization["configMapGenerator"] = [{**replaced, "files": [settings.name]}]
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization))
    return folder


def helm(*arguments: str | Path, kubeconfig: Path | None = None, home: Path) -> subprocess.CompletedProcess[str]:
    """Run Helm; where it fails is for the caller to see.

    Args:
        home: a folder for what it caches.
    """
    access = ["--kubeconfig", kubeconfig] if kubeconfig is not None else []
    return _run([require("helm"), *arguments, *access], home)


def helm_template(values: Document, home: Path) -> subprocess.CompletedProcess[str]:
    """Render the chart as `helm template` does, with these values over its own."""
    return helm(
        "template", "autoscaler", CHART, "--namespace", "autoscaler", "--values", _file(values, home), home=home
    )


def _file(values: Document, home: Path) -> Path:
    path = home / "values.json"
    path.write_text(json.dumps(values))
    return path


def documents(text: str) -> list[Document]:
    """Give the documents of a YAML text."""
    return [document for document in YAML(typ="safe").load_all(text) if document]


def _run(command: list[str | Path], home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, env=environment, timeout=120
    )
