"""What is told of each function."""

from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from autoscaler.server.registry.metric import Chapter, Kind, Metric, Unit

REASONS = ", ".join(f"{int(reason)} {reason.name}" for reason in Reason)
STATES = ", ".join(f"{int(seen)} {seen.name}" for seen in Seen)

LABELS = ("tenant", "namespace", "function")
_DECIDING = "of the daemon that decides, after a first tick"
_KNOWN = f"{_DECIDING}, where it is known"


def _of_function(name: str, unit: Unit, meaning: str, when: str = _DECIDING, kind: Kind = Kind.GAUGE) -> Metric:
    return Metric(f"autoscaler_function_{name}", kind, unit, meaning, LABELS, when)


FUNCTIONS = Chapter(
    "Functions",
    "Of every function, from the daemon that decides; `/metrics?tenant=acme&tenant=umbrella` has those of these tenants alone,\n"
    "`?tenant=` of none. What is not known has no sample, never 0. A cold start is a change of `spec.replicas` from 0 to more that a\n"
    "tick saw, whoever made it and whether it became ready or not (`autoscaler_tenant_functions_starting` has those that did not yet);\n"
    "dry runs count what is, not what would be. It counts from the first time that this daemon saw the function.\n"
    "A Prometheus whose targets have a label `namespace` of their own, as both shipped scrape configurations give them one, keeps the\n"
    "function's as `exported_namespace`.",
    (
        _of_function("desired_replicas", Unit.REPLICAS, "Replicas decided at the last tick."),
        _of_function("requested_replicas", Unit.REPLICAS, "Replicas that the Deployment asks for."),
        _of_function("ready_replicas", Unit.REPLICAS, "Replicas that can serve."),
        _of_function(
            "requests_per_second",
            Unit.REQUESTS_PER_SECOND,
            "Mean request rate over the stable window; absent where unknown.",
            _KNOWN,
        ),
        _of_function(
            "concurrency",
            Unit.REQUESTS,
            "Mean requests in flight over the stable window; absent where unknown.",
            _KNOWN,
        ),
        _of_function("in_flight", Unit.REQUESTS, "Requests in flight now; absent where unknown.", _KNOWN),
        _of_function("load_state", Unit.CODE, f"What is seen of the load: {STATES}."),
        _of_function("reason_code", Unit.CODE, f"The rule that bound the last decision: {REASONS}."),
        _of_function(
            "cap_not_enforced",
            Unit.FLAG,
            "Whether a replica does not take its policy's concurrencyLimit: its pods are told another one, or more is in "
            "flight; absent where the policy has none.",
            f"{_DECIDING}, with a `concurrencyLimit`",
        ),
        _of_function("cold_starts_total", Unit.THINGS, "Starts from zero.", kind=Kind.COUNTER),
    ),
)
