"""Tenant resources as far as onboarding needs them: whose namespaces, and which credentials are in force."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from autoscaler.policy.onboarding.credentials import Entry

_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class TenantResource:
    """One Tenant of the cluster.

    Attributes:
        name: its name.
        uid: tells it from another of the same name before or after it.
        version: resource version that was read.
        listed: namespaces that its spec lists; None: it selects them by labels.
        had: namespaces that the daemon says it really has; None: the daemon has said nothing of it yet.
        entries: credentials that were made for it and are in force.
    """

    name: str
    uid: str
    version: str
    listed: tuple[str, ...] | None
    had: tuple[str, ...] | None
    entries: tuple[Entry, ...]

    @property
    def mark(self) -> tuple[object, ...]:
        """What of it matters here: a resource whose mark stays needs no new look."""
        return self.uid, self.listed, self.had, self.entries


def read_tenant(document: Mapping[str, Any]) -> TenantResource:
    """Read a Tenant as the API server has it; what is malformed is taken for not there."""
    metadata, spec, status = (_mapping(document.get(part)) for part in ("metadata", "spec", "status"))
    is_listing = "namespaceSelector" not in spec
    is_judged = isinstance(status.get("observedGeneration"), int)
    return TenantResource(
        name=str(metadata.get("name") or ""),
        uid=str(metadata.get("uid") or ""),
        version=str(metadata.get("resourceVersion") or ""),
        listed=_names(spec.get("namespaces")) if is_listing else None,
        had=_names(status.get("namespaces")) if is_judged else None,
        entries=tuple(_entries(status.get("callers"))),
    )


def namespaces_of(tenants: Sequence[TenantResource]) -> dict[str, tuple[str, ...]]:
    """Give the namespaces of each tenant by its name.

    A credential must not lie where another tenant reads it. So the daemon's word counts, which knows documents in files
    too; where it has said nothing, a namespace that two resources claim is nobody's, and one that is selected by labels
    waits. What the spec no longer lists is the tenant's no more, whatever an older status says.
    """
    claims = Counter(namespace for tenant in tenants for namespace in _claimed(tenant))
    result: dict[str, tuple[str, ...]] = {}
    for tenant in tenants:
        if tenant.listed is None:
            result[tenant.name] = tenant.had or ()
        else:
            had = tenant.had
            result[tenant.name] = tuple(
                namespace
                for namespace in tenant.listed
                if (claims[namespace] == 1 if had is None else namespace in had)
            )
    return result


def _claimed(tenant: TenantResource) -> tuple[str, ...]:
    return tenant.listed if tenant.listed is not None else tenant.had or ()


def callers_document(entries: Iterable[Entry]) -> list[dict[str, str]]:
    """Write credentials as `status.callers` has them."""
    return [
        {
            "tokenSHA256": entry.token_sha256,
            "since": _time(entry.since_s),
            **({} if entry.until_s is None else {"until": _time(entry.until_s)}),
        }
        for entry in entries
    ]


def _entries(callers: object) -> Iterable[Entry]:
    for caller in callers if isinstance(callers, list) else ():
        found = _mapping(caller)
        token = found.get("tokenSHA256")
        if isinstance(token, str) and _SHA256.fullmatch(token):
            yield Entry(token, _seconds(found.get("since")) or 0.0, _seconds(found.get("until")))


def _names(value: object) -> tuple[str, ...]:
    """Give names of namespaces, each once; paths are made of them, so nothing else is taken."""
    names = value if isinstance(value, list) else []
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and _NAMESPACE.fullmatch(name)))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _time(utc_s: float) -> str:
    return datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(text: object) -> float | None:
    """Read a time; None: it is none."""
    try:
        return datetime.fromisoformat(str(text)).timestamp() if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None
