"""Where a plan came from, as a decision log keeps it: enough to compile other documents for the same functions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from autoscaler.core.fleet import Fleet
from autoscaler.core.journal.step import Origin
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.documents import ScalingPolicy
from autoscaler.policy.loaded import AnyLoaded
from autoscaler.policy.loading import PolicySet


@dataclass(frozen=True, slots=True, eq=False)
class Provenance:
    """What a plan was compiled from.

    Attributes:
        policies: the documents in force.
        deployed: the Deployments there were, functions or not.
    """

    policies: PolicySet
    deployed: Sequence[Deployed]


NOWHERE = Provenance(PolicySet(), ())
"""Of a plan of nothing."""


class Origins:
    """Writes down where fleets came from; remembers the texts of Deployments that stayed as they were."""

    def __init__(self) -> None:
        self._policies: PolicySet | None = None
        self._documents: Mapping[str, str] = {}
        self._marks: dict[str, tuple[Deployed, str]] = {}

    def of(self, fleet: Fleet, provenance: Provenance) -> Origin:
        """Give the origin of a fleet that was compiled from this."""
        if provenance.policies is not self._policies:
            self._policies, self._documents = provenance.policies, documents_of(provenance.policies)
        known, marks = self._marks, dict[str, tuple[Deployed, str]]()
        for deployed in provenance.deployed:
            if deployed.key in fleet.row_of:
                mark = known.get(deployed.uid)
                same = mark is not None and mark[0] is deployed
                marks[deployed.uid] = mark if same and mark is not None else (deployed, _text_of(deployed))
        self._marks = marks
        return Origin(self._documents, tuple(marks[uid][1] if uid in marks else "{}" for uid in fleet.uids))


def documents_of(policies: PolicySet) -> dict[str, str]:
    """Give each document in force as a JSON text, which is YAML too; names say what it is and where it stood.

    What is kept of a document whose present text is invalid is what is in force, so that is what is given.
    """
    found = {}
    for identity, loaded in policies.documents():
        owned = policies.owned.get(identity.name, ()) if identity.kind == "Tenant" else ()
        text = _json_of(loaded, owned)
        if text is not None:
            found[_name_of(loaded)] = text
    return found


def deployed_of(fleet: Fleet, origin: Origin) -> list[Deployed]:
    """Give the Deployments of a fleet as they were.

    Raises:
        ValueError: the origin is not of this form.
    """
    marks = origin.marks or ("{}",) * len(fleet)
    created = fleet.created_s.tolist()
    found = []
    for key, uid, text, created_s in zip(fleet.keys, fleet.uids, marks, created, strict=True):
        mark = json.loads(text)
        labels, annotations = mark.get("labels", {}), mark.get("annotations", {})
        found.append(Deployed(key, uid, labels, annotations, None if isnan(created_s) else created_s))
    return found


def _name_of(loaded: AnyLoaded) -> str:
    """Name a document by what it is, which no other is, and by where it stood, for whoever reads of it."""
    return f"{loaded.identity} ({loaded.at('')})"


def _json_of(loaded: AnyLoaded, owned: Sequence[str]) -> str | None:
    """Write a document down; of a Tenant that selects its namespaces those it has, for their labels are not kept.

    None: it has none, so it has no functions either.
    """
    document = loaded.document
    if isinstance(document, ScalingPolicy) or document.spec.namespace_selector is None:
        return document.model_dump_json(by_alias=True, exclude_unset=True)
    value = document.model_dump(mode="json", by_alias=True, exclude_unset=True)
    del value["spec"]["namespaceSelector"]
    value["spec"]["namespaces"] = list(owned)
    return json.dumps(value) if owned else None


def _text_of(deployed: Deployed) -> str:
    return json.dumps({"labels": dict(deployed.labels), "annotations": dict(deployed.annotations)}, sort_keys=True)
