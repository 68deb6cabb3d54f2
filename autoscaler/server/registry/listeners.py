"""What comes in over HTTP, and the parts beside the decisions."""

from autoscaler.ports import WakeState
from autoscaler.server.registry.metric import Chapter, Unit, counter, gauge, histogram

ALERTS = Chapter(
    "Alerts",
    "What Alertmanagers send. `reason` is `ambiguous-function` (it names none of several), `foreign-namespace` (not the caller's),\n"
    "`malformed`, `no-function` (there is none of that name), `no-rule` (no policy has a rule for it) or `too-many-effects`\n"
    "(the others of its webhook already come to as many boosts as one tenant may have).",
    (
        counter("alerts_accepted_total", Unit.THINGS, "Alerts that raised, repeated or lifted a boost."),
        counter("alerts_dropped_total", Unit.THINGS, "Alerts dropped.", ("reason",)),
        counter(
            "alerts_truncated_total",
            Unit.THINGS,
            "Alerts that Alertmanager left out of its webhooks; nothing is concluded from their absence.",
        ),
    ),
)

_STATES = ", ".join(f"`{state.value}`" for state in WakeState)
_WOKEN = "of the daemon that decides, once there was one of the tenant's"

WAKES = Chapter(
    "Wakes",
    f"`state` is {_STATES}.\n"
    "The first four count every wake that was asked for, of running functions too; the others, by tenant, are of functions that were\n"
    "not ready. Of the histograms the first two count a wake once, however many requests waited for it, and the third each request.\n"
    "What a caller waited is the sum of the three; each function's last wakes are told by `autoscaler explain`.",
    (
        counter("wakes_total", Unit.THINGS, "Wakes that ended.", ("state",)),
        counter("wakes_cancelled_total", Unit.THINGS, "Wakes that the gateway gave up."),
        gauge("wakes_held", Unit.THINGS, "Wakes held now."),
        counter("wake_wait_seconds_total", Unit.SECONDS, "Sum of what ended wakes waited."),
        counter(
            "wake_requests_total",
            Unit.REQUESTS,
            "Requests for functions that were not ready, by how they ended; `cancelled`: the gateway gave up.",
            ("tenant", "state"),
            _WOKEN,
        ),
        histogram(
            "wake_request_to_patch_seconds",
            Unit.SECONDS,
            "From a wake's first request until the write that starts its function is on the wire.",
            ("tenant",),
            _WOKEN,
        ),
        histogram(
            "wake_patch_to_ready_seconds",
            Unit.SECONDS,
            "From then until the function can be reached.",
            ("tenant",),
            _WOKEN,
        ),
        histogram(
            "wake_ready_to_released_seconds",
            Unit.SECONDS,
            "From then until a request that waits is let go, each of them.",
            ("tenant",),
            _WOKEN,
        ),
    ),
)

_WITH_TLS = "with `tls` in the settings"

SERVER = Chapter(
    "The server",
    "`route` is the template of a route, never a path that a stranger wrote.",
    (
        counter(
            "http_requests_total",
            Unit.REQUESTS,
            "Answers of the main listener.",
            ("route", "code"),
            "once there was such an answer",
        ),
        gauge("tls_up", Unit.FLAG, "Whether what the files hold is what is served.", when=_WITH_TLS),
        counter("tls_reloads_total", Unit.THINGS, "Certificates that took another's place.", when=_WITH_TLS),
        counter("tls_failures_total", Unit.THINGS, "Files that came and cannot be used.", when=_WITH_TLS),
        gauge("tls_not_after_timestamp_seconds", Unit.TIME, "When what is served ends.", when=_WITH_TLS),
    ),
)

_WITH_LOG = "with `decisionLog.path`"

DECISION_LOG = Chapter(
    "The decision log",
    "Where one is kept: [decision-log.md](decision-log.md).",
    (
        gauge("decision_log_up", Unit.FLAG, "Whether the decision log is being written.", when=_WITH_LOG),
        counter("decision_log_steps_total", Unit.THINGS, "Steps written to the decision log.", when=_WITH_LOG),
        counter(
            "decision_log_lost_steps_total",
            Unit.THINGS,
            "Steps that found no place in it: the disk was slow, full or away.",
            when=_WITH_LOG,
        ),
        gauge("decision_log_bytes", Unit.BYTES, "Size of its files.", when=_WITH_LOG),
        gauge("decision_log_files", Unit.THINGS, "Files of it.", when=_WITH_LOG),
    ),
)
