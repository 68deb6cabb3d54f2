"""Everything for a tenant, as objects and as the YAML that an admin applies."""

import io
from collections.abc import Iterator, Sequence

from ruamel.yaml import YAML

from autoscaler.policy.documents import API_VERSION
from autoscaler.policy.onboarding.kinds import (
    CREDENTIAL,
    OWNED,
    SECRET,
    TOKEN_KEY,
    Document,
    ObjectKind,
    labels_of,
    of_tenant,
)
from autoscaler.policy.onboarding.receivers import receiver
from autoscaler.policy.onboarding.rights import daemon_rights, limits, team_rights
from autoscaler.policy.onboarding.rules import alert_rules
from autoscaler.policy.onboarding.site import Site


def namespace_objects(site: Site, tenant: str, namespace: str, secret: str = SECRET) -> list[Document]:
    """Give what a namespace of a tenant has, its credential apart."""
    return [
        *team_rights(site, tenant, namespace),
        *daemon_rights(site, tenant, namespace),
        *limits(site, tenant, namespace),
        receiver(site, tenant, namespace, secret),
        alert_rules(site, tenant, namespace),
    ]


def credential(tenant: str, namespace: str, encoded: str, secret: str = SECRET) -> Document:
    """Give the Secret of a tenant's token.

    Args:
        encoded: the token in base64, as `data` has it: what is read back can be compared.
    """
    return {**of_tenant(CREDENTIAL, secret, namespace, tenant), "type": "Opaque", "data": {TOKEN_KEY: encoded}}


def places_of(site: Site) -> frozenset[tuple[ObjectKind, str]]:
    """Give kind and name of everything that a namespace of a tenant has, its credential included; they differ by nothing."""
    rendered = namespace_objects(site, "any", "any")
    return frozenset({(CREDENTIAL, SECRET), *((kind_of(one, OWNED), one["metadata"]["name"]) for one in rendered)})


def namespace_object(tenant: str, namespace: str) -> Document:
    """Give a namespace as a new one: applied over one that other manifests describe, it could drop their labels."""
    metadata = {"name": namespace, "labels": labels_of(tenant)}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def tenant_document(tenant: str, namespaces: Sequence[str], token_sha256: str | None) -> Document:
    """Give the smallest Tenant; it fits a file of policies and the API server alike."""
    spec: Document = {"namespaces": list(namespaces)}
    if token_sha256 is not None:
        spec["callers"] = [{"tokenSHA256": token_sha256}]
    return {"apiVersion": API_VERSION, "kind": "Tenant", "metadata": {"name": tenant}, "spec": spec}


def kind_of(document: Document, kinds: Sequence[tuple[ObjectKind, str]]) -> ObjectKind:
    """Give the kind of a rendered object."""
    return next(kind for kind, _ in kinds if kind.kind == document["kind"])


def yaml_text(documents: Sequence[Document]) -> str:
    """Write documents as YAML, keys in their order, each after `---` but the first."""
    return "---\n".join(_texts(documents))


def _texts(documents: Sequence[Document]) -> Iterator[str]:
    yaml = YAML(pure=True)
    yaml.default_flow_style = False
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    # Shared parts of documents are written out each time: an alias is a riddle to who reads it.
    yaml.representer.ignore_aliases = lambda _: True
    for document in documents:
        stream = io.StringIO()
        yaml.dump(document, stream)
        yield stream.getvalue()
