"""The other policies of a replay: compiled for the functions of the recording."""

import json
from collections.abc import Mapping, Sequence

from autoscaler.cli.errors import WrongConfiguration
from autoscaler.core.fleet import Fleet
from autoscaler.core.journal.step import Origin
from autoscaler.policy.budgets import pools_of
from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.loading import PolicySet, load
from autoscaler.policy.parsing import read_documents
from autoscaler.policy.plan import Plan
from autoscaler.policy.provenance import deployed_of
from autoscaler.policy.settings import PoolSettings

_Name = tuple[str, str, str]


class OtherPolicies:
    """Compiles the other documents, together with those of the recording that they do not replace.

    Args:
        texts: the other documents, by file.
        is_all: they replace everything that was in force; else what has the same kind, namespace and name.
    """

    def __init__(self, texts: Mapping[str, str], is_all: bool) -> None:
        self._texts = texts
        self._is_all = is_all
        self._pools: Mapping[str, PoolSettings] = {}
        self._compiler = Compiler(self._pools)
        self._documents: Mapping[str, str] | None = None
        self._policies = PolicySet()
        self._origin: Origin | None = None
        self._deployed: Sequence[Deployed] = ()

    def plan(self, fleet: Fleet, origin: Origin, utc_s: float) -> Plan:
        """Make the plan for the functions of a recorded fleet, in the pools that there were then.

        Raises:
            WrongConfiguration: something is wrong with the documents; all of it is named.
        """
        if origin is not self._origin:
            self._origin, self._deployed = origin, deployed_of(fleet, origin)
        if origin.documents is not self._documents:
            self._documents = origin.documents
            self._policies = self._loaded(origin.documents)
        pools = pools_of(fleet.budgets)
        if pools != self._pools:
            self._pools, self._compiler = pools, Compiler(pools)
        return self._compiler.compile(self._policies, self._deployed, utc_s)

    def _loaded(self, recorded: Mapping[str, str]) -> PolicySet:
        policies = load({**self._kept(recorded), **self._texts})
        if policies.problems:
            raise WrongConfiguration("The other policies cannot be used:", policies.problems)
        return policies

    def _kept(self, recorded: Mapping[str, str]) -> dict[str, str]:
        """Give the recorded documents that stay; each in a text of its own, so that one leaves and the rest stays."""
        if self._is_all:
            return {}
        replaced = {
            _name(document.value) for file, text in self._texts.items() for document in read_documents(file, text)
        }
        return {
            f"as recorded, {file}": text for file, text in recorded.items() if _name(json.loads(text)) not in replaced
        }


def _name(document: object) -> _Name | None:
    """Tell which document this is; None: it does not say, which `load` will."""
    if not isinstance(document, Mapping) or not isinstance(document.get("metadata"), Mapping):
        return None
    metadata = document["metadata"]
    is_tenant = document.get("kind") == "Tenant"
    namespace = "" if is_tenant else str(metadata.get("namespace", ""))
    return str(document.get("kind")), namespace, str(metadata.get("name"))
