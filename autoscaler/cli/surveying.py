"""What there is in the cluster now, read once: for commands that look around before anything runs."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from autoscaler.adapters.kubernetes import ClusterError
from autoscaler.adapters.kubernetes.connection import Connection
from autoscaler.adapters.kubernetes.deployments import Reading
from autoscaler.adapters.kubernetes.listing import Listing
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.loading import Given, Inputs, PolicySet, load
from autoscaler.policy.settings import KubernetesSettings, Settings


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What was found.

    Attributes:
        policies: the documents in force: of files, and of custom resources where the settings read them.
        readings: Deployments, ordered by namespace and name.
        problems: what could not be read, by its place in the settings, and why.
    """

    policies: PolicySet
    readings: tuple[Reading, ...]
    problems: Mapping[str, str]


async def deployed(settings: KubernetesSettings, namespaces: Collection[str] | None = None) -> list[Deployed]:
    """Give the Deployments there are, functions or not, ordered by namespace and name.

    Args:
        settings: where the cluster is, and who we are there.
        namespaces: read these alone, one by one, for rights that end at a namespace; None: all at once.

    Raises:
        ClusterError: they cannot be read; of several namespaces the first that cannot.
    """
    async with _listing(settings) as listing:
        found: list[Deployed] = []
        for namespace in [None] if namespaces is None else sorted(namespaces):
            found += [reading.deployed for reading in await listing.deployments(namespace)]
        return sorted(found, key=lambda one: one.key)


async def survey(settings: Settings, files: Mapping[str, str]) -> Surveyed:
    """Read documents and Deployments as the daemon would; what cannot be read is told, and the rest is there.

    Args:
        files: text of each document file by name.
    """
    given = Given.by(settings)
    problems: dict[str, str] = {}
    try:
        async with _listing(settings.kubernetes) as listing:
            looking = _Looking(listing, settings, problems)
            policies = await looking.documents(files, given)
            return Surveyed(policies, await looking.deployments(policies), problems)
    except ClusterError as error:
        return Surveyed(load(files, given=given), (), {"kubernetes": str(error)})


class _Looking:
    """One look around; rights end at the cluster or at each tenant's namespaces."""

    def __init__(self, listing: Listing, settings: Settings, problems: dict[str, str]) -> None:
        self._listing = listing
        self._settings = settings
        self._problems = problems

    async def documents(self, files: Mapping[str, str], given: Given) -> PolicySet:
        """Read the documents; policies are read where the tenants say that their namespaces are."""
        kubernetes, labels = self._settings.kubernetes, {}
        if given.label_keys:
            labels = await self._listing.namespace_labels(given.label_keys)
        tenants = await self._listing.documents("Tenant", None) if kubernetes.custom_resources else []
        inputs = Inputs(files, {one.identity: one for one in tenants}, labels)
        policies = load(inputs, given=given)
        if not kubernetes.custom_resources:
            return policies
        found = list(tenants)
        for namespace in self._namespaces(policies):
            found += await self._listing.documents("ScalingPolicy", namespace)
        return load(Inputs(files, {one.identity: one for one in found}, labels), given=given)

    async def deployments(self, policies: PolicySet) -> tuple[Reading, ...]:
        """Read the Deployments; a namespace that cannot be read leaves the others."""
        found: list[Reading] = []
        for namespace in self._namespaces(policies):
            try:
                found += await self._listing.deployments(namespace)
            except ClusterError as error:
                self._problems["kubernetes" if namespace is None else f"kubernetes: namespace {namespace}"] = str(error)
        return tuple(sorted(found, key=lambda one: one.deployed.key))

    def _namespaces(self, policies: PolicySet) -> list[str] | list[None]:
        return [None] if self._settings.kubernetes.scope == "cluster" else sorted(policies.namespaces)


@asynccontextmanager
async def _listing(settings: KubernetesSettings) -> AsyncIterator[Listing]:
    connection = await Connection.open(settings)
    try:
        yield Listing(connection, settings)
    finally:
        await connection.close()
