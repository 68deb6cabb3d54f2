"""Keeps the plan: compiled anew only when the Deployments or the documents have changed."""

import asyncio
import gc
import math
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from autoscaler.core.columns import Bools
from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.identity import Identities
from autoscaler.daemon.policies import Policies
from autoscaler.daemon.wishes import writable
from autoscaler.policy.compile import Compiler, Ruled
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.loading import PolicySet
from autoscaler.policy.plan import Plan
from autoscaler.policy.provenance import NOWHERE, Provenance
from autoscaler.policy.settings import Settings
from autoscaler.ports import Cluster

LARGE = 10_000
"""Deployments from which on the collector is spared a plan; below it a full pass takes less than 20 ms."""
MUCH_MORE = 1.25
"""Growth after which most of a plan is new."""


@dataclass(frozen=True, slots=True, eq=False)
class Planned:
    """A plan and what the shell derives from it.

    Attributes:
        plan: what documents and Deployments come to.
        may_write: `(functions,) bool`, False under a dry run.
        identities: who bears which token.
        problems: documents and labels refused, as sentences.
        provenance: what the plan was compiled from.
        ruled: what holds for each function, and who said it.
    """

    plan: Plan
    may_write: Bools
    identities: Identities
    problems: Sequence[str]
    provenance: Provenance = NOWHERE
    ruled: Ruled = field(default_factory=Ruled)

    def is_dry(self, key: FunctionKey) -> bool:
        """Tell whether nothing may be written of what is decided for a function, by its tenant's dry run or its policy's."""
        row = self.plan.fleet.row_of.get(key)
        return row is None or not self.may_write[row]


class Planner:
    """Compiles plans in a thread of its own: 100,000 Deployments take far longer than the loop may stall.

    Args:
        settings: whose gateways and operators have callers.
        policies: the documents in force.
        cluster: the Deployments there are.
        compile_in: where to compile; one call at a time.
    """

    def __init__(self, settings: Settings, policies: Policies, cluster: Cluster, compile_in: Executor) -> None:
        self._settings = settings
        self._policies = policies
        self._cluster = cluster
        self._compile_in = compile_in
        self._compiler = Compiler(settings.pools)
        self._compiled_from: tuple[int, PolicySet] | None = None
        self._compiled_s = 0.0
        self._frozen = 0
        # Credentials are known before the first Deployment is: a webhook then gets "not yet", never "who are you".
        self._planned = self._compile(policies.current, (), 0.0)

    @property
    def latest(self) -> Planned:
        """What was compiled last."""
        return self._planned

    async def current(self, utc_s: float) -> Planned:
        """Give the plan of what is there now.

        Args:
            utc_s: now, UTC seconds: a plan whose schedules run out is made anew long before they do.
        """
        catalog, policies = self._cluster.catalog(), self._policies.current
        compiled_from = self._compiled_from
        is_other = compiled_from is None or compiled_from[0] != catalog.version or compiled_from[1] is not policies
        if is_other or not self._is_in_season(utc_s):
            loop = asyncio.get_running_loop()
            compiling = loop.run_in_executor(self._compile_in, self._compile, policies, catalog.deployed, utc_s)
            self._planned = await compiling
            self._compiled_from, self._compiled_s = (catalog.version, policies), utc_s
        return self._planned

    def _is_in_season(self, utc_s: float) -> bool:
        """Tell whether the plan's schedules reach far enough: half of what they cover is ahead, or there are none.

        A clock that was put back is before what they cover, and what began then would be missing.
        """
        until_s = self._planned.plan.known_until_s
        return math.isinf(until_s) or self._compiled_s <= utc_s < (self._compiled_s + until_s) / 2

    def _compile(self, policies: PolicySet, deployed: Sequence[Deployed], utc_s: float) -> Planned:
        plan = self._compiler.compile(policies, deployed, utc_s)
        unmet = (problem for named in plan.unmet.values() for problem in named)
        problems = [str(problem) for problem in (*policies.problems, *self._compiler.problems, *unmet)]
        # Who asks the wrong shard is known all the same, and told which one is right.
        identities = Identities(self._settings, {**self._policies.elsewhere, **plan.tenants})
        planned = Planned(
            plan, writable(plan), identities, problems, Provenance(policies, deployed), self._compiler.ruled
        )
        self._spare_collector(len(deployed))
        return planned

    def _spare_collector(self, deployments: int) -> None:
        """Take a large new plan out of the garbage collector's sight; references alone free it later.

        A full pass over the objects of 100,000 functions stops every thread for more than 200 ms. Only after what
        makes most of a plan anew, since garbage that is in sight at that moment is never collected: single
        Deployments and documents change all the time.
        """
        is_new = self._compiler.renewed * 2 > deployments or deployments > self._frozen * MUCH_MORE
        if deployments >= LARGE and is_new:
            self._frozen = deployments
            gc.freeze()
