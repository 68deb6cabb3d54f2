"""How a daemon names itself in its Lease, and where it says that it can be reached."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from autoscaler.adapters.clock import SystemClock
from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.leading import election, reachable_at
from autoscaler.policy.settings import Settings
from autoscaler.ports import LeadershipState
from tests.integration.kubernetes.conftest import write_kubeconfig


@asynccontextmanager
async def named(folder: Path, **changes: object) -> AsyncIterator[LeadershipState]:
    """Give what an election that has not begun says of itself."""
    path = write_kubeconfig(folder / "kubeconfig", "http://127.0.0.1:1")
    document = {"kubernetes": {"kubeconfig": str(path)}, "leadership": {}} | changes
    async with election(Settings.model_validate(document), SystemClock(), np.random.default_rng(1)) as it:
        assert it is not None
        yield it.state()


async def test_without_a_lease_there_is_no_election() -> None:
    """Settings that name no Lease leave the daemon alone."""
    async with election(Settings(), SystemClock(), np.random.default_rng(1)) as it:
        assert it is None


@pytest.mark.parametrize(("settings", "start"), [({}, socket.gethostname()), ({"identity": "pod-a"}, "pod-a")])
async def test_no_two_processes_have_one_identity(tmp_path: Path, settings: dict[str, str], start: str) -> None:
    """Two daemons that were given one name, or none, are still told apart."""
    async with named(tmp_path, leadership=settings) as one, named(tmp_path, leadership=settings) as other:
        assert one.identity.startswith(f"{start}_")
        assert other.identity.startswith(f"{start}_")
        assert one.identity != other.identity


async def test_a_shard_has_a_lease_of_its_own(tmp_path: Path) -> None:
    """The Lease of shard 1 of 3 is named after it."""
    async with named(tmp_path, shard="1/3") as one:
        assert one.lease == "autoscaler-1-of-3"


@pytest.mark.parametrize(
    ("listen", "told", "pod_ip", "address"),
    [
        ("0.0.0.0:8080", None, "10.1.2.3", "10.1.2.3:8080"),
        ("[::]:8080", None, "fd00::7", "[fd00::7]:8080"),
        ("0.0.0.0:8080", None, None, f"{socket.gethostname()}:8080"),
        ("127.0.0.1:8081", None, "10.1.2.3", "127.0.0.1:8081"),
        ("0.0.0.0:8080", "lb.example:80", "10.1.2.3", "lb.example:80"),
    ],
)
def test_the_address_is_where_others_reach_it(
    monkeypatch: pytest.MonkeyPatch, listen: str, told: str | None, pod_ip: str | None, address: str
) -> None:
    """What the settings say, else what it is bound to, else the pod's address, else the host's name."""
    monkeypatch.delenv("POD_IP", raising=False)
    if pod_ip is not None:
        monkeypatch.setenv("POD_IP", pod_ip)
    settings = Settings.model_validate({"listen": listen, "leadership": {"address": told}})
    assert reachable_at(settings) == address


async def test_what_is_no_address_is_refused(tmp_path: Path) -> None:
    """A `listen` that is none is a wrong configuration, told with what is allowed."""
    with pytest.raises(WrongConfiguration, match="listen"):
        async with named(tmp_path, listen="nowhere"):
            pass
