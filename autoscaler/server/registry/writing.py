"""What the daemon writes, and what others do."""

from autoscaler.server.registry.metric import Chapter, Unit, counter, gauge

_CLASS = ("class",)

WRITES = Chapter(
    "Writes",
    "`class` is `wake`, `raise` or `cut`; `outcome` is `done`, `lost` (somebody else was quicker), `gone`, `forbidden`,\n"
    "`invalid` or `retry` (429, 5xx, time-out).",
    (
        counter("writes_total", Unit.THINGS, "Writes of the scale subresource.", ("outcome",)),
        gauge("write_failures", Unit.THINGS, "Functions whose last write did not go through."),
        gauge("writes_held", Unit.FLAG, "Whether something else than a dry run forbids writing."),
        gauge("writes_queued", Unit.THINGS, "Writes that wait, those that back off included.", _CLASS),
        gauge(
            "write_wait_seconds",
            Unit.SECONDS,
            "How long the first in line has waited; who backs off is not.",
            _CLASS,
        ),
        counter(
            "status_writes_total",
            Unit.THINGS,
            "Writes of custom resources' statuses.",
            ("outcome",),
            "with `kubernetes.customResources`",
        ),
    ),
)

OTHERS = Chapter(
    "Foreign writers",
    "Who else changes replicas: [gitops.md](gitops.md).",
    (
        counter(
            "foreign_writes_total",
            Unit.THINGS,
            "Changes of replicas by others, deploys apart.",
            ("manager",),
            "once somebody changed some",
        ),
    ),
)
