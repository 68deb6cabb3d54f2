"""The operator's settings: what `--config`, `AUTOSCALER_…` variables and flags may say.

The models are plain values; `cli` reads files, the environment and flags into them.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from autoscaler.policy.caller_settings import CallerSettings
from autoscaler.policy.quantities import Duration
from autoscaler.policy.source_settings import SourceSettings, TLSSettings
from autoscaler.policy.strict import DNS_NAME, HTTP_URL, LabelKey, Positive, Strict

SHARD = r"^[0-9]{1,3}/[1-9][0-9]{0,2}$"


class AlertmanagerSettings(Strict):
    """An Alertmanager whose firing alerts are read back after a restart."""

    url: str = Field(pattern=HTTP_URL, description="Base URL of its API v2. No default.")
    cluster: str | None = Field(
        None,
        min_length=1,
        description="Name of the HA cluster that it is a member of. Members tell one another, so what any of one cluster "
        "says fires, and one that answers is enough. Default null: it is alone, and others know nothing of its alerts.",
    )
    receivers: list[str] | None = Field(
        None,
        min_length=1,
        description="Receivers that notify this daemon: only what is routed to one of them is read back. Default null: all "
        "that fires, what no webhook has told too.",
    )
    bearer_token_file: str | None = Field(None, description="File with a bearer token. Default: none.")
    username: str | None = Field(None, description="User of basic authentication. Default: none.")
    password_file: str | None = Field(
        None, description="File with the password of basic authentication. Default: none."
    )
    tls: TLSSettings = Field(default_factory=TLSSettings, description="Transport security. Default: the system's CAs.")
    timeout: Positive = Field(5.0, description="Deadline of one reading. Default 5s.")

    @model_validator(mode="after")
    def _shows_one_credential(self) -> "AlertmanagerSettings":
        if (self.username is None) != (self.password_file is None):
            raise ValueError("username and passwordFile both, or none")
        if self.username is not None and self.bearer_token_file is not None:
            raise ValueError("bearerTokenFile, or username and passwordFile; not both")
        if self.tls.key_file is not None and self.tls.cert_file is None:
            raise ValueError("tls.certFile beside tls.keyFile")
        return self


class ServerTLSSettings(Strict):
    """Transport security of the daemon's own server; files are read anew when they change."""

    cert_file: str = Field(description="Certificate, with the chain behind it. No default.")
    key_file: str = Field(description="Its key. No default.")
    client_ca_file: str | None = Field(
        None,
        alias="clientCAFile",
        description="CA bundle of clients' certificates; who shows one must have it signed by these. Default: none is "
        "asked for.",
    )


class PoolSettings(Strict):
    """A stock of replicas that several tenants share; a tenant is in one."""

    replicas: Annotated[int, Field(ge=0, le=10_000_000)] | None = Field(
        None, description="Replicas that there are in all. Default null: no limit, and only tenants' own caps bind."
    )
    strict: bool = Field(
        False,
        description="Whether a lender's raise waits until the borrower's replicas are gone. Default false: both change at "
        "once, and for so long as pods take to end there may be more than the pool has, by what was borrowed.",
    )
    hold: Annotated[Duration, Field(ge=0, le=3600)] = Field(
        30.0,
        description="How long a tenant keeps what it borrowed, at least. It never delays what another is guaranteed: the "
        "pool is then over by that much for so long; only a strict one makes its lender wait. Default 30s, so that two who "
        "want the same replicas do not pass them to and fro.",
    )
    start_grace: Annotated[Duration, Field(ge=0, le=86_400)] = Field(
        60.0,
        description="After so long, replicas that cannot start are charged only as far as they exist. Default 60s.",
    )


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
    dial: bool = Field(
        True,
        description="Open a TCP connection through a function's Service, by its cluster IP, before a wake is answered: what "
        "Kubernetes calls ready is not yet reached by everybody. Default true. false: where a NetworkPolicy, or a daemon "
        "outside of the cluster, cannot reach functions; wakes are then answered by endpoints alone.",
    )
    custom_resources: bool = Field(
        False,
        description="Read Tenant and ScalingPolicy from custom resources too, beside the files of `policies`, and write "
        "their status. Default false: it takes their definitions and rights of its own; the shipped manifests have both.",
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
        description="Alertmanagers read back after a restart. Default: none; then, and while one cannot be read, load lowers "
        "no function that has alert rules for as long as one of them could last unrepeated.",
    )
    operators: list[CallerSettings] = Field(
        default_factory=list, description="Who may see and call everything. Default: nobody."
    )
    pools: dict[str, PoolSettings] = Field(
        default_factory=lambda: {"default": PoolSettings()},
        description="Stocks of replicas by name, of which each tenant is in one (`spec.pool`). Default: one of name "
        "default, without a limit.",
    )
    namespace_labels: list[LabelKey] = Field(
        default_factory=list,
        max_length=10,
        description="Keys of labels on namespaces by which a Tenant may select its own (`namespaceSelector`); capsule "
        "stands for capsule.clastix.io/tenant, rancher for field.cattle.io/projectId. Default: none; whoever may change "
        "a namespace's labels may move it to another tenant, so name only keys that something guards.",
    )
    blast_radius: BlastRadius | None = Field(
        default_factory=BlastRadius, description="Limit of load-driven cuts; null: off."
    )
    policies: str = Field("/etc/autoscaler/policies", description="Folder of policy documents.")
    listen: str = Field("0.0.0.0:8080", description="Address of alerts, wakes, API and dashboard.")
    tls: ServerTLSSettings | None = Field(
        None,
        description="TLS of that address. Default null: plain HTTP, for inside a cluster whose network is trusted.",
    )
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

    def alertmanager_clusters(self) -> list[Sequence[AlertmanagerSettings]]:
        """Give the Alertmanagers by cluster; one that names none is one of its own."""
        clusters: dict[tuple[str, str], list[AlertmanagerSettings]] = {}
        for name, one in self.alertmanagers.items():
            clusters.setdefault(("alone", name) if one.cluster is None else ("cluster", one.cluster), []).append(one)
        return list(clusters.values())
