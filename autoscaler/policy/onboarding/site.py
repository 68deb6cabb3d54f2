"""What is the same for every tenant of an installation."""

from dataclasses import dataclass

from autoscaler.policy.onboarding.subjects import Subject

WEBHOOK = "http://autoscaler.autoscaler:8080/v1/alerts"
"""Where the shipped manifests have the daemon."""


@dataclass(frozen=True, slots=True)
class Site:
    """An installation, as far as tenants' objects name it.

    Attributes:
        url: the daemon's webhook, as Alertmanager reaches it.
        ca_config_map: ConfigMap beside each receiver with the CA of an https webhook, key `ca.crt`; None: one that
            Alertmanager trusts already.
        team: who gets the team's rights; empty: the Role is made and bound to nobody.
        daemon: the daemon's service account, which is given its rights namespace by namespace; None: it has them
            cluster-wide.
        most_policies: ScalingPolicies that a namespace may have, which a team can write without end else; None: no limit.
        slow_s: a function whose 95th percentile is above this is called slow, seconds.
    """

    url: str = WEBHOOK
    ca_config_map: str | None = None
    team: tuple[Subject, ...] = ()
    daemon: Subject | None = None
    most_policies: int | None = 100
    slow_s: float = 1.0
