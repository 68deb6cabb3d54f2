"""The port `Cluster` on a real API server."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import structlog

from autoscaler.adapters.kubernetes.cache import ChangeListener, DeploymentCache, Listener
from autoscaler.adapters.kubernetes.connection import Connection
from autoscaler.adapters.kubernetes.deployments import version_number
from autoscaler.adapters.kubernetes.documents import Documents
from autoscaler.adapters.kubernetes.errors import ClusterError, ConfigurationError, Expired, Refused
from autoscaler.adapters.kubernetes.events import KubernetesEvents
from autoscaler.adapters.kubernetes.followed import Followed, FollowedDeployments, FollowedPods
from autoscaler.adapters.kubernetes.hpas import FollowedAutoscalers
from autoscaler.adapters.kubernetes.liveness import Liveness
from autoscaler.adapters.kubernetes.places import Kind, Places
from autoscaler.adapters.kubernetes.pods import UnschedulablePods
from autoscaler.adapters.kubernetes.reaching import reach
from autoscaler.adapters.kubernetes.reviews import KubernetesReviews
from autoscaler.adapters.kubernetes.scaling import read_refusal, scale_patch
from autoscaler.adapters.kubernetes.serving import FollowedServices, FollowedSlices, Serving
from autoscaler.adapters.kubernetes.statuses import KubernetesStatuses
from autoscaler.adapters.kubernetes.watching import Watch, WatchTimes
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import Catalog, Reached, Replicas, Resources, ScaleChange, ScaleOutcome, ScaleResult, WatchState

_log = structlog.get_logger("autoscaler.kubernetes")
_REFRESH_S = 60.0
_RESOURCES_OF_A_PAGE = 50
"""Custom resources of a list page: a tenant's may have a megabyte each."""
_RETRY_S, _RETRY_EVERYWHERE_S = 30.0, 5.0
_LESS_OFTEN_S = 300.0
_NO_AUTOSCALERS = "a Deployment that a HorizontalPodAutoscaler scales too is only found by its writes meanwhile"
_NO_PODS = "replicas that no node has room for are called not ready meanwhile"
_NO_ENDPOINTS = "a wake is answered as soon as a Pod is ready meanwhile, which may be before its Service leads to it"


@asynccontextmanager
async def connect(
    settings: KubernetesSettings,
    jitter: np.random.Generator,
    namespaces: Sequence[str] | None = None,
    times: WatchTimes | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    label_keys: Collection[str] = (),
) -> AsyncIterator["KubernetesCluster"]:
    """Open a cluster and close it at the end; its `run` is the caller's to start, in a task.

    Args:
        settings: where it is, and who we are there.
        jitter: spreads reconnects.
        namespaces: watch each of these alone, for rights that end at a namespace; None: as the settings say.
        times: deadlines; None: the request deadline of the settings, the rest as `WatchTimes` has it.
        monotonic: tells seconds, for `age_s`.
        label_keys: labels of namespaces by which Tenants may select theirs.

    Raises:
        ConfigurationError: neither in-cluster files nor a kubeconfig can be used.
    """
    connection = await Connection.open(settings)
    try:
        cluster = KubernetesCluster(
            connection,
            jitter,
            is_everywhere=namespaces is None and settings.scope == "cluster",
            page_size=settings.page_size,
            times=times or WatchTimes(request_s=settings.timeout),
            monotonic=monotonic,
            has_resources=settings.custom_resources,
            label_keys=label_keys,
            dials=settings.dial,
        )
        if namespaces is not None:
            cluster.follow(namespaces)
        yield cluster
    finally:
        await connection.close()


class KubernetesCluster:
    """A cache of Deployments kept by watches, and compare-and-set writes of their scale."""

    def __init__(
        self,
        connection: Connection,
        jitter: np.random.Generator,
        *,
        is_everywhere: bool,
        page_size: int,
        times: WatchTimes,
        monotonic: Callable[[], float],
        has_resources: bool = False,
        label_keys: Collection[str] = (),
        dials: bool = True,
    ) -> None:
        self._connection = connection
        self._dials = dials
        self._times = times
        self._cache = DeploymentCache()
        self._autoscalers = FollowedAutoscalers()
        self._serving = Serving(self._cache)
        self._is_everywhere = is_everywhere
        self._documents: Documents | None = None
        if has_resources or label_keys:
            self._documents = Documents(has_resources=has_resources, label_keys=label_keys, refused_s=times.refused_s)

        def watch(followed: Followed, namespace: str | None, most_s: float) -> Watch:
            return Watch(
                connection,
                followed,
                namespace,
                page_size=page_size if followed.most_bytes is None else min(page_size, _RESOURCES_OF_A_PAGE),
                times=times,
                jitter=jitter,
                liveness=Liveness(monotonic),
                most_s=most_s,
            )

        self._places = Places(
            watch,
            Kind(FollowedDeployments(self._cache), _RETRY_EVERYWHERE_S if is_everywhere else _RETRY_S, ""),
            [
                Kind(self._autoscalers, _RETRY_S, _NO_AUTOSCALERS),
                *([self._documents.policies] if self._documents is not None and has_resources else ()),
            ],
            [
                Kind(FollowedPods(UnschedulablePods(self._cache.note_unschedulable)), _LESS_OFTEN_S, _NO_PODS),
                Kind(FollowedServices(self._serving), _RETRY_S, _NO_ENDPOINTS),
                Kind(FollowedSlices(self._serving), _RETRY_S, _NO_ENDPOINTS),
            ],
            times.refused_s,
            self._documents.in_force if self._documents is not None else None,
        )
        if self._documents is not None:
            self._documents.watch_by(watch)
        if is_everywhere:
            self._places.everywhere()

    async def run(self) -> None:
        """Keep the cache and the credentials fresh until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_credentials())
            tasks.create_task(self._places.run())
            if self._documents is not None:
                tasks.create_task(self._documents.run())

    def follow(self, namespaces: Iterable[str]) -> None:
        """Watch these namespaces from now on, and forget the others; a cluster that is watched as a whole stays so.

        Until the first call nothing is known of a cluster that is watched by namespaces; calls before the Tenants
        among custom resources were listed do not count.
        """
        if not self._is_everywhere and (self._documents is None or self._documents.is_listed):
            self._places.follow(namespaces)

    def resources(self) -> Resources | None:
        """Give the documents that are custom resources, and labels of namespaces; None: they are not read."""
        return None if self._documents is None else self._documents.cache

    def statuses(self) -> KubernetesStatuses | None:
        """Give who writes the statuses of custom resources, over the same connection; None: they are not read."""
        if self._documents is None:
            return None
        return KubernetesStatuses(self._connection, self._times.request_s, self._documents.cache.status)

    def events(self) -> KubernetesEvents:
        """Give who writes Events, over the same connection."""
        return KubernetesEvents(self._connection, self._times.request_s)

    def reviews(self) -> KubernetesReviews:
        """Give who knows tokens and rights, over the same connection."""
        return KubernetesReviews(self._connection, self._times.request_s)

    def is_synced(self) -> bool:
        """Tell whether every watch of Deployments has read a whole list; it stays so while the API server is away.

        A namespace that is forbidden is not waited for: nothing in it is decided on until the right comes. Where custom
        resources are read, what they say is in force by then.
        """
        return self._places.is_synced() and (self._documents is None or self._documents.cache.is_taken())

    def age_s(self) -> float:
        """Give the seconds since the most silent watch was heard; about 60 s is usual where nothing changes."""
        return self._places.age_s()

    def problems(self) -> Sequence[str]:
        """Say which watches cannot be kept now, and why; of those of less account, one for each kind."""
        return [*self._places.problems(), *(self._documents.problems() if self._documents is not None else ())]

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
        return self._autoscalers.names

    def serving(self, key: FunctionKey) -> int | None:
        """Give the ready endpoints of a function's Service; None: it has none, or they cannot be read."""
        is_believed = self._places.is_believed
        if is_believed("services", key.namespace) and is_believed("endpointslices", key.namespace):
            return self._serving.of(key)
        return None

    async def dial(self, key: FunctionKey) -> Reached:
        """Open a TCP connection to a function through its Service, and close it; at most a second passes."""
        is_believed = self._dials and self._places.is_believed("services", key.namespace)
        address = self._serving.address(key) if is_believed else None
        if address is None:
            return Reached.UNKNOWN
        answer = await reach(*address)
        return Reached.LINGERING if answer is Reached.REACHED and self._serving.is_ending(key) else answer

    def watches(self) -> Sequence[WatchState]:
        """Say how every watch fares, those of Deployments first."""
        return [*self._places.states(), *(self._documents.states() if self._documents is not None else ())]

    async def scale(self, change: ScaleChange) -> ScaleResult:
        """Write one change; nothing is written unless object and count are still those that were read.

        After a lost write the cache holds what the API server has now, so that the next decision is
        made on it and not on the count that just failed.
        """
        self._cache.note_asked(change.key, change.uid, change.new)
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
        if result.outcome is ScaleOutcome.LOST:
            if self._cache.find(change.key) == (change.uid, change.old):
                await self._reread(change)
            if self._cache.find(change.key) == (change.uid, change.new):
                # An earlier try was done although its answer never came; whoever did it, what is wanted is there.
                return ScaleResult(ScaleOutcome.DONE)
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
