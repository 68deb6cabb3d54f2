"""A gateway as a Prometheus shows it, and the functions that its series name."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.finding import NOBODY, Finder
from autoscaler.policy.profiles import Gateway, Profile, profile_of
from autoscaler.policy.source_settings import GatewaySettings, SourceSettings
from autoscaler.policy.starting.targets import Labels

_USUAL_NAMES = (
    "{namespace}_{function}",
    "{namespace}-{function}",
    "{namespace}/{function}",
    "{function}.{namespace}",
    "{function}-{namespace}",
    "{function}_{namespace}",
)
"""How people call a backend for each function, where one name holds both."""

_OPENFAAS_NAMESPACE = "openfaas-fn"
_NOWHERE = "http://127.0.0.1"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A gateway's targets of one job, and what their series are called.

    Attributes:
        gateway: its kind.
        match: labels that select its targets.
        is_apart: whether they select no other target.
        interval_s: seconds between two scrapes; None: not known.
        series: labels that may name functions, one entry for each series.
    """

    gateway: Gateway
    match: Labels
    is_apart: bool
    interval_s: float | None
    series: Sequence[Labels]

    @property
    def job(self) -> str:
        """The job that scrapes it."""
        return self.match["job"]


@dataclass(frozen=True, slots=True)
class Read:
    """What the series of a sighting say, read in one way.

    Attributes:
        sighting: whose series.
        fields: settings of the gateway that differ from the profile's own, by their names outside.
        functions: Deployments that they name.
        strangers: names in them that no Deployment has, as `namespace/name`.
        ambiguous: functions of which two or more may be meant by one name, so that it counts for neither.
        proof_s: seconds of silence that zero needs; 0: what is in flight proves it.
    """

    sighting: Sighting
    fields: Mapping[str, str]
    functions: frozenset[FunctionKey]
    strangers: frozenset[str]
    ambiguous: frozenset[str] = frozenset()
    proof_s: float = 0.0

    @property
    def profile(self) -> str:
        """Name of the profile."""
        return self.sighting.gateway.name

    def settings(self) -> dict[str, Any]:
        """Give the gateway as settings have it."""
        return {"profile": self.profile, "match": dict(self.sighting.match), **self.fields}


def best_reading(sighting: Sighting, deployed: Collection[FunctionKey]) -> Read:
    """Read a gateway's series in the way that names the most Deployments; the profile's own way wins a tie."""
    ways = [_read(sighting, fields, deployed) for fields in _ways(sighting, deployed)]
    return max(ways, key=lambda one: len(one.functions))


def named_in(sighting: Sighting, namespaces: Collection[str] | None) -> frozenset[FunctionKey]:
    """Give every function that the series of a gateway may name, where no cluster says which there are.

    Args:
        sighting: whose series.
        namespaces: functions of these alone; None: of all.
    """
    if sighting.gateway.name == "openfaas":
        ways = [{}, *({"defaultNamespace": one} for one in sorted(namespaces or [_OPENFAAS_NAMESPACE]))]
    else:
        ways = list(_ways(sighting, frozenset()))[: None if namespaces is not None else 1]  # else any split is a name
    found: set[FunctionKey] = set()
    for fields in ways:
        profile = _profile(sighting, fields)
        found |= {key for series in sighting.series for key in profile.readings(series)}
    return frozenset(key for key in found if namespaces is None or key.namespace in namespaces)


def _ways(sighting: Sighting, deployed: Collection[FunctionKey]) -> Iterator[dict[str, str]]:
    """Give the settings that may be needed, the profile's own first."""
    gateway = sighting.gateway
    yield _with_default_namespace(sighting, deployed) if gateway.name == "openfaas" else {}
    if gateway.default_names is not None:
        yield from ({"names": names} for names in _USUAL_NAMES if names != gateway.default_names)


def _with_default_namespace(sighting: Sighting, deployed: Collection[FunctionKey]) -> dict[str, str]:
    """Give the namespace of names that have none: where most of them are deployed, else OpenFaaS's own."""
    plain = {name for series in sighting.series if "." not in (name := series.get(sighting.gateway.function_label, ""))}
    counts = Counter(key.namespace for key in deployed if key.name in plain)
    if counts:
        return {"defaultNamespace": max(sorted(counts), key=lambda one: counts[one])}
    is_there = any(key.namespace == _OPENFAAS_NAMESPACE for key in deployed)
    return {"defaultNamespace": _OPENFAAS_NAMESPACE} if is_there else {}


def _read(sighting: Sighting, fields: Mapping[str, str], deployed: Collection[FunctionKey]) -> Read:
    profile = _profile(sighting, fields)
    keys = sorted(deployed)
    finder = Finder(profile, {str(key): row for row, key in enumerate(keys)}, np.ones(len(keys), np.bool_))
    functions: set[FunctionKey] = set()
    strangers: set[str] = set()
    ambiguous: set[str] = set()
    for series in sighting.series:
        place = finder.place(series)
        if place >= 0:
            functions.add(keys[place])
        elif place < NOBODY:
            ambiguous.add(" or ".join(str(keys[row]) for row in finder.meant(place)))
        else:
            strangers |= {str(key) for key in sorted(profile.readings(series))[:1]}
    return Read(sighting, fields, frozenset(functions), frozenset(strangers), frozenset(ambiguous), profile.needs_s)


def _profile(sighting: Sighting, fields: Mapping[str, str]) -> Profile:
    gateway = GatewaySettings.model_validate(
        {"profile": sighting.gateway.name, "match": dict(sighting.match), **fields}
    )
    return profile_of(gateway, SourceSettings(url=_NOWHERE, gateways=[gateway]))


def within(read: Read, namespaces: Collection[str] | None) -> Read:
    """Give only what is in some namespaces; None: in all."""
    if namespaces is None:
        return read
    kept = frozenset(key for key in read.functions if key.namespace in namespaces)
    strangers = frozenset(one for one in read.strangers if one.partition("/")[0] in namespaces)
    return replace(read, functions=kept, strangers=strangers)
