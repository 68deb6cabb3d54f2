"""Documents that are right, and at the edge of what is: the API server may be no stricter than our models."""

from tests.cluster.crds.documents import Document, policy, tenant

_LONGEST_NAME = "a" * 63
_CRON = {"cron": " 0\t8 * * 1-5 ", "duration": "31d", "max": 0}

GOOD: dict[str, Document] = {
    "nothing said": policy({}),
    "a policy's name with dots": policy({}, "web.v2"),
    "a policy's longest name": policy({}, "a" * 253),
    "a tenant's longest name": tenant({"namespaces": [_LONGEST_NAME]}, _LONGEST_NAME),
    "switched off": policy({"replicas": {"max": 0, "activation": 5, "initial": 5}, "concurrencyCap": 0}),
    "switched off with a fallback": policy(
        {"replicas": {"max": 0}, "fallback": {"behavior": "current-if-higher", "replicas": 3}}
    ),
    "max as min": policy({"replicas": {"min": 4, "max": 4, "activation": 4, "initial": 4}}),
    "a cap as its limit": policy({"concurrencyLimit": 4, "concurrencyCap": 4}),
    "a cap whose limit is the tenant's": policy({"concurrencyCap": 4}),
    "a fraction as a target": policy({"metrics": [{"type": "cpu", "target": 0.25}]}),
    "thousandths as a target": policy({"metrics": [{"type": "cpu", "target": "500m"}]}),
    "a whole number where fractions are": policy({"scaleUp": {"maxRate": 2, "tolerance": 0}}),
    "every kind of metric": policy(
        {
            "metrics": [
                *({"type": kind, "target": 5} for kind in ("rps", "concurrency", "cpu", "queue")),
                {"type": "query", "query": "up", "activity": "up", "target": 1, "targetType": "Value"},
                {"query": "up == 0", "activity": "up", "target": 1, "utilization": 1},
            ],
            "zero": {"after": "1ms"},
        }
    ),
    "a query without an activity, never at zero": policy({"metrics": [{"query": "up", "target": 1}], "zero": None}),
    "durations of every unit": policy(
        {
            "zero": {"after": "1d2h3m4s5ms"},
            "progressDeadline": "1d",
            "scaleDown": {"delay": "0s", "stabilization": "1h"},
        }
    ),
    "parts of a second": policy({"windows": {"stable": "1.5s", "panic": "900ms"}}),
    "no part of a day": policy({"windows": {"stable": "0d15m", "panic": "0.001d"}}),
    "idle for a century": policy({"zero": {"after": "36500d"}}),
    "idle for longer than a 64-bit count of nanoseconds": policy({"zero": {"after": "99999999h"}}),
    "a panic window alone": policy({"windows": {"panic": "10m"}}),
    "schedules": policy({"schedules": [_CRON, {**_CRON, "cron": "0 8 * * MON#1", "min": 0}]}),
    "a boost that adds": policy({"alerts": [{"match": {"a": '\n{}"\\'}, "boost": {"add": 1}, "expires": "24h"}]}),
    "functions by label": policy({"functions": {"matchLabels": {"tier": "batch", "empty": ""}}}),
    "every caller": tenant(
        {
            "callers": [
                {"tokenSHA256": "0" * 64},
                {"username": "us er", "passwordSHA256": "f" * 64},
                {"certificateSAN": "URI:spiffe://cluster/ns/a"},
            ]
        }
    ),
    "a budget whole": tenant(
        {
            "budget": {
                "replicas": {"guarantee": 5, "cap": 5, "lend": 0, "weight": 0.5},
                "concurrency": {"cap": 0},
            },
            "pool": "gpu",
        }
    ),
    "no cap": tenant({"budget": {"replicas": {"guarantee": 5, "cap": None, "lend": "all"}}}),
    "a selector": tenant(
        {"namespaceSelector": {"matchLabels": {"capsule.clastix.io/tenant": "acme"}}, "namespaces": []}
    ),
    "defaults whole": tenant(
        {"defaults": {"concurrencyLimit": 5, "concurrencyCap": 50, "wake": None, "windows": {"panic": None}}}
    ),
}
