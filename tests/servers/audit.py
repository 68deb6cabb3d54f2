"""A control plane that keeps account of who asked it for what."""

import json
from pathlib import Path
from typing import NamedTuple

from tests.servers.controlplane import DAEMON_USER, ControlPlane
from tests.servers.process import Server

_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
"""


class Asked(NamedTuple):
    """One request, as rights are spoken of: a `resource` with its subresource after a slash, the core's `group` empty."""

    group: str
    resource: str
    verb: str
    namespace: str
    status: int


class AuditedPlane(ControlPlane):
    """A control plane with an audit log."""

    def __init__(self, folder: Path) -> None:
        self._audit_log = folder / "audit.log"
        super().__init__(folder)

    def asked(self, user: str = DAEMON_USER) -> list[Asked]:
        """Give what somebody asked for objects so far, each request once, when it was answered; a watch when it began."""
        if not self._audit_log.exists():
            return []
        lines = self._audit_log.read_text().splitlines()
        events = [json.loads(line) for line in lines if line.endswith("}")]
        return [_asked(event) for event in events if event["user"]["username"] == user and "objectRef" in event]

    def _make_api(self) -> Server:
        server = super()._make_api()
        policy = self.folder / "audit.yaml"
        policy.write_text(_POLICY)
        server.command += [f"--audit-policy-file={policy}", f"--audit-log-path={self._audit_log}"]
        return server


def _asked(event: dict[str, dict[str, str]]) -> Asked:
    what = event["objectRef"]
    resource = "/".join(part for part in (what["resource"], what.get("subresource", "")) if part)
    status = int(event.get("responseStatus", {}).get("code", 0))
    return Asked(what.get("apiGroup", ""), resource, str(event["verb"]), what.get("namespace", ""), status)
