"""The Deployments as last heard of, and their replicas as columns of the last fleet."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from autoscaler.adapters.kubernetes.deployments import Reading
from autoscaler.adapters.kubernetes.managers import fingerprint, writer_of_replicas
from autoscaler.adapters.kubernetes.obstacles import DONE, Progress, obstacle_of
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.obstacles import Obstacle
from autoscaler.policy.deployment import Deployed
from autoscaler.ports import Catalog, ReplicaChange, Replicas

Listener = Callable[[FunctionKey, int, int], None]
ChangeListener = Callable[[ReplicaChange], None]


@dataclass(slots=True)
class _Held:
    """One Deployment.

    Attributes:
        scale_version: that of the newest scale we read or wrote ourselves.
        obstacle: follows from the rest; it is kept because a new fleet asks for that of every Deployment at once.
        told: `spec.replicas` as a list or watch last told it, whatever we have read or written since.
        generation: likewise.
        template: fingerprint of its pod template.
        asked: counts that we asked for and that no list or watch has told yet, oldest first.
    """

    deployed: Deployed
    requested: int
    ready: int
    version: int
    scale_version: int
    progress: Progress = DONE
    obstacle: Obstacle = Obstacle.NONE
    told: int = 0
    generation: int = 0
    template: int = 0
    asked: tuple[int, ...] = ()


_GONE = _Held(Deployed(FunctionKey("", ""), "", {}, {}), 0, 0, 0, 0)
"""What a row holds whose Deployment is not there."""

_OPENFAAS = "faas_function"
"""Label of the pods of OpenFaaS's functions."""

_KNATIVE = "serving.knative.dev/revision"
_KNATIVES = "Knative's autoscaler"
"""Label of the Deployments of Knative's revisions, and whom their changes are by that we did not ask for: the program of
Knative's autoscaler is called `autoscaler`, and so is the field manager that the API server notes for it, as is ours."""

_ASKED_KEPT = 8
"""Writes whose event may be outstanding at once; one is out at a time, so more are time-outs that were not applied."""


class DeploymentCache:
    """Everything known of the cluster, changed by watches and by our own writes, in the event loop only."""

    def __init__(self) -> None:
        self._held: dict[FunctionKey, _Held] = {}
        self._listeners: list[Listener] = []
        self._change_listeners: list[ChangeListener] = []
        self._catalog = Catalog(0, ())
        self._catalog_version = 0
        self._fleet: Fleet | None = None
        self._requested = np.empty(0)
        self._ready = np.empty(0)
        self._obstacle = np.empty(0, np.uint8)
        self._unschedulable: set[FunctionKey] = set()

    def __len__(self) -> int:
        return len(self._held)

    def subscribe(self, listener: Listener) -> None:
        """Call the listener after every change of a Deployment; a deleted one has no replicas."""
        self._listeners.append(listener)

    def subscribe_changes(self, listener: ChangeListener) -> None:
        """Call the listener after every change of replicas that was not ours."""
        self._change_listeners.append(listener)

    def keys(self, namespace: str | None) -> set[FunctionKey]:
        """Give the keys within a namespace; None: all."""
        return {key for key in self._held if namespace is None or key.namespace == namespace}

    def find(self, key: FunctionKey) -> tuple[str, int] | None:
        """Give uid and requested replicas of a Deployment, or None where there is none."""
        held = self._held.get(key)
        return None if held is None else (held.deployed.uid, held.requested)

    def deployed(self, key: FunctionKey) -> Deployed | None:
        """Give what policies see of a Deployment, or None where there is none."""
        held = self._held.get(key)
        return None if held is None else held.deployed

    def tell_again(self, key: FunctionKey) -> None:
        """Call the listeners with what is known of a Deployment: something else about it has changed."""
        held = self._held.get(key)
        if held is not None:
            self._tell(key, held.requested, held.ready)

    def put(self, reading: Reading, is_listed: bool = False) -> None:
        """Take a reading over; a stale or repeated one changes nothing.

        A requested count that is older than our own last write is passed over, since our write's event
        is still to come, but the ready count beside it is news.

        Args:
            is_listed: it comes from a list, which is believed whatever its version says: after a
                restore of etcd versions go back.
        """
        held = self._held.get(reading.deployed.key)
        if held is not None and not is_listed and not _is_newer(reading.version, held.version):
            return
        known = held if held is not None and held.deployed.uid == reading.deployed.uid else None
        scale_version = known.scale_version if known is not None and not is_listed else 0
        is_behind = 0 < reading.version < scale_version
        requested = known.requested if known is not None and is_behind else reading.requested
        new = _Held(reading.deployed, requested, reading.ready, reading.version, scale_version, reading.progress)
        new.told, new.generation, new.template = reading.requested, reading.generation, _template(reading, known)
        change = _take_asked(known, new, reading) if known is not None else None
        self._replace(held, new)
        if change is not None:
            for listener in self._change_listeners:
                listener(change)

    def remove(self, key: FunctionKey, version: int = 0) -> None:
        """Forget a Deployment; a deletion older than what is held (it was recreated) changes nothing."""
        held = self._held.get(key)
        if held is None or (version and version < held.version):
            return
        del self._held[key]
        self._catalog_version += 1
        self._show(_GONE, key)
        self._tell(key, 0, 0)

    def note_asked(self, key: FunctionKey, uid: str, requested: int) -> None:
        """Note that we ask for this count: its event is ours, even where our own answer never comes."""
        held = self._held.get(key)
        if held is not None and held.deployed.uid == uid:
            held.asked = (*held.asked, requested)[-_ASKED_KEPT:]

    def note_scale(self, key: FunctionKey, uid: str, requested: int, version: int) -> None:
        """Take over what a read or write of the scale subresource told, before the watch tells it."""
        held = self._held.get(key)
        if held is None or held.deployed.uid != uid or version < max(held.version, held.scale_version):
            return
        held.scale_version = version
        if held.requested != requested:
            held.requested = requested
            self._show(held, key)
            self._tell(key, held.requested, held.ready)

    def note_unschedulable(self, key: FunctionKey, is_so: bool) -> None:
        """Note whether a Deployment has pods that no node has room for; it need not be known yet."""
        if is_so:
            self._unschedulable.add(key)
        else:
            self._unschedulable.discard(key)
        held = self._held.get(key)
        if held is not None:
            self._show(held, key)

    def catalog(self) -> Catalog:
        """Give all Deployments; the same object as long as none but replicas changes."""
        if self._catalog.version != self._catalog_version:
            self._catalog = Catalog(self._catalog_version, tuple(held.deployed for held in self._held.values()))
        return self._catalog

    def replicas(self, fleet: Fleet) -> Replicas:
        """Give replica columns in the fleet's rows; only a new fleet costs a look-up per function."""
        if fleet is not self._fleet:
            self._align(fleet)
        return Replicas(self._requested.copy(), self._ready.copy(), self._obstacle.copy())

    def _align(self, fleet: Fleet) -> None:
        self._fleet = fleet
        found = [self._held.get(key, _GONE) for key in fleet.keys]
        self._requested = np.fromiter((held.requested for held in found), np.float64, len(found))
        self._ready = np.fromiter((held.ready for held in found), np.float64, len(found))
        self._obstacle = np.fromiter((held.obstacle for held in found), np.uint8, len(found))

    def _replace(self, old: _Held | None, new: _Held) -> None:
        is_known = old is not None and old.deployed == new.deployed
        if old is not None and is_known:
            new.deployed = old.deployed
        else:
            self._catalog_version += 1
        self._held[new.deployed.key] = new
        self._show(new, new.deployed.key)
        if old is None or not is_known or (old.requested, old.ready) != (new.requested, new.ready):
            self._tell(new.deployed.key, new.requested, new.ready)

    def _show(self, held: _Held, key: FunctionKey) -> None:
        """Put a Deployment that changed into the columns of the last fleet."""
        held.obstacle = obstacle_of(held.requested, held.ready, held.progress, key in self._unschedulable)
        row = None if self._fleet is None else self._fleet.row_of.get(key)
        if row is not None:
            self._requested[row], self._ready[row], self._obstacle[row] = held.requested, held.ready, held.obstacle

    def _tell(self, key: FunctionKey, requested: int, ready: int) -> None:
        for listener in self._listeners:
            listener(key, requested, ready)


def _template(reading: Reading, known: _Held | None) -> int:
    """Give the fingerprint of a pod template; it cannot have changed where the generation has not."""
    if known is not None and 0 < reading.generation == known.generation:
        return known.template
    return fingerprint(reading.template)


def _take_asked(known: _Held, new: _Held, reading: Reading) -> ReplicaChange | None:
    """Give the change that a reading tells if it is not ours; what we asked for and is told now is asked for no more.

    It is compared with what was told before, not with `requested`: a lost write has read the new count already.
    """
    new.asked = known.asked
    if known.told == new.told:
        return None
    writer = writer_of_replicas(reading.managed_fields)
    if new.told in known.asked and (writer.is_ours or not writer.manager):
        new.asked = known.asked[known.asked.index(new.told) + 1 :]
        return None
    is_of_knative = writer.is_ours and _KNATIVE in new.deployed.labels
    if writer.is_ours and not is_of_knative:
        return None
    has_new_template = new.template != known.template
    return ReplicaChange(
        key=new.deployed.key,
        uid=new.deployed.uid,
        old=known.told,
        new=new.told,
        manager=_KNATIVES if is_of_knative else writer.manager,
        is_deploy=has_new_template or writer.is_manifest,
        has_new_template=has_new_template,
        is_openfaas=_OPENFAAS in new.deployed.labels,
    )


def _is_newer(version: int, held: int) -> bool:
    """Tell whether a version is later; those that are no numbers cannot be compared and count as later."""
    return version == 0 or held == 0 or version > held
