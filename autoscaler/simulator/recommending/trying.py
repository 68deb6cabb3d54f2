"""Trying documents on a part of a trace: what goes to a worker, and what comes back."""

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from hashlib import blake2b
from math import ceil

import numpy as np

from autoscaler.core.fleet import FunctionKey
from autoscaler.simulator.recommending.standing import Document
from autoscaler.simulator.recommending.writing import joined, yaml_text
from autoscaler.simulator.recorded import Recorded, RecordedFunction
from autoscaler.simulator.recorded_rates import RecordedRates
from autoscaler.simulator.result import Result
from autoscaler.simulator.run import simulate
from autoscaler.simulator.scenario import Scenario
from autoscaler.simulator.slo import measures_of

TENANT = "tenant:"

MOST_NAME = 63
"""Characters of a namespace's name."""

Measured = Mapping[str, Mapping[str, float | None]]
"""Measures by `namespace/function`, and by `tenant:NAME`."""


@dataclass(frozen=True, slots=True)
class Try:
    """Several sets of documents under one seed, in one run: a tick costs hardly more with copies of every function.

    Attributes:
        part: 0 to learn from, 1 the later one, from 2 on stretches of the first.
        variants: sets of documents, tenants and policies.
        seed: of the run; all variants meet the same requests.
    """

    part: int
    variants: tuple[tuple[Document, ...], ...]
    seed: int


Run = Callable[[Sequence[Try]], Sequence[Sequence[Measured]]]
"""Runs tries, perhaps side by side, and gives what was measured of each of their variants, in their order."""


@dataclass(frozen=True, slots=True)
class Trier:
    """Runs tries, one after another.

    Attributes:
        parts: a scenario and its functions, of each part.
    """

    parts: Sequence[tuple[Scenario, Recorded]]

    def run(self, tries: Sequence[Try]) -> list[list[Measured]]:
        """Run them.

        Raises:
            ScenarioError: something is wrong with a document.
        """
        return [self._measured(one) for one in tries]

    def _measured(self, one: Try) -> list[Measured]:
        scenario, recorded = self.parts[one.part]
        functions = tuple(_copy(each, place) for place in range(len(one.variants)) for each in recorded.functions)
        files = {
            f"variant {place}": joined([yaml_text(_renamed(document, place)) for document in documents])
            for place, documents in enumerate(one.variants)
        }
        found = measured(simulate(scenario, files, traces=Recorded(functions=functions), seed=one.seed))
        names = {str(each.spec.key) for each in recorded.functions}
        return [
            _of_variant(found, place, names | {TENANT + document["metadata"]["name"] for document in documents})
            for place, documents in enumerate(one.variants)
        ]


def _space(place: int, name: str) -> str:
    """Name the namespace, or the tenant, of a variant: a Kubernetes name, and no two names are one when they are cut."""
    prefix = f"v{place}-"
    digest = blake2b(name.encode(), digest_size=4).hexdigest()
    return f"{prefix}{name}" if len(name) + len(prefix) <= MOST_NAME else f"{prefix}{name[:40]}-{digest}"


def _copy(one: RecordedFunction, place: int) -> RecordedFunction:
    key = FunctionKey(_space(place, one.spec.key.namespace), one.spec.key.name)
    tenant = None if one.tenant is None else _space(place, one.tenant)
    return RecordedFunction(replace(one.spec, key=key, drawn_as=one.spec.key), one.workload, tenant)


def _renamed(document: Document, place: int) -> Document:
    """Give a document that is about the copies of a variant."""
    copy = deepcopy(document)
    if copy["kind"] == "Tenant":
        copy["metadata"]["name"] = _space(place, copy["metadata"]["name"])
        copy["spec"]["namespaces"] = [_space(place, name) for name in copy["spec"].get("namespaces", ())]
    else:
        copy["metadata"]["namespace"] = _space(place, copy["metadata"]["namespace"])
    return copy


def _of_variant(found: Measured, place: int, names: Collection[str]) -> Measured:
    """Give the measures of a variant, by the names that its functions and tenants have outside."""
    outside = {_inside(name, place): name for name in names}
    return {outside[name]: values for name, values in found.items() if name in outside}


def _inside(name: str, place: int) -> str:
    """Name what is called so outside (`namespace/function`, `tenant:NAME`) as a run of several variants names it."""
    if name.startswith(TENANT):
        return TENANT + _space(place, name.removeprefix(TENANT))
    namespace, _, function = name.partition("/")
    return f"{_space(place, namespace)}/{function}"


def measured(result: Result) -> Measured:
    """Give what is kept of a run."""
    by_tenant = {TENANT + name: values for name, values in measures_of(result, "tenant").items()}
    return {**measures_of(result, "function"), **by_tenant}


def needed(functions: Sequence[RecordedFunction], length_s: float) -> Mapping[FunctionKey, int]:
    """Give the replicas that the mean load of each function needs over a part."""
    return {one.spec.key: _needed(one, length_s) for one in functions}


def warm(functions: Sequence[RecordedFunction], replicas: Mapping[FunctionKey, int]) -> tuple[RecordedFunction, ...]:
    """Let functions begin with replicas that are ready, so that no part begins with a start of all."""
    return tuple(replace(one, spec=replace(one.spec, replicas=replicas[one.spec.key])) for one in functions)


def _needed(one: RecordedFunction, length_s: float) -> int:
    busy = expected(one, length_s) / length_s * one.spec.service_s
    return max(1, ceil(busy / one.spec.concurrency_limit / 0.7))


def expected(one: RecordedFunction, length_s: float) -> float:
    """Give the requests that a function expects over a part."""
    if isinstance(one.workload, RecordedRates):
        length_s = min(length_s, one.workload.length_s)
    return float(one.workload.cumulative(np.array([length_s]))[0])
