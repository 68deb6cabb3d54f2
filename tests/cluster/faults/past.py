"""What Prometheus remembers of an hour before a run: functions that stood still."""

from tests.cluster.faults.site import MOVING, STEADY

_HOUR_S = 3600
_RUN_S = 1800


def an_hour_ago(now_s: float) -> dict[str, list[tuple[float, float]]]:
    """Give series by which the shared functions were seen and not called, from an hour before a run to as long after it.

    A daemon whose clock is an hour slow asks for that time, and would take its silence for today's.

    Args:
        now_s: when the run begins, UTC seconds.
    """
    series = ['up{job="gateway"}']
    for namespace, name in (STEADY, MOVING):
        label = f'function_name="{name}.{namespace}"'
        series += [
            f'gateway_service_count{{job="gateway",{label}}}',
            f'gateway_function_invocation_started{{job="gateway",{label}}}',
            f'gateway_function_invocation_total{{code="200",job="gateway",{label}}}',
        ]
    times_s = [now_s - _HOUR_S + second for second in range(-60, _RUN_S)]
    return {one: [(at_s, 1.0) for at_s in times_s] for one in series}
