"""What the daemon says of itself, and of where it reads."""

from autoscaler.server.registry.metric import Chapter, Unit, counter, gauge

DAEMON = Chapter(
    "The daemon",
    "Of every daemon, whether it decides or stands by.",
    (
        gauge("ready", Unit.FLAG, "Whether caches are synced and a first tick is done."),
        gauge("leader", Unit.FLAG, "Whether this daemon decides; others stand by."),
        counter("leader_transitions_total", Unit.THINGS, "Terms in which this daemon decided."),
        gauge("dry_run", Unit.FLAG, "Whether the whole daemon writes nothing."),
        counter("ticks_total", Unit.THINGS, "Full ticks."),
        counter("tick_overruns_total", Unit.THINGS, "Ticks that took longer than the interval."),
        gauge("last_tick_seconds", Unit.SECONDS, "What the last tick took, queries included."),
        gauge("last_tick_age_seconds", Unit.SECONDS, "Time since the last tick ended.", when="after a first tick"),
        counter("step_failures_total", Unit.THINGS, "Ticks and steps that an unforeseen error ended."),
        gauge("policy_problems", Unit.THINGS, "Policy documents or fields refused."),
        gauge("boosts", Unit.THINGS, "Boosts, freezes and wakes of alerts in force."),
        counter(
            "core_refused_events_total",
            Unit.THINGS,
            "Wakes and boosts for which the controller had no place.",
        ),
        gauge("core_state_bytes", Unit.BYTES, "State that the controller keeps of all functions."),
        gauge("cluster_problems", Unit.THINGS, "Watches of the cluster that cannot be kept now."),
        gauge(
            "cluster_watch_age_seconds",
            Unit.SECONDS,
            "Time since a watch was last heard of, the oldest of each kind.",
            ("kind",),
            "once a watch of this kind was heard of",
        ),
    ),
)

SOURCES = Chapter(
    "Sources",
    "Of each Prometheus in the settings. A daemon that stands by asks none: join with `autoscaler_leader`.",
    (
        gauge("source_up", Unit.FLAG, "Whether the last reading was whole.", ("source",)),
        counter("source_failures_total", Unit.THINGS, "Readings that failed.", ("source",)),
        gauge("source_query_seconds", Unit.SECONDS, "What the last reading took.", ("source",)),
        gauge("source_series", Unit.THINGS, "Series in the last reading.", ("source",)),
    ),
)
