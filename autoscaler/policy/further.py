"""Further metrics of a source, cores in use and messages waiting: their queries, and how series name functions.

Each is one instant query for all functions of a source, asked only where a policy has such a metric.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.profiles import matchers
from autoscaler.policy.quantities import format_duration
from autoscaler.policy.source_settings import CpuSettings, QueueSettings, SourceSettings

NAMESPACE_LABEL = "namespace"
POD_LABEL = "pod"
FUNCTION_LABEL = "function"
NAME_LABEL = "function_name"

_HASH = "bcdfghjklmnpqrstvwxz2456789"  # k8s.io/apimachinery pkg/util/rand: letters and digits that make no words
_POD = re.compile(rf"(.+)-[{_HASH}]{{1,10}}-[{_HASH}]{{5}}")
_CUT_IN_HASH = re.compile(rf"(.+)-[{_HASH}]{{0,10}}")
_POD_LENGTH = 63
_STEM_LENGTH = _POD_LENGTH - 5


def cpu_query(source: SourceSettings) -> str:
    """Give the query for the cores in use, by pod or by function.

    The slope of each container's counter over the range, not its rate: a rate is thinned where samples are missing
    at an end of the range (63 to 87 % of the truth after a missed scrape, 25 % for a pod that has run for a quarter of
    the range), and a slope is not. It needs two samples, the newer one recent. A pod of which any container has a
    recent sample and no slope (it has just been restarted, or its counter went back) is left out, since what remains
    of it would look like less load.
    """
    cpu = source.cpu
    if cpu.query is not None:
        return _filled(cpu.query, cpu, source)
    if cpu.metrics == "openfaas":
        metric, others, by = "pod_cpu_usage_seconds_total", "", f"{NAME_LABEL}, {NAMESPACE_LABEL}, {POD_LABEL}"
    else:
        metric, others = "container_cpu_usage_seconds_total", 'container!="",container!="POD"'
        by = f"{NAMESPACE_LABEL}, {POD_LABEL}"
    selected = f"{metric}{{{','.join(part for part in (others, '{selector}') if part)}}}"
    recent = f"count_over_time({selected}[{{recent}}])"
    slope = f"(deriv({selected}[{{range}}]) >= 0)"
    text = f"sum by ({by}) ({slope} and {recent}) unless on ({by}) ({recent} unless {slope})"
    return _filled(text, cpu, source)


def queue_query(source: SourceSettings) -> str:
    """Give the query for the messages that wait, by function.

    Workers of one queue all report the same messages, so their maximum counts; several queues add up. After Prometheus
    was away its newest sample is of before, up to 5 minutes old, so it has to be recent.
    """
    queue = source.queue
    if queue.query is not None:
        return _filled(queue.query, queue, source)
    metric = "queue_worker_pending_messages{{selector}}"
    newest = f"max by ({NAME_LABEL}, queue_name) ({metric} and last_over_time({metric}[{{recent}}]))"
    return _filled(f"sum by ({NAME_LABEL}) ({newest})", queue, source)


def default_namespace(source: SourceSettings) -> str | None:
    """Give the namespace of a `function_name` without one: what the source's gateways say, where they agree."""
    said = {gateway.default_namespace for gateway in source.gateways}
    return said.pop() if len(said) == 1 else None


class Names:
    """Finds which function a series of a further metric is about.

    Args:
        keys: the functions that may be named.
        default_namespace: namespace of a `function_name` that has none; None: such series name nobody.
    """

    def __init__(self, keys: Iterable[FunctionKey], default_namespace: str | None) -> None:
        self._place = {key: place for place, key in enumerate(dict.fromkeys(keys))}
        self._default_namespace = default_namespace
        self._long: dict[str, list[FunctionKey]] = defaultdict(list)
        for key in self._place:
            if len(key.name) >= _STEM_LENGTH:
                self._long[f"{key.namespace}/{key.name[:_STEM_LENGTH]}"].append(key)

    def __len__(self) -> int:
        return len(self._place)

    def place(self, key: FunctionKey | None) -> int | None:
        """Give the position of a function among the distinct keys; None: it is none of them."""
        return None if key is None else self._place.get(key)

    def named(self, labels: Mapping[str, str]) -> FunctionKey | None:
        """Tell which function labels name, by `namespace` and `function` or by `function_name`; None: none."""
        namespace, name = labels.get(NAMESPACE_LABEL), labels.get(FUNCTION_LABEL)
        if namespace and name:
            return FunctionKey(namespace, name)
        full = labels.get(NAME_LABEL) or ""
        name, _, namespace = full.rpartition(".") if "." in full else (full, "", "")
        namespace = namespace or self._default_namespace
        return FunctionKey(namespace, name) if name and namespace else None

    def owner(self, namespace: str, pod: str) -> FunctionKey | None:
        """Tell which function a pod is of, by its name: `NAME-<hash of the ReplicaSet>-<5 characters>`.

        Before its five random characters a pod's name is cut to 58, so that of a long function's pod the hash, or
        the end of the function's name, is missing. Then the longest name that fits is taken, and nobody where
        several that long begin alike.

        Source: k8s.io/apiserver pkg/storage/names/generate.go.
        """
        whole = self._cut(_POD, namespace, pod)
        if whole is not None:
            return whole
        if len(pod) != _POD_LENGTH:
            return None
        stem = pod[:_STEM_LENGTH]
        fitting = self._long.get(f"{namespace}/{stem}", ())
        if fitting:
            return fitting[0] if len(fitting) == 1 else None
        return self._cut(_CUT_IN_HASH, namespace, stem)

    def _cut(self, pattern: re.Pattern[str], namespace: str, text: str) -> FunctionKey | None:
        found = pattern.fullmatch(text)
        key = None if found is None else FunctionKey(namespace, found[1])
        return key if key in self._place else None


def _filled(text: str, settings: CpuSettings | QueueSettings, source: SourceSettings) -> str:
    own_s = settings.scrape_interval
    range_s, recent_s = (source.range_s, 2 * source.scrape_interval) if own_s is None else (4 * own_s, 2 * own_s)
    filling = {"range": format_duration(range_s), "recent": format_duration(recent_s)}
    for name, value in (filling | {"selector": matchers(settings.match)}).items():
        text = text.replace(f"{{{name}}}", value)
    return text
