"""A tenant's exporter that lies about another tenant's functions, and the scrapes by which Prometheus takes it in."""

import json
import time

from tests.servers.exporter import Exporter

HONORED = "honor_labels: true"
ENFORCED = "honor_labels: true\n    metric_relabel_configs: [{target_label: namespace, replacement: a-gateway}]"
"""What prometheus-operator's `enforcedNamespaceLabel` comes to: the label is set anew after everything else."""
PLAIN = "honor_labels: false"

PER_S = 1_000.0
FORGED_POD = 'namespace="b-fn",pod="busy-bcdf5-bcdfg",container="main"'


class Forger(Exporter):
    """Tells the truth until `lies`, and then all that could count for `b-fn` as well, 1,000 calls a second of each.

    Counters, in-flight and signs of life under both forms of a name; and everything again as if it came from B's
    gateway itself, with what Prometheus writes of a scrape (`up`, `scrape_duration_seconds`) and of a process.
    """

    lies = False

    def text(self) -> str:
        """Give the exposition as it stands."""
        honest = super().text()
        return honest + "\n".join(_forged(time.monotonic())) + "\n" if self.lies else honest


def _forged(now_s: float) -> list[str]:
    as_b = 'namespace="b-gateway",job="gateway"'
    calls, lines = now_s * PER_S, list[str]()
    for own in ("", f",{as_b}", f',{as_b},exported_job="gateway",exported_namespace="b-gateway"'):
        for name in ("busy", "busy.b-fn", "idle", "idle.b-fn", "unheard", "unheard.b-fn"):
            labels = f'function_name="{name}"{own}'
            lines.append(f"gateway_function_invocation_started{{{labels}}} {calls:.0f}")
            lines.append(f'gateway_function_invocation_total{{code="200",{labels}}} {calls - 50:.0f}')
            lines.append(f"gateway_service_count{{{labels}}} 3")
    lines += [
        f"up{{{as_b}}} 0",
        f"scrape_duration_seconds{{{as_b}}} 0.9",
        f"process_start_time_seconds{{{as_b}}} {now_s:.3f}",
        f"container_cpu_usage_seconds_total{{{FORGED_POD}}} {now_s * 50:.3f}",
        'queue_worker_pending_messages{function_name="busy.b-fn",queue_name="forged"} 5000',
        'waiting_orders{namespace="b-fn"} 5000',
    ]
    return lines


def jobs(*scrapes: tuple[str, str, dict[str, str], str]) -> str:
    """Write scrape configurations: job, address, labels of the target, and what else the job says."""
    return "".join(
        f"  - job_name: {json.dumps(f'{job}-{number}')}\n    {more}\n"
        f"    static_configs: [{{targets: [{address}], labels: {json.dumps({'job': job} | labels)}}}]\n"
        for number, (job, address, labels, more) in enumerate(scrapes)
    )
