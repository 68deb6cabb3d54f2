"""Events on a real API server: `kubectl describe` answers first."""

import os
import subprocess
from collections.abc import AsyncIterator

import numpy as np
import pytest

from autoscaler.adapters.kubernetes import connect
from autoscaler.adapters.kubernetes.events import KubernetesEvents
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import Announcement, AnnouncementFailed
from tests.servers.binaries import require
from tests.servers.controlplane import ControlPlane

pytestmark = pytest.mark.server

KEY = FunctionKey("told", "thumbnail")
UTC_S = 1_795_000_000.0


def announcement(plane: ControlPlane, reason: str, words: str, after_s: float = 0.0) -> Announcement:
    uid = plane.read(*KEY)["metadata"]["uid"]
    return Announcement(KEY, uid, "acme", reason == "NotReady", reason, words, UTC_S + after_s)


def described(plane: ControlPlane) -> str:
    """Give what `kubectl describe deployment` prints."""
    command = [require("kubectl"), "--kubeconfig", plane.admin_kubeconfig, "-n", KEY.namespace, "describe", "deploy"]
    environment = {**os.environ, "HOME": str(plane.folder)}
    outcome = subprocess.run([*command, KEY.name], capture_output=True, text=True, check=True, env=environment)
    return outcome.stdout


def events(plane: ControlPlane) -> list[dict[str, object]]:
    found = plane.request("GET", f"/api/v1/namespaces/{KEY.namespace}/events")
    return [event for event in found["items"] if event["reportingComponent"] == "autoscaler.faas.dev"]


@pytest.fixture
async def writer(plane: ControlPlane) -> AsyncIterator[KubernetesEvents]:
    """Give a writer of Events under the daemon's own rights, and a function to tell of."""
    plane.namespace(KEY.namespace)
    plane.deployment(*KEY, {"faas_function": KEY.name}, 1, is_paused=True)
    async with connect(KubernetesSettings(kubeconfig=str(plane.kubeconfig)), np.random.default_rng(0)) as cluster:
        yield cluster.events()
    plane.delete(*KEY)
    plane.request("DELETE", f"/api/v1/namespaces/{KEY.namespace}/events")


async def test_kubectl_describe_shows_reason_and_words(plane: ControlPlane, writer: KubernetesEvents) -> None:
    """What was decided stands below the Deployment, with its reason and its numbers."""
    await writer.announce(announcement(plane, "MaxReplicas", "Demand: 96 / 10 → 10. Limits: at most 8."))
    await writer.announce(announcement(plane, "NotReady", "2 of 5 replicas are ready."))
    shown = described(plane)
    assert "MaxReplicas" in shown
    assert "at most 8" in shown
    assert {(event["type"], event["reason"]) for event in events(plane)} == {
        ("Normal", "MaxReplicas"),
        ("Warning", "NotReady"),
    }


async def test_a_reason_that_comes_again_renews_its_event(plane: ControlPlane, writer: KubernetesEvents) -> None:
    """The same reason within half an hour is one Event with a count and the newest words; later it is another."""
    for number in range(4):
        await writer.announce(announcement(plane, "Demand", f"to {number}", after_s=60.0 * number))
    (event,) = events(plane)
    assert event["message"] == "to 3"
    assert event["count"] == 4
    assert "x4" in described(plane)
    await writer.announce(announcement(plane, "Demand", "much later", after_s=4_000.0))
    assert len(events(plane)) == 2


async def test_an_event_that_is_gone_is_written_anew(plane: ControlPlane, writer: KubernetesEvents) -> None:
    """An Event that the API server has dropped meanwhile is made again."""
    await writer.announce(announcement(plane, "Demand", "first"))
    plane.request("DELETE", f"/api/v1/namespaces/{KEY.namespace}/events")
    await writer.announce(announcement(plane, "Demand", "second", after_s=60.0))
    (event,) = events(plane)
    assert event["message"] == "second"


async def test_very_long_words_are_cut(plane: ControlPlane, writer: KubernetesEvents) -> None:
    """Words beyond what an Event may hold are cut, not refused."""
    await writer.announce(announcement(plane, "Demand", "é" * 5_000))
    assert len(events(plane)) == 1


async def test_without_the_right_it_fails_in_words(plane: ControlPlane, writer: KubernetesEvents) -> None:
    """Who may not create Events is told so."""
    settings = KubernetesSettings(kubeconfig=str(plane.stranger_kubeconfig))
    async with connect(settings, np.random.default_rng(0)) as cluster:
        with pytest.raises(AnnouncementFailed, match="forbidden"):
            await cluster.events().announce(announcement(plane, "Demand", "first"))
