"""A tenant's Alertmanager receiver: for the Prometheus operator, and as plain configuration.

The daemon knows from the credential who is speaking, so each tenant has a receiver of its own with its own token.
"""

from collections.abc import Sequence

from autoscaler.policy.onboarding.kinds import MONITORING, RECEIVER, SECRET, TOKEN_KEY, Document, of_tenant
from autoscaler.policy.onboarding.site import Site

GROUP_BY = ("namespace", "function")
"""One notification for each function: a boost waits for no other function's alert, and none is cut off as too many."""
GROUP_WAIT, GROUP_INTERVAL = "5s", "15s"
REPEAT_INTERVAL = "2m"
"""Shorter than the 5m after which a boost ends by itself."""


def receiver(site: Site, tenant: str, namespace: str, secret: str = SECRET) -> Document:
    """Give the AlertmanagerConfig of a namespace.

    The operator adds the matcher on the namespace itself, and `continue`: people are told as before.

    Args:
        secret: Secret in that namespace whose key `token` is the credential.
    """
    http = {
        "authorization": {"type": "Bearer", "credentials": {"name": secret, "key": TOKEN_KEY}},
        # A redirect would be followed as a GET with the credential, and a 200 there taken for delivered.
        "followRedirects": False,
    }
    if site.ca_config_map is not None:
        http["tlsConfig"] = {"ca": {"configMap": {"name": site.ca_config_map, "key": "ca.crt"}}}
    return {
        **of_tenant(RECEIVER, MONITORING, namespace, tenant),
        "spec": {
            "route": {
                "receiver": "autoscaler",
                "groupBy": list(GROUP_BY),
                "groupWait": GROUP_WAIT,
                "groupInterval": GROUP_INTERVAL,
                "repeatInterval": REPEAT_INTERVAL,
            },
            "receivers": [
                {
                    "name": "autoscaler",
                    "webhookConfigs": [{"url": site.url, "sendResolved": True, "httpConfig": http}],
                }
            ],
        },
    }


def plain_configuration(
    site: Site, tenant: str, namespaces: Sequence[str], token_file: str, ca_file: str | None = None
) -> Document:
    """Give a configuration of Alertmanager with the tenant's route and receiver, to be merged into one's own.

    Args:
        token_file: file with the tenant's token, as Alertmanager sees it.
        ca_file: CA of an https webhook; None: one that Alertmanager trusts already.
    """
    name = f"autoscaler-{tenant}"
    http: Document = {
        "follow_redirects": False,
        "authorization": {"type": "Bearer", "credentials_file": token_file},
    }
    if ca_file is not None:
        http["tls_config"] = {"ca_file": ca_file}
    # Names of namespaces hold no character that means something in a regular expression, which Alertmanager anchors.
    route = {
        "receiver": name,
        "matchers": [f'namespace=~"{"|".join(namespaces)}"'],
        "group_by": list(GROUP_BY),
        "group_wait": GROUP_WAIT,
        "group_interval": GROUP_INTERVAL,
        "repeat_interval": REPEAT_INTERVAL,
        "continue": True,
    }
    webhook = {"url": site.url, "send_resolved": True, "http_config": http}
    return {
        "route": {"receiver": "null", "routes": [route]},
        "receivers": [{"name": "null"}, {"name": name, "webhook_configs": [webhook]}],
    }
