"""Profile openfaas: the gateway's own two counters, and what they come to together."""

from autoscaler.policy.profiles.queries import (
    SignalQuery,
    coverage,
    from_before,
    joined,
    process_starts,
    replaced,
)
from autoscaler.policy.quantities import format_duration
from autoscaler.policy.source_settings import SourceSettings

NAME_LABEL = "function_name"


def openfaas_queries(selector: str, source: SourceSettings, request_timeout_s: float) -> tuple[SignalQuery, ...]:
    """Write the queries: what is in flight is what was started and has not ended."""
    range_, longer = format_duration(source.range_s), from_before(source)
    started, total = (
        f"gateway_function_invocation_started{{{selector}}}",
        f"gateway_function_invocation_total{{{selector}}}",
    )

    # `total` is born when a function's first call ends: until then its part of a difference is 0, not nothing.
    def less(positive: str, negative: str) -> str:
        a, b = (f"sum by ({NAME_LABEL}) ({part})" for part in (positive, negative))
        return f"{a} - ({b} or 0 * {a})"

    # Both counters of a scrape are of one moment, so their sums over a range differ by exactly the requests
    # in flight, summed over the scrapes; that holds where one of them is born, or both start anew, on the way.
    in_flight_sum = less(f"sum_over_time({started}[{range_}])", f"sum_over_time({total}[{range_}])")
    now, then = (f"sum by ({NAME_LABEL}) ({started}{offset})" for offset in ("", f" offset {range_}"))
    proof = {
        "moved": f"{now} - {then}",
        "born": f"{now} unless {then}",
        "alive": f"sum by ({NAME_LABEL}) (gateway_service_count{{{selector}}})",
        **coverage(selector, source),
        "resets": f"max(resets({started}[{longer}]) or {process_starts(selector, longer)})",
        **replaced(selector, source, request_timeout_s),
    }
    return (
        SignalQuery("rate", f"sum by ({NAME_LABEL}) (rate({started}[{range_}]))"),
        SignalQuery("concurrency", f"({in_flight_sum}) / scalar(max(count_over_time(up{{{selector}}}[{range_}])))"),
        SignalQuery("in_flight", less(started, total)),
        SignalQuery("proof", joined(proof)),
    )
