"""Every metric that the daemon exports: its name, kind, labels, unit and meaning stand here and nowhere else.

`/metrics` takes its families from here and docs/metrics.md is written from here, so none can say what the other does not.
"""

from collections.abc import Mapping

from autoscaler.server.registry import daemon, functions, listeners, tenants, writing
from autoscaler.server.registry.metric import Chapter, Kind, Metric, Unit

CHAPTERS: tuple[Chapter, ...] = (
    daemon.DAEMON,
    daemon.SOURCES,
    writing.WRITES,
    writing.OTHERS,
    listeners.ALERTS,
    listeners.WAKES,
    listeners.SERVER,
    listeners.DECISION_LOG,
    tenants.TENANTS,
    tenants.BUDGETS,
    tenants.POOLS,
    functions.FUNCTIONS,
)
"""What docs/metrics.md has, in its order."""

METRICS: Mapping[str, Metric] = {metric.name: metric for chapter in CHAPTERS for metric in chapter.metrics}
"""Every metric, by name."""

__all__ = ["CHAPTERS", "METRICS", "Chapter", "Kind", "Metric", "Unit"]
