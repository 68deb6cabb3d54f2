"""An API server whose store was restored from a backup: its versions went back, and its watches would say nothing."""

import asyncio
import shutil
from pathlib import Path

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import ScaleChange, ScaleOutcome
from tests.contract.cluster import find, found, requested, running, wait_for
from tests.servers.controlplane import ControlPlane

pytestmark = pytest.mark.server
OLD, NEW = FunctionKey("restored", "old"), FunctionKey("restored", "new")


async def test_a_restored_store_is_read_anew(tmp_path: Path) -> None:
    """What was so at the time of the backup is known again, and what happens after it is seen and can be written."""
    plane = ControlPlane(tmp_path)
    try:
        await asyncio.to_thread(plane.start)
        plane.namespace(OLD.namespace)
        plane.deployment(*OLD, replicas=1, is_paused=True)
        await asyncio.to_thread(_backed_up, plane, tmp_path / "backup")
        for replicas in range(2, 40):
            plane.scale(*OLD, replicas)
        plane.deployment(*NEW, replicas=1, is_paused=True)
        async with running(KubernetesSettings(kubeconfig=str(plane.admin_kubeconfig))) as cluster:
            assert (requested(cluster, OLD), find(cluster, NEW) is not None) == (39, True)
            await asyncio.to_thread(_restored, plane, tmp_path / "backup")
            await wait_for(lambda: requested(cluster, OLD) == 1, "the backup's count", 90.0)
            await wait_for(lambda: not find(cluster, NEW), "what the backup lacks", 90.0)
            plane.scale(*OLD, 4)
            await wait_for(lambda: requested(cluster, OLD) == 4, "a change after the restore", 90.0)
            change = ScaleChange(OLD, found(cluster, OLD).uid, 4, 5)
            assert (await cluster.scale(change)).outcome is ScaleOutcome.DONE
            assert requested(cluster, OLD) == 5
    finally:
        await asyncio.to_thread(plane.stop)


def _backed_up(plane: ControlPlane, backup: Path) -> None:
    """Copy the store while nobody writes to it."""
    plane.stop()
    shutil.copytree(plane.folder / "etcd", backup)
    plane.start()


def _restored(plane: ControlPlane, backup: Path) -> None:
    """Put the copy in the store's place."""
    plane.stop()
    shutil.rmtree(plane.folder / "etcd")
    shutil.copytree(backup, plane.folder / "etcd")
    plane.start()
