"""What is told of tenants and of the pools that they share."""

from autoscaler.server.budgets import POOL_NUMBERS, TENANT_NUMBERS
from autoscaler.server.registry.metric import Chapter, Unit, counter, gauge

_TENANT = ("tenant",)
_DECIDING = "of the daemon that decides, after a first tick"
_WITH_BUDGET = "where a tenant has a budget; absent where there is no limit"

TENANTS = Chapter(
    "Tenants",
    "Of every tenant with a function, from the daemon that decides. Replica-seconds are summed tick by tick: what a tick saw\n"
    "is taken to have been so until the next one. They count `spec.replicas`, because that is what a budget is charged with and\n"
    "what keeps room on the nodes, starting replicas included; what could serve is\n"
    "`avg_over_time(autoscaler_tenant_ready_replicas[1h]) * 3600`. They are what is, in a dry run too, whoever scales. Each daemon\n"
    "counts its own terms from 0: `sum by (tenant) (increase(autoscaler_tenant_replica_seconds_total[1d]))` is a day of all of them.",
    (
        gauge("tenant_functions", Unit.THINGS, "Functions under control.", _TENANT, _DECIDING),
        gauge("tenant_requested_replicas", Unit.REPLICAS, "Replicas that its Deployments ask for.", _TENANT, _DECIDING),
        gauge("tenant_ready_replicas", Unit.REPLICAS, "Replicas that can serve.", _TENANT, _DECIDING),
        gauge("tenant_desired_replicas", Unit.REPLICAS, "Replicas decided at the last tick.", _TENANT, _DECIDING),
        gauge("tenant_functions_at_zero", Unit.THINGS, "Functions at zero.", _TENANT, _DECIDING),
        gauge(
            "tenant_functions_starting",
            Unit.THINGS,
            "Functions that shall run and have no ready replica.",
            _TENANT,
            _DECIDING,
        ),
        gauge(
            "tenant_functions_with_unknown_load",
            Unit.THINGS,
            "Functions whose load is not known.",
            _TENANT,
            _DECIDING,
        ),
        gauge(
            "functions_held",
            Unit.THINGS,
            "Functions left alone because somebody else changes their replicas.",
            _TENANT,
            _DECIDING,
        ),
        gauge(
            "tenant_functions_with_cap_not_enforced",
            Unit.THINGS,
            "Functions whose replicas do not take their policies' concurrencyLimit.",
            _TENANT,
            _DECIDING,
        ),
        counter(
            "tenant_replica_seconds_total",
            Unit.REPLICA_SECONDS,
            "Replicas that its Deployments asked for, summed over time.",
            _TENANT,
            _DECIDING,
        ),
        counter(
            "tenant_saved_replica_seconds_total",
            Unit.REPLICA_SECONDS,
            "Replicas that zero saved, summed over time: of each function at zero whose policy allows it, "
            "what its minimum would keep, at least one.",
            _TENANT,
            _DECIDING,
        ),
        counter(
            "tenant_cold_starts_total",
            Unit.THINGS,
            "Starts from zero of its functions.",
            _TENANT,
            _DECIDING,
        ),
    ),
)

BUDGETS = Chapter(
    "Budgets",
    "What the account of the last tick says of each tenant: [tenants.md](tenants.md).",
    (
        gauge(
            "tenant_replicas_cap",
            Unit.REPLICAS,
            "Most replicas it may have; absent where there is no limit.",
            _TENANT,
            f"{_DECIDING}, with a cap",
        ),
        gauge("tenant_replicas_guaranteed", Unit.REPLICAS, "Replicas that are always its own.", _TENANT, _DECIDING),
        *(
            gauge(
                f"tenant_budget_{name}",
                Unit.REQUESTS if name == "concurrency" else Unit.REPLICAS,
                meaning,
                _TENANT,
                _WITH_BUDGET,
            )
            for name, meaning in TENANT_NUMBERS.items()
        ),
    ),
)

POOLS = Chapter(
    "Pools",
    "Of each pool in the settings.",
    tuple(
        gauge(
            f"pool_{name}",
            Unit.FLAG if name == "emergency" else Unit.REPLICAS,
            meaning,
            ("pool",),
            _WITH_BUDGET if name in ("charged", "free", "over", "replicas") else _DECIDING,
        )
        for name, meaning in POOL_NUMBERS.items()
    ),
)
