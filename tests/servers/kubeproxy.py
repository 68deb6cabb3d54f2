"""The real kube-proxy: Service addresses that lead to pods, and refuse connections where no endpoint is ready."""

import json
import signal
import subprocess
from pathlib import Path

import requests

from tests.servers.binaries import require
from tests.servers.controlplane import ControlPlane
from tests.servers.process import Server, free_port

MIN_SYNC = "1s"
"""kube-proxy's own default: changes that come closer together than this are written at once."""


class KubeProxy(Server):
    """It writes nftables rules of the network namespace it runs in, which must be one of `tests.servers.netns`.

    Args:
        plane: the control plane whose Services it follows.
        node: the node it says to be on.
        min_sync: its `nftables.minSyncPeriod`.
    """

    def __init__(self, plane: ControlPlane, node: str = "node-1", min_sync: str = MIN_SYNC) -> None:
        require("nft")
        self._health = f"127.0.0.1:{free_port()}"
        config = plane.folder / "kube-proxy.json"
        config.write_text(json.dumps(_configuration(plane.admin_kubeconfig, node, self._health, min_sync)))
        super().__init__([require("kube-proxy"), "--config", config], plane.folder / "kube-proxy.log")

    def is_ready(self) -> bool:
        """Tell whether its rules are written."""
        try:
            return requests.get(f"http://{self._health}/healthz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def stop(self, number: signal.Signals = signal.SIGTERM, deadline_s: float = 10.0) -> None:
        """End it, and take its rules away: another control plane of the namespace gives its Services the same addresses."""
        super().stop(number, deadline_s)
        for family in ("ip", "ip6"):
            command = [require("nft"), "delete", "table", family, "kube-proxy"]
            subprocess.run(command, check=False, capture_output=True)  # there is none where it never began


def _configuration(kubeconfig: Path, node: str, health: str, min_sync: str) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "hostnameOverride": node,
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "healthzBindAddress": health,
        "metricsBindAddress": f"127.0.0.1:{free_port()}",
        "nftables": {"minSyncPeriod": min_sync},
        # Limits of the machine, which a namespace may not set.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
        "clusterCIDR": "10.244.0.0/16",
    }
