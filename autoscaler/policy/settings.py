"""The operator's settings: what `--config`, `AUTOSCALER_…` variables and flags may say.

The models are plain values; `cli` reads files, the environment and flags into them.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_camel

from autoscaler.policy.field_reference import told
from autoscaler.policy.quantities import Duration

HTTP_URL = r"^https?://[^\s]+$"
HEX_64 = r"^[0-9a-f]{64}$"
DNS_NAME = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
SHARD = r"^[0-9]{1,3}/[1-9][0-9]{0,2}$"

Sha256 = Annotated[str, Field(pattern=HEX_64)]
Positive = Annotated[Duration, Field(gt=0)]
LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]


class Strict(BaseModel):
    """Base of every settings and policy model: camelCase outside, unknown fields refused, immutable."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, strict=True, allow_inf_nan=False
    )


class CallerSettings(Strict):
    """Somebody with a token; the token itself is never written down."""

    token_sha256: Sha256 = Field(
        alias="tokenSHA256",
        description="SHA-256 of the bearer token, lower-case hex. No default. A hash, so that a leaked file opens nothing.",
        json_schema_extra=told("–", "ours", "none, for it is the credential; a leaked hash opens nothing"),
    )


class CustomQueries(Strict):
    """Queries of profile `custom`; each gives one series per function with the two labels named.

    `{range}` and `{selector}` in a text stand for the source's range (such as `60s`) and the matchers of
    `match` (such as `job="gw"`), so that one text serves every gateway.
    """

    rate: str | None = Field(None, description="Requests/s, mean over {range}. Default: none; `rps` is then unknown.")
    concurrency: str | None = Field(
        None, description="Mean requests in flight over {range}. Default: none; `concurrency` is then unknown."
    )
    in_flight: str | None = Field(
        None,
        description="Requests in flight now. Default: none; zero is then proven only over more than requestTimeout.",
    )
    activity: str | None = Field(
        None,
        description="Not 0 if any counter moved or appeared within {range}. Default: none; zero is then never proven.",
    )
    alive: str | None = Field(
        None,
        description="One series per function that the gateway knows, whatever its value: proves that silence is known "
        "silence for a function never called. Default: none; such a function is then unknown until its first call.",
    )


class GatewaySettings(Strict):
    """One gateway that a source sees."""

    profile: Literal["openfaas", "custom"] = Field(
        description="Which metrics it exports. No default: guessing would read another gateway's silence as zero."
    )
    match: dict[str, str] = Field(
        default_factory=dict,
        description="Labels that select its targets (such as job: gateway), exactly. Default: none, every target.",
    )
    default_namespace: str | None = Field(
        None, description="Namespace of a function_name without a dot. Default: none; such series are ignored."
    )
    tenants: list[str] = Field(
        default_factory=lambda: ["*"],
        description='Tenants it serves; "*": all of this source. A series counts only for functions of these. Default: all.',
    )
    request_timeout: Positive = Field(
        60.0,
        description="Longest request it lets run. Default 60s, the gateways' usual. Without an in-flight signal zero "
        "needs silence for longer than this.",
    )
    callers: list[CallerSettings] = Field(
        default_factory=list, description="Who may call /v1/wake for its tenants, and nothing else. Default: nobody."
    )
    queries: CustomQueries | None = Field(None, description="Queries of profile custom. Default: none.")
    namespace_label: str = Field("namespace", description="Label of profile custom that holds the namespace.")
    function_label: str = Field("function", description="Label of profile custom that holds the function's name.")


class CpuSettings(Strict):
    """Where a source has the cores that functions use, for metrics of type `cpu`; asked only where a policy has one.

    `{range}`, `{recent}` and `{selector}` in a query stand for the source's range (or four scrape intervals, where
    this job has its own), two scrape intervals, and the matchers of `match`.
    """

    metrics: Literal["cadvisor", "openfaas"] = Field(
        "cadvisor",
        description="Which metrics to read: the kubelets' container_cpu_usage_seconds_total by pod (cadvisor), or "
        "OpenFaaS Pro's pod_cpu_usage_seconds_total by function_name (openfaas). Default cadvisor: every cluster has it.",
    )
    match: dict[LabelName, str] = Field(
        default_factory=dict,
        description="Labels that select its series (such as job: kubelet), exactly. Default: none.",
    )
    scrape_interval: Positive | None = Field(
        None,
        description="Scrape interval of its job; kubelets are often scraped more slowly than gateways. Default: the "
        "source's.",
    )
    query: str | None = Field(
        None,
        min_length=1,
        description="Cores in use, instead of the metrics above: series with labels namespace and pod (one a pod), or "
        "function_name (NAME.NAMESPACE). Default: none.",
    )


class QueueSettings(Strict):
    """Where a source has the messages that wait for functions, for metrics of type `queue`; else as `CpuSettings`."""

    match: dict[LabelName, str] = Field(
        default_factory=dict, description="Labels that select its series, exactly. Default: none."
    )
    scrape_interval: Positive | None = Field(None, description="Scrape interval of its job. Default: the source's.")
    query: str | None = Field(
        None,
        min_length=1,
        description="Messages waiting, one series per function, with labels function_name (NAME.NAMESPACE) or namespace "
        "and function. Default: none, OpenFaaS Pro's queue_worker_pending_messages.",
    )


class TLSSettings(Strict):
    """Transport security towards one server."""

    ca_file: str | None = Field(None, description="CA bundle. Default: the system's.")
    cert_file: str | None = Field(None, description="Client certificate. Default: none.")
    key_file: str | None = Field(None, description="Client key. Default: none.")


class SourceSettings(Strict):
    """One Prometheus server."""

    url: str = Field(pattern=HTTP_URL, description="Base URL, path prefix included. No default.")
    scrape_interval: Positive = Field(
        15.0,
        description="Scrape interval of the gateway's job. Default 15s. The range is 4 of these: rate needs two "
        "samples even when one scrape is lost.",
    )
    range: Positive | None = Field(
        None, description="Stretch that one sample covers. Default: 4 × scrapeInterval; shorter is refused."
    )
    timeout: Positive = Field(
        10.0, description="Deadline of all queries of one tick; at it the connection is closed and the load is unknown."
    )
    max_bytes: int = Field(
        256 << 20,
        gt=0,
        description="Largest answer read, bytes. Default 256 MiB (100,000 series: 11 MB). Answers to tenants' own "
        "queries are never read beyond 4 MiB: one that large stalls its worker for 40 ms.",
    )
    headers: dict[str, str] = Field(
        default_factory=dict, description="Extra headers, such as X-Scope-OrgID. Default: none."
    )
    params: dict[str, str] = Field(
        default_factory=dict,
        description='Extra query parameters, such as partial_response: "false" (Thanos) or deny_partial_response: "1" '
        "(VictoriaMetrics). Default: none.",
    )
    bearer_token_file: str | None = Field(
        None, description="File with a bearer token, re-read when it changes. Default: none."
    )
    username: str | None = Field(None, description="User of basic authentication. Default: none.")
    password_file: str | None = Field(
        None, description="File with its password, re-read when it changes. Default: none."
    )
    tls: TLSSettings = Field(default_factory=TLSSettings, description="CA and client certificate.")
    gateways: list[GatewaySettings] = Field(min_length=1, description="The gateways whose metrics it holds.")
    cpu: CpuSettings = Field(default_factory=CpuSettings, description="Where it has the cores that functions use.")
    queue: QueueSettings = Field(
        default_factory=QueueSettings, description="Where it has the messages that wait for functions."
    )

    @property
    def range_s(self) -> float:
        """Seconds that one sample covers."""
        return self.range if self.range is not None else 4 * self.scrape_interval


class AlertmanagerSettings(Strict):
    """An Alertmanager whose firing alerts are read back after a restart."""

    url: str = Field(pattern=HTTP_URL, description="Base URL of its API v2. No default.")
    bearer_token_file: str | None = Field(None, description="File with a bearer token. Default: none.")
    timeout: Positive = Field(5.0, description="Deadline of one reading. Default 5s.")


class BlastRadius(Strict):
    """How much load alone may cut from one tenant within a period."""

    replicas: int = Field(
        10, ge=0, description="Replicas a tenant may lose to falling load per period, at least. Default 10."
    )
    share: float = Field(
        0.2, ge=0, le=1, description="Fraction of its replicas that it may lose, if that is more. Default 0.2."
    )
    period: Positive = Field(60.0, description="The period. Default 60s, one stable window.")


class KubernetesSettings(Strict):
    """How the cluster is reached."""

    kubeconfig: str | None = Field(
        None, description="File. Default: in-cluster, else $KUBECONFIG, else ~/.kube/config."
    )
    context: str | None = Field(None, description="Context of the kubeconfig. Default: its current one.")
    page_size: int = Field(
        200,
        ge=1,
        le=10_000,
        description="Deployments per list page. Default 200: reading a page of 500 stops everything else for 8 ms.",
    )
    writes_per_second: float = Field(
        20.0, gt=0, description="Rate of scale writes; wakes have a bucket of their own. Default 20."
    )
    write_burst: int = Field(100, ge=1, description="Scale writes at once. Default 100.")
    wakes_per_second: float = Field(500.0, gt=0, description="Rate of scale writes for wakes. Default 500.")
    wake_burst: int = Field(1_000, ge=1, description="Wakes written at once. Default 1000.")
    timeout: Positive = Field(10.0, description="Deadline of one request other than a watch. Default 10s.")
    scope: Literal["cluster", "namespaces"] = Field(
        "cluster",
        description="Where rights end. Default cluster: one watch per kind for all namespaces. namespaces: one per kind "
        "and namespace of the tenants, for rights given by a RoleBinding in each; at most 500 namespaces.",
    )
    events: bool = Field(
        False,
        description="Tell of decisions by Events on the Deployments, at most 5 a second. Default false: it takes a right "
        "of its own; the shipped manifests have it.",
    )
    token_reviews: bool = Field(
        False,
        description="Ask Kubernetes who bears a token that no document names, and what it may do to "
        "functions.autoscaler.faas.dev. Default false: it takes rights of its own; the shipped manifests have them.",
    )


class LeadershipSettings(Strict):
    """The Lease by which several daemons agree on the one that decides; the others stand by and forward requests."""

    lease: str = Field("autoscaler", pattern=DNS_NAME, description="Name of the Lease. Default autoscaler.")
    namespace: str | None = Field(None, description="Its namespace. Default: the pod's own.")
    duration: Positive = Field(
        8.0, description="A holder not heard of for so long is followed by a standby. Default 8s: with retryPeriod, 10."
    )
    renew_deadline: Positive = Field(
        5.0,
        description="A holder that could not renew for so long stops writing. Default 5s, before anybody may follow it.",
    )
    retry_period: Positive = Field(1.0, description="Interval of tries to renew or to get it. Default 1s.")
    identity: str | None = Field(
        None, description="This daemon's name in it; a random part is always added. Default: host name."
    )
    address: str | None = Field(
        None,
        description="HOST:PORT at which standbys reach this daemon. Default: that of listen; where it names no host, "
        "$POD_IP or the host's name.",
    )

    @model_validator(mode="after")
    def _deadlines_in_order(self) -> "LeadershipSettings":
        if not self.duration > self.renew_deadline > 1.2 * self.retry_period:
            raise ValueError(
                "allowed: duration > renewDeadline > 1.2 × retryPeriod, or two daemons could write at once"
            )
        return self


class MetricsSettings(Strict):
    """The daemon's own metrics."""

    listen: str = Field(
        "0.0.0.0:9090", description="Address of /metrics, /healthz and /readyz; open, keep it in the cluster."
    )


class DecisionLogSettings(Strict):
    """The decision log: what went into every step and what came out, read by `explain --at` and `replay`."""

    path: str | None = Field(
        None,
        description="Folder of its files, on a disk that outlives the daemon. Default: none, no log: a container's own "
        "disk would fill and be lost with it.",
    )
    retention: Positive = Field(
        604_800.0, description="How long a file is kept. Default 7d: last week's same hour is what people compare with."
    )
    max_bytes: int | None = Field(
        10 << 30,
        ge=1 << 20,
        description="Bytes of all files at most; the oldest go first. Default 10737418240 (10 GiB), a small volume; "
        "null: no limit but retention.",
    )
    flush: Annotated[Duration, Field(ge=0)] = Field(
        1.0,
        description="Longest time that steps wait in memory: what a kill loses. Default 1s, less than a tick; 0s: each "
        "step is written at once.",
    )


class Settings(Strict):
    """Everything the operator decides. Order of precedence, later wins: file, environment, flags."""

    tick: Positive = Field(2.0, description="Interval of decisions. Default 2s, Knative's.")
    dry_run: bool = Field(
        False, description="Decide and record, write nothing. Default false; the shipped manifests say true."
    )
    sources: dict[str, SourceSettings] = Field(default_factory=dict, description="Prometheus servers by name.")
    alertmanagers: dict[str, AlertmanagerSettings] = Field(
        default_factory=dict,
        description="Alertmanagers read back after a restart. Default: none; what runs is held instead.",
    )
    operators: list[CallerSettings] = Field(
        default_factory=list, description="Who may see and call everything. Default: nobody."
    )
    blast_radius: BlastRadius | None = Field(
        default_factory=BlastRadius, description="Limit of load-driven cuts; null: off."
    )
    policies: str = Field("/etc/autoscaler/policies", description="Folder of policy documents.")
    listen: str = Field("0.0.0.0:8080", description="Address of alerts, wakes, API and dashboard.")
    metrics: MetricsSettings = Field(default_factory=MetricsSettings, description="The daemon's own metrics.")
    kubernetes: KubernetesSettings = Field(default_factory=KubernetesSettings, description="The cluster.")
    leadership: LeadershipSettings | None = Field(
        None,
        description="The Lease of several daemons. Default null: this daemon is alone; the shipped manifests have one.",
    )
    shard: str | None = Field(
        None,
        pattern=SHARD,
        description='"i/n": decide for the i-th of n parts of the tenants, 0 ≤ i < n; each part has its own Lease. '
        "Default null: for all.",
    )
    decision_log: DecisionLogSettings = Field(
        default_factory=DecisionLogSettings, description="The decision log; without a path there is none."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level logged. Default info."
    )

    @field_validator("shard")
    @classmethod
    def _shard_within(cls, shard: str | None) -> str | None:
        if shard is not None:
            number, _, count = shard.partition("/")
            if int(number) >= int(count):
                raise ValueError(f'allowed: "i/n" with 0 ≤ i < n, such as "0/{count}"')
        return shard
