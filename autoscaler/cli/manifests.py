"""`autoscaler manifests`: what an admin applies so that a tenant can use the autoscaler."""

import base64
import hashlib
import secrets
from collections.abc import Sequence

import click

from autoscaler.adapters import files
from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.onboarding import dns_name, site_options
from autoscaler.cli.settings import CONFIG_VARIABLE, need_settings
from autoscaler.policy.loading import PolicySet, load
from autoscaler.policy.onboarding.kinds import SECRET, TENANT_LABEL, Document
from autoscaler.policy.onboarding.receivers import plain_configuration
from autoscaler.policy.onboarding.rendering import (
    credential,
    namespace_object,
    namespace_objects,
    tenant_document,
    yaml_text,
)
from autoscaler.policy.onboarding.rules import alert_rules, recordings
from autoscaler.policy.onboarding.site import Site
from autoscaler.policy.problems import suggestion

_TOKEN_BYTES = 32
_EPILOG = """\b
Examples:
  autoscaler manifests tenant acme --namespace acme-prod --namespace acme-dev --group acme-developers | kubectl apply --server-side -f -
      everything for a new tenant, with a new token; the Tenant itself included
  autoscaler manifests tenant acme --namespace acme-qa --group acme-developers --without-tenant
      one more namespace of a tenant that is there, to be added to its Tenant
  autoscaler manifests tenant acme --config settings.yaml --token-secret autoscaler-token
      the namespaces as the policies say; a Secret that is there already
  autoscaler manifests tenant acme --namespace acme-prod --format alertmanager
      a receiver and its route, to be merged into alertmanager.yml
\b
Exit codes: 0 printed, 2 wrong usage or configuration.
"""


@click.group(
    name="manifests",
    epilog="\b\nExample:\n  autoscaler manifests tenant acme --namespace acme-prod | kubectl apply --server-side -f -\n",
)
def command() -> None:
    """Print what an admin applies."""


@command.command(name="tenant", epilog=_EPILOG)
@click.argument("tenant", metavar="NAME")
@click.option("--namespace", "-n", multiple=True, metavar="NAME", help="A namespace of the tenant; repeat for more.")
@click.option(
    "--config", envvar=CONFIG_VARIABLE, metavar="FILE", help="Settings; the policies that they name have the Tenant."
)
@click.option(
    "--without-tenant",
    is_flag=True,
    help="Leave the Tenant itself out, as with --config: it is there already, with a budget that would be overwritten.",
)
@click.option(
    "--token-secret",
    metavar="NAME",
    help="Secret in each namespace with the token, key `token`. Default: a new token is made and printed.",
)
@click.option(
    "--with-namespaces", is_flag=True, help="Print the namespaces too, labelled; for those that are not there yet."
)
@click.option(
    "--token-file",
    metavar="PATH",
    help="With --format alertmanager: file of the token, as Alertmanager sees it. "
    "Default: /etc/alertmanager/secrets/NAME/token.",
)
@click.option("--ca-file", metavar="PATH", help="With --format alertmanager: CA of an https webhook.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["kubectl", "alertmanager", "prometheus"]),
    default="kubectl",
    show_default=True,
    help="Objects for kubectl; or the receiver for a plain alertmanager.yml; or the alerts as a plain rule file.",
)
@site_options
def tenant_command(
    *,
    tenant: str,
    namespace: Sequence[str],
    config: str | None,
    without_tenant: bool,
    token_secret: str | None,
    with_namespaces: bool,
    token_file: str | None,
    ca_file: str | None,
    form: str,
    site: Site,
) -> None:
    """Print what tenant NAME is given.

    For each of its namespaces: Role and RoleBinding of its team (ScalingPolicies, and what the daemon shows and does of
    functions; no Tenants, no deployments/scale), an Alertmanager receiver with the tenant's own credential, and alerts on
    its functions. Without --config the Tenant itself too, with neither budget nor bounds: those are yours to add.
    """
    dns_name("NAME", tenant)
    if without_tenant and config is not None:
        raise WrongConfiguration(
            "--without-tenant and --config: with --config no Tenant is printed; allowed: one of them"
        )
    namespaces = _namespaces(tenant, namespace, config)
    if form == "alertmanager":
        path = token_file or f"/etc/alertmanager/secrets/{tenant}/token"
        click.echo(yaml_text([plain_configuration(site, tenant, namespaces, path, ca_file)]), nl=False)
        _tell(f"{path} must hold the token of a caller of Tenant {tenant}, and nothing else.")
        return
    if token_file is not None or ca_file is not None:
        raise WrongConfiguration("--token-file and --ca-file mean something with --format alertmanager alone")
    if form == "prometheus":
        groups = [group for one in namespaces for group in alert_rules(site, tenant, one)["spec"]["groups"]]
        click.echo(yaml_text([{"groups": groups}]), nl=False)
        return
    is_new = config is None and not without_tenant
    _print_objects(site, tenant, namespaces, is_new, token_secret, with_namespaces)


@command.command(name="recordings", short_help="Recording rules of the platform, once for a Prometheus.")
@click.option(
    "--gateway-namespace", default="openfaas", show_default=True, help="Where the OpenFaaS gateway is scraped."
)
@click.option("--daemon-namespace", default="autoscaler", show_default=True, help="Where this daemon is scraped.")
@click.option(
    "--default-namespace",
    default="openfaas-fn",
    show_default=True,
    help="Of functions that the gateway names without one.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["kubectl", "prometheus"]),
    default="kubectl",
    show_default=True,
    help="A PrometheusRule; or a plain rule file.",
)
def recordings_command(gateway_namespace: str, daemon_namespace: str, default_namespace: str, form: str) -> None:
    """Print the platform's recording rules, which every tenant's alerts stand on; once for a Prometheus.

    They give the gateway's and the daemon's series the namespace of the function. Where the Prometheus operator enforces
    a namespace label, list the object in `excludedFromEnforcement`.
    """
    names = {
        "--gateway-namespace": gateway_namespace,
        "--daemon-namespace": daemon_namespace,
        "--default-namespace": default_namespace,
    }
    document = recordings(*(dns_name(option, text) for option, text in names.items()))
    click.echo(yaml_text([document if form == "kubectl" else {"groups": document["spec"]["groups"]}]), nl=False)


def _print_objects(
    site: Site, tenant: str, namespaces: Sequence[str], is_new: bool, token_secret: str | None, with_namespaces: bool
) -> None:
    """Print the objects, and on stderr what is to be done besides."""
    token = None if token_secret is not None else secrets.token_urlsafe(_TOKEN_BYTES)
    token_sha256 = None if token is None else hashlib.sha256(token.encode()).hexdigest()
    secret = SECRET if token_secret is None else dns_name("--token-secret", token_secret)
    documents: list[Document] = [namespace_object(tenant, one) for one in namespaces if with_namespaces]
    if is_new:
        documents.append(tenant_document(tenant, namespaces, token_sha256))
    for one in namespaces:
        if token is not None:
            documents.append(credential(tenant, one, base64.b64encode(token.encode()).decode()))
        documents += namespace_objects(site, tenant, one, secret)
    click.echo(yaml_text(documents), nl=False)
    if token_sha256 is not None and is_new:
        _tell("The Secret holds a new token, which is written down nowhere else; the Tenant has its SHA-256.")
    elif token_sha256 is not None:
        _tell(f"The Secret holds a new token. Add its SHA-256 to Tenant {tenant}, spec.callers, before you apply this:")
        _tell(f"  - tokenSHA256: {token_sha256}")
    else:
        _tell(f"Tenant {tenant} must have the SHA-256 of the token in Secret {token_secret} in spec.callers.")
    if not site.team:
        _tell("Nobody is bound to the Role: name the team with --group, --user or --service-account.")
    if not with_namespaces:
        _tell("Label the namespaces, for selectors of the Prometheus operator and others that go by them:")
        _tell(f"  kubectl label namespace {' '.join(namespaces)} {TENANT_LABEL}={tenant}")


def _namespaces(tenant: str, given: Sequence[str], config: str | None) -> list[str]:
    """Give the tenant's namespaces: as given, else as its document says.

    Raises:
        WrongConfiguration: there are none, both say so, or there is no such tenant.
    """
    names = list(dict.fromkeys(dns_name("--namespace", name) for name in given))
    if config is None:
        if not names:
            raise WrongConfiguration("No namespaces: name each with --namespace, or the settings with --config.")
        return names
    if names:
        raise WrongConfiguration("--namespace and --config both say which namespaces; one of them is allowed")
    policies = _policies(config)
    found = policies.tenants.get(tenant)
    if found is None:
        known = suggestion(tenant, policies.tenants) if policies.tenants else "there is none in its policies"
        raise WrongConfiguration(f"NAME {tenant} is no tenant of {config}; allowed: {known}")
    owned = [one for one in found.document.spec.namespaces if policies.namespaces.get(one) == tenant]
    if not owned:
        wrong = f"Tenant {tenant} has no namespace of its own by its document ({found.at('spec.namespaces')})"
        raise WrongConfiguration(f"{wrong}; allowed: name its namespaces with --namespace, without --config")
    return owned


def _policies(config: str) -> PolicySet:
    folder = need_settings(config, {}).policies
    try:
        return load(files.read(folder))
    except OSError as error:
        raise WrongConfiguration(f"policies: {folder} cannot be read ({error.strerror}); a folder is allowed") from None


def _tell(words: str) -> None:
    click.echo(words, err=True)
