"""What the daemon asked of the API server, and when, by the server's own audit log."""

import json
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from autoscaler.core.fleet import FunctionKey
from tests.servers.controlplane import DAEMON_USER


class Request(NamedTuple):
    """One request.

    Attributes:
        at_s: when the server had it, UTC seconds.
        verb: as rights are spoken of: get, list, watch, patch, …
        resource: with its subresource after a slash, or the path of a request for none.
        key: namespace and name; both "" of a collection.
        status: of the answer.
    """

    at_s: float
    verb: str
    resource: str
    key: FunctionKey
    status: int


class RequestLog:
    """Reads an audit log on from where it was left.

    Args:
        path: the log.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self._requests: list[Request] = []

    def all(self) -> list[Request]:
        """Give what was asked so far, each request once, when it was answered; a watch when it began."""
        with self._path.open("rb") as log:
            log.seek(self._position)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._position += len(whole)
        events = (json.loads(line) for line in whole.splitlines() if DAEMON_USER.encode() in line)
        # A watch is told of twice: when its answer begins, and when it ends.
        self._requests += [
            _request(event)
            for event in events
            if event["user"]["username"] == DAEMON_USER
            and (event["verb"] != "watch" or event["stage"] == "ResponseStarted")
        ]
        return self._requests

    def between(self, begin_s: float, end_s: float) -> list[Request]:
        """Give the requests of a stretch of time, UTC seconds."""
        return [one for one in self.all() if begin_s <= one.at_s < end_s]

    def patches(self, key: FunctionKey, since_s: float) -> list[Request]:
        """Give the successful writes of a function's scale since a moment, oldest first."""
        found = [
            one
            for one in self.all()
            if one.verb == "patch" and one.key == key and one.status == 200 and one.at_s >= since_s
        ]
        return sorted(one for one in found if one.resource == "deployments/scale")


def _request(event: dict[str, dict[str, str]]) -> Request:
    what = event.get("objectRef", {})
    resource = "/".join(part for part in (what.get("resource", ""), what.get("subresource", "")) if part)
    at_s = datetime.fromisoformat(str(event["requestReceivedTimestamp"])).timestamp()
    key = FunctionKey(what.get("namespace", ""), what.get("name", ""))
    status = int(event.get("responseStatus", {}).get("code", 0))
    return Request(at_s, str(event["verb"]), resource or str(event["requestURI"]), key, status)
