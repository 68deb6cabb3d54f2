"""A real Alertmanager, told alerts over its API as Prometheus tells them."""

import json
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.servers.binaries import find, require
from tests.servers.process import Server, free_port


def configuration(
    url: str,
    token: str,
    group_by: Sequence[str] = ("namespace",),
    interval_s: float = 1,
    repeat_s: float = 3600,
    wait_s: float = 0.1,
) -> str:
    """Give a configuration with one receiver: a webhook with a bearer token.

    Args:
        url: the webhook.
        token: its bearer token.
        group_by: labels that alerts of one notification share.
        interval_s: seconds between notifications of a changed group.
        repeat_s: seconds until an unchanged group is notified again.
        wait_s: seconds that a new group waits for more alerts.
    """
    return f"""
route:
  receiver: autoscaler
  group_by: [{", ".join(group_by)}]
  group_wait: {1000 * wait_s:.0f}ms
  group_interval: {1000 * interval_s:.0f}ms
  repeat_interval: {1000 * repeat_s:.0f}ms
receivers:
  - name: autoscaler
    webhook_configs:
      - url: {url}
        send_resolved: true
        http_config:
          authorization: {{type: Bearer, credentials: {token}}}
"""


@dataclass(frozen=True)
class Mesh:
    """How one of several Alertmanagers finds the others.

    Attributes:
        port: where it listens for them.
        reached: the port at which they reach it, which may lead there over a link that a test can cut.
        peers: where it reaches them.
        turn_s: seconds that each waits for those before it to notify.
    """

    port: int
    reached: int
    peers: tuple[int, ...]
    turn_s: float = 1.0

    def flags(self) -> list[str]:
        """Give its flags; everything that it waits for is shortened to what a test can wait for."""
        return [
            f"--cluster.listen-address=127.0.0.1:{self.port}",
            f"--cluster.advertise-address=127.0.0.1:{self.reached}",
            f"--cluster.peer-timeout={self.turn_s}s",
            "--cluster.gossip-interval=20ms",
            "--cluster.pushpull-interval=1s",
            "--cluster.settle-timeout=5s",
            "--cluster.probe-interval=200ms",
            "--cluster.probe-timeout=100ms",
            "--cluster.tcp-timeout=1s",
            "--cluster.reconnect-interval=500ms",
            *(f"--cluster.peer=127.0.0.1:{peer}" for peer in self.peers),
        ]


class Alertmanager(Server):
    """An Alertmanager on loopback or another address of this machine.

    Args:
        folder: its files; what it has notified is found there by the next start.
        config: its configuration.
        host: the address.
        mesh: others that it shares what it has notified with; None: it is alone.
    """

    def __init__(self, folder: Path, config: str, host: str = "127.0.0.1", mesh: Mesh | None = None) -> None:
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
                *(mesh.flags() if mesh is not None else ["--cluster.listen-address="]),
                "--log.level=debug",
            ],
            folder / "alertmanager.log",
        )

    def begin(self) -> None:
        """Start it and wait until it takes alerts."""
        self.start()
        self.wait_for(self.is_ready)

    def is_ready(self) -> bool:
        """Tell whether it takes alerts."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def tell(
        self,
        *alerts: Mapping[str, str],
        ends_in_s: float = 3600.0,
        annotations: Mapping[str, str] | None = None,
        generator_url: str = "",
    ) -> None:
        """Say that alerts with these labels fire for this long, since they were first told; 0: they have ended."""
        now = datetime.now(UTC)
        begins = [self._begins.setdefault(tuple(sorted(labels.items())), now) for labels in alerts]
        body = [
            {
                "labels": dict(labels),
                "annotations": dict(annotations or {}),
                "startsAt": begun.isoformat(),
                "endsAt": (now + timedelta(seconds=ends_in_s)).isoformat(),
                "generatorURL": generator_url,
            }
            for labels, begun in zip(alerts, begins, strict=True)
        ]
        self._ask("alerts", body)

    def begins_as(self, other: "Alertmanager") -> None:
        """Tell alerts with the starts that another one was told: one Prometheus tells both of a pair the same."""
        self._begins = other._begins

    def silence(self, **matchers: str) -> None:
        """Silence alerts with these labels for an hour."""
        now = datetime.now(UTC)
        self._ask(
            "silences",
            {
                "matchers": [
                    {"name": name, "value": value, "isRegex": False, "isEqual": True}
                    for name, value in matchers.items()
                ],
                "startsAt": now.isoformat(),
                "endsAt": (now + timedelta(hours=1)).isoformat(),
                "createdBy": "a test",
                "comment": "a test",
            },
        )

    def firing(self) -> list[dict[str, Any]]:
        """Give the alerts that it knows to fire."""
        found: list[dict[str, Any]] = self._ask("alerts")
        return found

    def peers(self) -> int:
        """Give how many of a mesh it sees, itself included."""
        return len(self._ask("status")["cluster"].get("peers", []))

    def _ask(self, path: str, body: object = None) -> Any:
        """Ask its API v2; with a body, tell it."""
        request = urllib.request.Request(
            f"{self.url}/api/v2/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            text = answer.read()
            return json.loads(text) if text else None


def _program() -> Path:
    """Find it under upstream's name or Debian's."""
    return find("alertmanager") or require("prometheus-alertmanager")
