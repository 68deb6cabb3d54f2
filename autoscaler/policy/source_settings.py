"""The settings of a Prometheus server, and of the gateways whose metrics it holds."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from autoscaler.policy.caller_settings import CallerSettings
from autoscaler.policy.name_patterns import NamePattern
from autoscaler.policy.strict import HTTP_URL, LabelName, Positive, Strict
from autoscaler.policy.wake_answers import WakeAnswers

ProfileName = Literal[
    "openfaas",
    "knative",
    "of-watchdog",
    "nginx-ingress",
    "nginx",
    "caddy",
    "caddy-log",
    "haproxy",
    "traefik",
    "traefik-v2",
    "envoy",
    "istio",
    "custom",
]


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
    born: str | None = Field(
        None,
        description="Requests counted so far by counters that were not there {range} ago (`x{{selector}} unless "
        "x{{selector}} offset {range}`): a first burst is then load, of which rate sees nothing. Default: none.",
    )
    alive: str | None = Field(
        None,
        description="One series per function that the gateway knows, whatever its value: proves that silence is known "
        "silence for a function never called. Default: none; such a function is then unknown until its first call.",
    )


class GatewaySettings(Strict):
    """One gateway that a source sees."""

    profile: ProfileName = Field(
        description="Which metrics it exports (see docs/gateways). No default: guessing would read another gateway's "
        "silence as zero."
    )
    match: dict[str, str] = Field(
        default_factory=dict,
        description="Labels that select its targets, exactly; name `namespace` and `job`, which Prometheus attaches and "
        "no page can forge (see docs/sources.md). Default: none, every target.",
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
        "needs silence for longer than this; with one, no zero is proven for so long after a process of it was replaced.",
    )
    callers: list[CallerSettings] = Field(
        default_factory=list, description="Who may call /v1/wake for its tenants, and nothing else. Default: nobody."
    )
    wake: WakeAnswers = Field(
        default_factory=WakeAnswers, description="How its wakes are answered. Default: as anybody's."
    )
    queries: CustomQueries | None = Field(None, description="Queries of profile custom. Default: none.")
    namespace_label: LabelName = Field(
        "namespace",
        description="Label that holds the namespace. Default: the profile's own; of custom: namespace. Means nothing to "
        "openfaas, nor where `names` holds the namespace.",
    )
    function_label: LabelName = Field(
        "function",
        description="Label that holds the function's name. Default: the profile's own; of custom: function. Means "
        "nothing to openfaas.",
    )
    names: str | None = Field(
        None,
        description="How the value of functionLabel holds names: a text with the holes {function}, {namespace} and {*} "
        "(anything), such as {namespace}-{function}-{*}@kubernetes. Default: the profile's own; of most: the value is "
        "the function's name.",
    )

    @field_validator("names")
    @classmethod
    def _names_are_a_pattern(cls, names: str | None) -> str | None:
        if names is not None:
            NamePattern.parse(names)
        return names

    def counts_again(self, other: "GatewaySettings") -> bool:
        """Tell whether every series of one of the two is surely one of the other too, for a tenant that both serve."""
        ours, theirs = self.match.items(), other.match.items()
        same_targets = ours <= theirs or theirs <= ours
        same_tenants = "*" in self.tenants + other.tenants or bool(set(self.tenants) & set(other.tenants))
        return same_targets and same_tenants and (self._reads, self.queries) == (other._reads, other.queries)

    @property
    def _reads(self) -> str:
        """Whose metrics it reads: the profiles of two versions may read the same."""
        return self.profile.removesuffix("-v2")


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
        description="Labels that select its series (such as job: kubelet), exactly; without them every page that is "
        "scraped has a say. Default: none.",
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
        default_factory=dict,
        description="Labels that select its series, exactly; without them every page that is scraped has a say. Default: "
        "none.",
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
    """One Prometheus server, or whatever speaks its query API below the URL: Mimir, Thanos, VictoriaMetrics.

    Two sources may name the same server: each has a deadline, a limit and connections of its own, so a tenant's gateway
    that is slow to ask for is better in a source of its own than beside those of others.
    """

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

    @model_validator(mode="after")
    def _gateways_apart(self) -> "SourceSettings":
        """Refuse gateways that see the same targets for the same tenants: each call would count twice."""
        for second, one in enumerate(self.gateways):
            for first, other in enumerate(self.gateways[:second]):
                if one.counts_again(other):
                    raise ValueError(
                        f"gateways {first} and {second} count the same series for the same tenants; allowed: match "
                        "that tells their targets apart, or tenants that only one of them serves"
                    )
        return self

    @property
    def range_s(self) -> float:
        """Seconds that one sample covers."""
        return self.range if self.range is not None else 4 * self.scrape_interval
