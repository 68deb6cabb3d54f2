"""Documents that are wrong, and who says so: the schema or a CEL rule at `kubectl apply`, or the daemon alone.

The daemon's models refuse every one of them. What is left to them is what takes PromQL, cron, time zones, days in a
duration, or a fraction that may be a text to know.
"""

from dataclasses import dataclass
from typing import Any

from tests.cluster.crds.documents import Document, policy, tenant

SCHEMA, CEL, DAEMON = "schema", "cel", "daemon"


@dataclass(frozen=True)
class Bad:
    """A wrong document.

    Attributes:
        refused_by: SCHEMA, CEL or DAEMON.
        words: part of what the API server says.
    """

    document: Document
    refused_by: str
    words: str = ""


_RPS = {"type": "rps", "target": 5}
_SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def _metric(**said: Any) -> Document:
    return policy({"metrics": [said]})


def _schedule(**said: Any) -> Document:
    return policy({"schedules": [{"cron": "0 8 * * *", "duration": "1h", **said}]})


BAD = {
    # What the schema says.
    "an unknown field": Bad(policy({"replica": {"min": 1}}), SCHEMA, 'unknown field "spec.replica"'),
    "an unknown field deep within": Bad(policy({"wake": {"wiht": ["x"]}}), SCHEMA, 'unknown field "spec.wake.wiht"'),
    "no spec": Bad({key: value for key, value in policy({}).items() if key != "spec"}, SCHEMA, "spec: Required"),
    "a text as a number": Bad(policy({"replicas": {"min": "1"}}), SCHEMA, "must be of type integer"),
    "a fraction of a replica": Bad(policy({"replicas": {"min": 1.5}}), SCHEMA, "must be of type integer"),
    "less than nothing": Bad(policy({"replicas": {"min": -1}}), SCHEMA, "greater than or equal to 0"),
    "more than a million": Bad(policy({"replicas": {"max": 1_000_001}}), SCHEMA, "less than or equal to 1000000"),
    "a rate of one": Bad(policy({"scaleDown": {"maxRate": 1}}), SCHEMA, "greater than 1"),
    "a tolerance of one": Bad(policy({"scaleDown": {"tolerance": 1}}), SCHEMA, "less than 1"),
    "no metrics": Bad(policy({"metrics": []}), SCHEMA, "at least 1 items"),
    "too many schedules": Bad(
        policy({"schedules": [{"cron": "0 8 * * *", "duration": "1h", "min": 1}] * 21}), SCHEMA, "at most 20 items"
    ),
    "another kind of metric": Bad(_metric(type="memory", target=5), SCHEMA, "Unsupported value"),
    "no target": Bad(_metric(type="rps"), SCHEMA, "target: Required"),
    "a target of nothing": Bad(_metric(type="rps", target=0), SCHEMA, "greater than 0"),
    "a target as another text": Bad(_metric(type="rps", target="5 rps"), SCHEMA, "should match"),
    "a bare number as a duration": Bad(policy({"zero": {"after": 300}}), SCHEMA, "must be of type string"),
    "a duration in weeks": Bad(policy({"zero": {"after": "1w"}}), SCHEMA, "should match"),
    "a pattern in capitals": Bad(policy({"functions": {"names": ["Web"]}}), SCHEMA, "should match"),
    "an alert that matches every alert": Bad(
        policy({"alerts": [{"match": {}, "boost": {"add": 1}}]}), SCHEMA, "at least 1 properties"
    ),
    "a query too long": Bad(_metric(query="a" * 2001, target=1), SCHEMA, "may not be more than 2000"),
    "a tenant's name with a dot": Bad(tenant({}, "acme.prod"), SCHEMA, "metadata.name"),
    "a namespace in capitals": Bad(tenant({"namespaces": ["Acme"]}), SCHEMA, "should match"),
    "lend is a word": Bad(tenant({"budget": {"replicas": {"lend": "some"}}}), SCHEMA, "should match"),
    "lend is below nothing": Bad(tenant({"budget": {"replicas": {"lend": -1}}}), SCHEMA, "greater than or equal to 0"),
    "weight below nothing": Bad(tenant({"budget": {"replicas": {"weight": -1}}}), SCHEMA, "greater than or equal to 0"),
    "a token instead of its hash": Bad(tenant({"callers": [{"tokenSHA256": "secret"}]}), SCHEMA, "should match"),
    "a certificate name without its kind": Bad(
        tenant({"callers": [{"certificateSAN": "a.b"}]}), SCHEMA, "should match"
    ),
    "a selector of nothing": Bad(tenant({"namespaceSelector": {"matchLabels": {}}}), SCHEMA, "at least 1 properties"),
    # What CEL says.
    "guarantee above cap": Bad(
        tenant({"budget": {"replicas": {"guarantee": 5, "cap": 4}}}), CEL, "allowed: guarantee up to cap"
    ),
    "no namespaces at all": Bad(tenant({"namespaces": []}), CEL, "allowed: one of namespaces"),
    "namespaces and a selector": Bad(
        tenant({"namespaces": ["a"], "namespaceSelector": {"matchLabels": {"team": "a"}}}), CEL, "and not both"
    ),
    "a caller of two kinds": Bad(
        tenant({"callers": [{"tokenSHA256": _SHA, "certificateSAN": "DNS:a"}]}), CEL, "allowed: one of tokenSHA256"
    ),
    "a caller of no kind": Bad(tenant({"callers": [{}]}), CEL, "allowed: one of tokenSHA256"),
    "a user without a password": Bad(
        tenant({"callers": [{"username": "a"}]}), CEL, "allowed: username and passwordSHA256 together"
    ),
    "a default cap of concurrency without its limit": Bad(
        tenant({"defaults": {"concurrencyCap": 5}}), CEL, "allowed: concurrencyLimit and concurrencyCap both"
    ),
    "contradicting defaults": Bad(tenant({"defaults": {"replicas": {"min": 5, "max": 4}}}), CEL, "min up to max"),
    "names and labels": Bad(
        policy({"functions": {"names": ["a"], "matchLabels": {"a": "b"}}}), CEL, "one of names and matchLabels"
    ),
    "an empty selector": Bad(policy({"functions": {}}), CEL, "one of names and matchLabels"),
    "min above max": Bad(policy({"replicas": {"min": 5, "max": 4}}), CEL, "allowed: min up to max"),
    "activation above max": Bad(policy({"replicas": {"activation": 5, "max": 4}}), CEL, "activation up to max"),
    "initial above max": Bad(policy({"replicas": {"initial": 5, "max": 4}}), CEL, "initial up to max"),
    "a fallback above max": Bad(
        policy({"replicas": {"max": 4}, "fallback": {"behavior": "current-if-higher", "replicas": 5}}),
        CEL,
        "replicas of fallback up to replicas.max",
    ),
    "a fallback without its number": Bad(
        policy({"fallback": {"behavior": "current-if-higher"}}), CEL, "replicas with behavior current-if-higher"
    ),
    "a number that hold does not need": Bad(policy({"fallback": {"replicas": 5}}), CEL, "and not with hold"),
    "a schedule above max": Bad(
        policy({"replicas": {"max": 4}, "schedules": [{"cron": "0 8 * * *", "duration": "1h", "min": 5}]}),
        CEL,
        "min of each schedule up to replicas.max",
    ),
    "a schedule that says nothing": Bad(_schedule(), CEL, "allowed: min or max, or both"),
    "a schedule with min above max": Bad(_schedule(min=2, max=1), CEL, "allowed: min up to max"),
    "a cron expression of four fields": Bad(_schedule(cron="0 8 * *", min=1), CEL, "five fields"),
    "a boost of nothing": Bad(
        policy({"alerts": [{"match": {"a": "b"}, "boost": {"factor": 1}}]}), CEL, "a boost that raises something"
    ),
    "panic as long as stable": Bad(policy({"windows": {"stable": "10s", "panic": "10s"}}), CEL, "panic below stable"),
    "a stable window of an hour": Bad(policy({"windows": {"stable": "1h"}}), CEL, "more than 0s, at most 15m"),
    "a stable window of nothing": Bad(policy({"windows": {"stable": "0m"}}), CEL, "more than 0s, at most 15m"),
    "idle for nothing": Bad(policy({"zero": {"after": "0s"}}), CEL, "allowed: more than 0s"),
    "a period too short": Bad(
        policy({"scaleUp": {"policies": [{"type": "Pods", "value": 1, "period": "500ms"}]}}), CEL, "at least 1s"
    ),
    "a hold of an hour": Bad(policy({"wake": {"hold": "1h"}}), CEL, "more than 0s, at most 10m"),
    "a cap below the limit": Bad(
        policy({"concurrencyLimit": 5, "concurrencyCap": 4}), CEL, "allowed: 0, or concurrencyLimit and more"
    ),
    "a metric twice": Bad(policy({"metrics": [_RPS, _RPS]}), CEL, "each metric type at most once"),
    "a query twice": Bad(policy({"metrics": [{"query": "up", "target": 1}] * 2}), CEL, "each query once"),
    "neither type nor query": Bad(_metric(target=5), CEL, "allowed: a type, or a query"),
    "a query of another type": Bad(_metric(type="rps", query="up", target=5), CEL, "a query with type query"),
    "a type query without one": Bad(_metric(type="query", target=5), CEL, "a query with type query"),
    "an activity without a query": Bad(_metric(type="rps", activity="up", target=5), CEL, "only beside a query"),
    "a level of requests": Bad(_metric(type="rps", targetType="Value", target=5), CEL, "targetType AverageValue"),
    "zero that is never proven": Bad(
        policy({"metrics": [{"query": "up", "target": 1}], "zero": {"after": "5m"}}),
        CEL,
        "an activity beside each query",
    ),
    # What only the daemon says, in the status.
    "PromQL that is none": Bad(_metric(query="sum(", target=5), DAEMON),
    "a zone that is nowhere": Bad(_schedule(min=1, timeZone="Europe/Atlantis"), DAEMON),
    "a cron expression of five wrong fields": Bad(_schedule(cron="0 25 * * *", min=1), DAEMON),
    "a duration of days that is too long": Bad(policy({"windows": {"stable": "1d"}}), DAEMON),
    "a target that is true": Bad(_metric(type="rps", target=True), DAEMON),
    "a target that is a list": Bad(_metric(type="rps", target=[]), DAEMON),
    "a target that is null": Bad(_metric(type="rps", target=None), SCHEMA, "target: Required"),
}
