"""Who a team is: groups, users and service accounts, with the tenant's name in them where it belongs."""

import re
from dataclasses import dataclass
from typing import Literal

TENANT = "{tenant}"
"""Stands for the tenant's name in a subject, so that one word names every tenant's team."""

_RBAC = "rbac.authorization.k8s.io"
_ACCOUNT = re.compile(r"(?:(?:[a-z0-9-]|\{tenant\}){1,80}/)?(?:[a-z0-9.-]|\{tenant\}){1,253}")
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f]{1,512}")

SubjectKind = Literal["Group", "User", "ServiceAccount"]


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody whom a RoleBinding names.

    Attributes:
        kind: Group, User or ServiceAccount.
        name: as the cluster's authentication calls it; of a service account `NAMESPACE/NAME`, or `NAME` for that
            account in each of the tenant's namespaces. `{tenant}` stands for the tenant's name.
    """

    kind: SubjectKind
    name: str

    def document(self, tenant: str, namespace: str) -> dict[str, str]:
        """Give it as a RoleBinding in a namespace of a tenant has it."""
        name = self.name.replace(TENANT, tenant)
        if self.kind != "ServiceAccount":
            return {"apiGroup": _RBAC, "kind": self.kind, "name": name}
        home, slash, account = name.rpartition("/")
        return {"kind": self.kind, "name": account, "namespace": home if slash else namespace}


def parse_subject(kind: SubjectKind, text: str) -> Subject:
    """Read a subject as an option gives it.

    Raises:
        ValueError: it can be nobody's name; the message says what is allowed.
    """
    if kind == "ServiceAccount" and not _ACCOUNT.fullmatch(text):
        raise ValueError(f"NAMESPACE/NAME, or NAME for one in each namespace of the tenant; {TENANT} is its name")
    if set(text.replace(TENANT, "")) & set("{}"):
        raise ValueError(f"{TENANT} for the tenant's name, and no other braces")
    if not _PRINTABLE.fullmatch(text) or (kind != "ServiceAccount" and text.startswith("system:")):
        raise ValueError(
            f"a name of 1 to 512 printable characters that does not begin with system:; {TENANT} is allowed"
        )
    return Subject(kind, text)
