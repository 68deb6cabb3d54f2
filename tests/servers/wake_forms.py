"""What a gateway's waking configuration promises, whichever gateway it is; the scenario of `tests/cluster/wake` holds it to that."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class WakeForm:
    """One shipped configuration of a gateway.

    Attributes:
        name: of the form, unique in its gateway, such as `off-path`.
        is_on_path: every request asks a daemon first; else only one that finds the function at zero does.
        asleep_without_daemon: status of a request to a function at zero while no daemon answers.
        awake_without_daemon: status of a request to a function that runs while no daemon answers.
        sees_hang_ups: a caller that hangs up while it is held frees its place at once; else when its hold ends.
    """

    name: str
    is_on_path: bool
    asleep_without_daemon: int = 503
    awake_without_daemon: int = 200
    sees_hang_ups: bool = True


class WakingGateway(Protocol):
    """A running gateway; functions are called at `URL/function/NAME.NAMESPACE/PATH`, and get `/PATH`."""

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        ...


class LoggingGateway:
    """A running gateway on this machine that logs its calls.

    Attributes:
        url: as of every `WakingGateway`.
        log: the access log that mtail would read.
    """

    def __init__(self, port: int, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.log = log


@dataclass(frozen=True)
class Wiring:
    """All that a user of a waking configuration fills in.

    Attributes:
        folder: of its own, empty; where configuration, logs and bodies go.
        daemons: `HOST:PORT` of the daemons' main listeners, one or two.
        token: the gateway's, to be read from a file of its own.
        routes: `HOST:PORT` of each function's Service, by `NAMESPACE/NAME`.
    """

    folder: Path
    daemons: Sequence[str]
    token: str
    routes: Mapping[str, str]


Run = Callable[[WakeForm, Wiring], AbstractContextManager[WakingGateway]]
"""Runs a form for the length of a `with` block."""
