"""A real Alertmanager, told alerts over its API as Prometheus tells them."""

import json
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.servers.binaries import find, require
from tests.servers.process import Server, free_port


def configuration(
    url: str, token: str, group_by: Sequence[str] = ("namespace",), interval_s: float = 1, repeat_s: float = 3600
) -> str:
    """Give a configuration with one receiver: a webhook with a bearer token.

    Args:
        url: the webhook.
        token: its bearer token.
        group_by: labels that alerts of one notification share.
        interval_s: seconds between notifications of a changed group.
        repeat_s: seconds until an unchanged group is notified again.
    """
    return f"""
route:
  receiver: autoscaler
  group_by: [{", ".join(group_by)}]
  group_wait: 100ms
  group_interval: {interval_s}s
  repeat_interval: {repeat_s}s
receivers:
  - name: autoscaler
    webhook_configs:
      - url: {url}
        send_resolved: true
        http_config:
          authorization: {{type: Bearer, credentials: {token}}}
"""


class Alertmanager(Server):
    """A single Alertmanager without peers, on loopback or another address of this machine."""

    def __init__(self, folder: Path, config: str, host: str = "127.0.0.1") -> None:
        self.port = free_port(host)
        self.url = f"http://{host}:{self.port}"
        self._begins: dict[tuple[tuple[str, str], ...], datetime] = {}
        (folder / "alertmanager.yml").write_text(config)
        super().__init__(
            [
                _program(),
                f"--config.file={folder / 'alertmanager.yml'}",
                f"--storage.path={folder / 'data'}",
                f"--web.listen-address={host}:{self.port}",
                "--cluster.listen-address=",
                "--log.level=debug",
            ],
            folder / "alertmanager.log",
        )

    def is_ready(self) -> bool:
        """Tell whether it takes alerts."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def tell(self, *alerts: Mapping[str, str], ends_in_s: float = 3600.0) -> None:
        """Say that alerts with these labels fire for this long, since they were first told; 0: they have ended."""
        now = datetime.now(UTC)
        begins = [self._begins.setdefault(tuple(sorted(labels.items())), now) for labels in alerts]
        body = [
            {
                "labels": dict(labels),
                "startsAt": begun.isoformat(),
                "endsAt": (now + timedelta(seconds=ends_in_s)).isoformat(),
            }
            for labels, begun in zip(alerts, begins, strict=True)
        ]
        request = urllib.request.Request(
            f"{self.url}/api/v2/alerts",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            answer.read()


def _program() -> Path:
    """Find it under upstream's name or Debian's."""
    return find("alertmanager") or require("prometheus-alertmanager")
