"""From tries to the outcomes that the search wants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoscaler.core.fleet import FunctionKey
from autoscaler.simulator.recommending.choosing import Evaluate, Sizings
from autoscaler.simulator.recommending.documents import Sized, TenantNumbers, policy_documents, tenant_documents
from autoscaler.simulator.recommending.sizing import Sizing
from autoscaler.simulator.recommending.standing import Document, Standing
from autoscaler.simulator.recommending.trying import Measured, Run, Try
from autoscaler.simulator.recommending.writing import tenant_document
from autoscaler.simulator.slo import Slo
from autoscaler.simulator.sweeps.search import Outcome

MOST_COPIES = 5_000
"""Functions of one run: with more, a tick's time grows as their number does, and nothing is won by putting runs together."""


@dataclass(frozen=True, slots=True)
class Site:
    """What a recommendation is about.

    Attributes:
        functions: every function, with the policy in force and without a sizing.
        tenants: namespaces of each tenant.
        standing: documents in force.
    """

    functions: tuple[Sized, ...]
    tenants: Mapping[str, Sequence[str]]
    standing: Standing

    def sized(self, sizings: Mapping[FunctionKey, Sizing]) -> tuple[Sized, ...]:
        """Give the functions with these sizings; those that have none stay as they are."""
        return tuple(Sized(one.key, one.policy, one.limit, sizings.get(one.key)) for one in self.functions)

    def free(self, sizings: Mapping[FunctionKey, Sizing]) -> tuple[Document, ...]:
        """Give documents of these sizings, under which no budget binds."""
        tenants = {name: TenantNumbers(spaces, None, None, True) for name, spaces in self.tenants.items()}
        return self.documents(sizings, tenants)

    def documents(
        self, sizings: Mapping[FunctionKey, Sizing], tenants: Mapping[str, TenantNumbers]
    ) -> tuple[Document, ...]:
        """Give documents of these sizings and budgets."""
        policies = policy_documents(self.sized(sizings), self.standing)
        return (*tenant_documents(tenants, self.standing).values(), *(document for document, _ in policies.values()))

    def in_force(self) -> tuple[Document, ...]:
        """Give the documents in force, with a tenant of the defaults where there is none."""
        made = [
            tenant_document(name, spaces) for name, spaces in self.tenants.items() if name not in self.standing.tenants
        ]
        return (*self.standing.tenants.values(), *made, *self.standing.policies.values())


def evaluate_by(
    run: Run, site: Site, slo: Slo, minimize: str, seeds: Sequence[int], parts: Sequence[int] = (0,)
) -> Evaluate:
    """Make what the search evaluates by: tries on what is learned from.

    Args:
        minimize: a measure, of each function.
        parts: numbers of the parts that each is tried on; the objective is to be kept on every one.
    """
    together = max(1, MOST_COPIES // max(len(site.functions), 1))

    def evaluate(tried: Sequence[Sizings]) -> list[Mapping[FunctionKey, list[Outcome]]]:
        variants = [site.free(sizings) for sizings in tried]
        groups = [tuple(variants[start : start + together]) for start in range(0, len(variants), together)]
        found = run([Try(part, group, seed) for group in groups for part in parts for seed in seeds])
        each = len(parts) * len(seeds)
        by_variant: list[list[Measured]] = []
        for number in range(0, len(found), each):
            by_variant += [list(some) for some in zip(*found[number : number + each], strict=True)]
        return [_outcomes(site, some, slo, minimize) for some in by_variant]

    return evaluate


def _outcomes(site: Site, found: Sequence[Measured], slo: Slo, minimize: str) -> dict[FunctionKey, list[Outcome]]:
    return {one.key: [_outcome(some[str(one.key)], slo, minimize) for some in found] for one in site.functions}


def _outcome(values: Mapping[str, float | None], slo: Slo, minimize: str) -> Outcome:
    verdict = slo.judge({"": values})
    return Outcome(verdict.held, verdict.excess, values[minimize])
