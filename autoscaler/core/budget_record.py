"""The account of one tenant's budget, whole: `explain`, the API, the status and the demo show this and nothing else."""

from dataclasses import dataclass, replace

import numpy as np

from autoscaler.core.accounts import Accounts
from autoscaler.core.fleet import Fleet
from autoscaler.core.reasons import REASON_OF, Reason


@dataclass(frozen=True, slots=True)
class BudgetRecord:
    """What one tenant asked for, what it got, and why no more; in replicas unless said, None: no limit.

    Attributes:
        tenant: whose.
        cap: most that it may have.
        guarantee: what its document guarantees.
        promised: what of that its pool can keep; less only where the guarantees of all exceed the pool.
        lend: of its guarantee, what others may use while it does not; None: all.
        weight: its share of what is left over.
        asked: what its functions ask for, within their own limits.
        granted: what they get.
        masked: of it what is paused or somebody else's.
        charged: what its pool is charged for.
        share: what its pool has for it now.
        borrowed: of the charged what is above its guarantee.
        lent: what others use of its guarantee.
        kept: beside the granted, what the blast radius does not let go yet.
        bound: the budget that refused anything last; PASSED: none did.
        concurrency_cap: requests in flight that its replicas may be given.
        concurrency: requests in flight that the granted may be given; None: it has no concurrency cap.
        pool: name of its pool.
        pool_size: replicas that there are in all.
        pool_asked: what all tenants of the pool ask for; None, as in what follows: not for this reader.
        pool_charged: what it is charged for in all.
        pool_guaranteed: what is guaranteed of it in all, by the documents.
        pool_over: by how much what is charged exceeds it.
    """

    tenant: str
    cap: int | None
    guarantee: int
    promised: int
    lend: int | None
    weight: float
    asked: int
    granted: int
    masked: int
    charged: int
    share: int | None
    borrowed: int
    lent: int
    kept: int
    bound: Reason
    concurrency_cap: float | None
    concurrency: float | None
    pool: str
    pool_size: int | None
    pool_asked: int | None
    pool_charged: int | None
    pool_guaranteed: int | None
    pool_over: int | None

    def own(self) -> "BudgetRecord":
        """Give what the tenant itself may know: of two tenants in a pool, the pool's sums tell each the other's numbers."""
        return replace(self, pool_size=None, pool_asked=None, pool_charged=None, pool_guaranteed=None, pool_over=None)


def budget_record(fleet: Fleet, accounts: Accounts, tenant: int) -> BudgetRecord:
    """Give the account of one tenant.

    Args:
        tenant: its place in the fleet.
    """
    budgets = fleet.budgets
    pool = int(budgets.pool[tenant])
    mates = budgets.pool == pool
    return BudgetRecord(
        tenant=fleet.tenants[tenant],
        cap=_whole(fleet.tenant_cap[tenant]),
        guarantee=int(budgets.guarantee[tenant]),
        promised=int(accounts.guarantee[tenant]),
        lend=_whole(budgets.lend[tenant]),
        weight=float(budgets.weight[tenant]),
        asked=int(accounts.asked[tenant]),
        granted=int(accounts.granted[tenant]),
        masked=int(accounts.masked[tenant]),
        charged=int(accounts.charged[tenant]),
        share=_whole(accounts.share[tenant]),
        borrowed=int(accounts.borrowed[tenant]),
        lent=int(accounts.lent[tenant]),
        kept=int(accounts.kept[tenant]),
        bound=REASON_OF[int(accounts.bound[tenant])],
        concurrency_cap=_known(budgets.concurrency_cap[tenant]),
        concurrency=_known(accounts.concurrency[tenant]),
        pool=budgets.pools[pool],
        pool_size=_whole(budgets.size[pool]),
        pool_asked=int(accounts.asked[mates].sum()),
        pool_charged=int(accounts.charged[mates].sum()),
        pool_guaranteed=int(budgets.guarantee[mates].sum()),
        pool_over=int(accounts.over[pool]),
    )


def _known(number: np.float64) -> float | None:
    return float(number) if np.isfinite(number) else None


def _whole(number: np.float64) -> int | None:
    return int(number) if np.isfinite(number) else None
