"""The port `Cluster` on a real API server."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import structlog

from autoscaler.adapters.kubernetes.cache import ChangeListener, DeploymentCache, Listener
from autoscaler.adapters.kubernetes.connection import Connection
from autoscaler.adapters.kubernetes.deployments import version_number
from autoscaler.adapters.kubernetes.errors import ClusterError, ConfigurationError, Expired, Refused
from autoscaler.adapters.kubernetes.followed import Followed, FollowedDeployments, FollowedPods
from autoscaler.adapters.kubernetes.liveness import Liveness
from autoscaler.adapters.kubernetes.pods import UnschedulablePods
from autoscaler.adapters.kubernetes.scaling import read_refusal, scale_patch
from autoscaler.adapters.kubernetes.watching import Watch, WatchTimes
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import Catalog, Replicas, ScaleChange, ScaleOutcome, ScaleResult, WatchState

_log = structlog.get_logger("autoscaler.kubernetes")
_REFRESH_S = 60.0
_RETRY_S = 30.0
_PODS_RETRY_S = 300.0
_NO_PODS = "replicas that no node has room for are called not ready meanwhile"


@asynccontextmanager
async def connect(
    settings: KubernetesSettings,
    jitter: np.random.Generator,
    namespaces: Sequence[str] | None = None,
    times: WatchTimes | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncIterator["KubernetesCluster"]:
    """Open a cluster and close it at the end; its `run` is the caller's to start, in a task.

    Args:
        settings: where it is, and who we are there.
        jitter: spreads reconnects.
        namespaces: watch each of these alone, for rights that end at a namespace; None: the whole cluster.
        times: deadlines; None: the request deadline of the settings, the rest as `WatchTimes` has it.
        monotonic: tells seconds, for `age_s`.

    Raises:
        ConfigurationError: neither in-cluster files nor a kubeconfig can be used.
    """
    connection = await Connection.open(settings)
    try:
        yield KubernetesCluster(
            connection,
            jitter,
            namespaces=namespaces,
            page_size=settings.page_size,
            times=times or WatchTimes(request_s=settings.timeout),
            monotonic=monotonic,
        )
    finally:
        await connection.close()


class KubernetesCluster:
    """A cache of Deployments kept by watches, and compare-and-set writes of their scale."""

    def __init__(
        self,
        connection: Connection,
        jitter: np.random.Generator,
        *,
        namespaces: Sequence[str] | None,
        page_size: int,
        times: WatchTimes,
        monotonic: Callable[[], float],
    ) -> None:
        self._connection = connection
        self._times = times
        self._cache = DeploymentCache()
        scopes: list[str | None] = [None] if namespaces is None else list(dict.fromkeys(namespaces))
        pods = FollowedPods(UnschedulablePods(self._cache.note_unschedulable))

        def watch(followed: Followed, scope: str | None, most_s: float) -> Watch:
            return Watch(
                connection,
                followed,
                scope,
                page_size=page_size,
                times=times,
                jitter=jitter,
                liveness=Liveness(monotonic),
                most_s=most_s,
            )

        self._watches = [watch(FollowedDeployments(self._cache), scope, _RETRY_S) for scope in scopes]
        self._pod_watches = [watch(pods, scope, _PODS_RETRY_S) for scope in scopes]

    async def run(self) -> None:
        """Keep the cache and the credentials fresh until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_credentials())
            for watch in self._watches:
                tasks.create_task(watch.run())
            for watch in self._pod_watches:
                tasks.create_task(self._watch_pods(watch))

    async def _watch_pods(self, watch: Watch) -> None:
        """Follow pods once all Deployments are known: they only explain, and shall delay nothing."""
        for deployments in self._watches:
            await deployments.liveness.listed()
        await watch.run()

    def is_synced(self) -> bool:
        """Tell whether every watch has read a whole list; it stays so while the API server is away."""
        return all(watch.liveness.is_synced for watch in self._watches)

    def age_s(self) -> float:
        """Give the seconds since the most silent watch was heard; about 60 s is usual where nothing changes."""
        return max((watch.liveness.age_s() for watch in self._watches), default=0.0)

    def problems(self) -> Sequence[str]:
        """Say which watches cannot be kept now, and why; of those of pods, which are of less account, one for all."""
        problems = [watch.liveness.problem for watch in self._watches if watch.liveness.problem]
        of_pods = [watch.liveness.problem for watch in self._pod_watches if watch.liveness.problem]
        return problems + [f"{problem}; {_NO_PODS}" for problem in of_pods[:1]]

    def catalog(self) -> Catalog:
        """Give the Deployments there are; its version moves with set, uid, labels and annotations only."""
        return self._cache.catalog()

    def replicas(self, fleet: Fleet) -> Replicas:
        """Give replica columns in the fleet's rows; rows of Deployments that are gone hold 0."""
        return self._cache.replicas(fleet)

    def subscribe(self, listener: Listener) -> None:
        """Call `listener(key, requested, ready)` whenever a Deployment changes; a deleted one tells 0, 0."""
        self._cache.subscribe(listener)

    def subscribe_changes(self, listener: ChangeListener) -> None:
        """Call the listener whenever somebody else has changed a Deployment's replicas."""
        self._cache.subscribe_changes(listener)

    def rivals(self) -> Mapping[FunctionKey, str]:
        """Name the HorizontalPodAutoscaler of every Deployment that has one."""
        return self._cache.rivals

    def watches(self) -> Sequence[WatchState]:
        """Say how every watch fares, those of Deployments first."""
        return [watch.state(is_needed=True) for watch in self._watches] + [
            watch.state(is_needed=False) for watch in self._pod_watches
        ]

    async def scale(self, change: ScaleChange) -> ScaleResult:
        """Write one change; nothing is written unless object and count are still those that were read.

        After a lost write the cache holds what the API server has now, so that the next decision is
        made on it and not on the count that just failed.
        """
        try:
            scale = await self._connection.patch_scale(*change.key, scale_patch(change), self._times.request_s)
        except Expired as error:
            return ScaleResult(ScaleOutcome.RETRY, None, str(error))
        except Refused as error:
            return await self._refused(change, error)
        except ClusterError as error:
            return ScaleResult(ScaleOutcome.RETRY, None, str(error))
        self._note(change, scale)
        return ScaleResult(ScaleOutcome.DONE)

    async def _refused(self, change: ScaleChange, error: Refused) -> ScaleResult:
        result = read_refusal(error.status, error.body, error.retry_after_s)
        if error.status == 401:
            await self._refresh()
        if result.outcome is ScaleOutcome.LOST and self._cache.find(change.key) == (change.uid, change.old):
            await self._reread(change)
        return result

    async def _reread(self, change: ScaleChange) -> None:
        """Read a scale that somebody else changed; where that fails the watch will tell."""
        try:
            scale = await self._connection.get_scale(*change.key, self._times.request_s)
        except ClusterError as error:
            _log.info("scale not read again", function=str(change.key), error=str(error))
            return
        self._note(change, scale)

    def _note(self, change: ScaleChange, scale: dict[str, Any]) -> None:
        """Take an answered scale over; a malformed one is left to the watch."""
        metadata, spec = scale.get("metadata"), scale.get("spec")
        if isinstance(metadata, dict) and isinstance(spec, dict):
            version = version_number(str(metadata.get("resourceVersion", "")))
            self._cache.note_scale(change.key, str(metadata.get("uid")), int(spec.get("replicas") or 0), version)

    async def _keep_credentials(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH_S)
            await self._refresh()

    async def _refresh(self) -> None:
        try:
            await self._connection.refresh()
        except ConfigurationError as error:
            _log.warning("credentials cannot be read", error=str(error))
