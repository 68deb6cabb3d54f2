"""Who asks, and what they may do."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from autoscaler.core.fleet import FunctionKey


class Role(Enum):
    """What a credential lets its bearer do."""

    OPERATOR = "operator"  # everything, for every tenant
    TENANT = "tenant"  # everything, for its own tenant
    GATEWAY = "gateway"  # wakes only, for the tenants it serves


@dataclass(frozen=True, slots=True)
class Login:
    """A user name with its password, as basic authentication shows them."""

    username: str
    password: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows of who sends it; nothing of it is known to be anybody's yet.

    Attributes:
        token: bearer token; None: there is none.
        login: user name and password; None: there are none.
        names: names of a client certificate that was verified, each `DNS:NAME`, `URI:URI` or `email:ADDRESS`.
    """

    token: str | None = field(default=None, repr=False)
    login: Login | None = None
    names: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.token is not None or self.login is not None or bool(self.names)


@dataclass(frozen=True, slots=True)
class WakeForm:
    """How a caller wants its wakes answered.

    Attributes:
        not_ready_status: HTTP status where the function is not ready in time, or its pool has no replica left.
        redirects: named locations of nginx that it may ask to be sent to.
        has_page: browsers that come through it get a page that waits, and are not held.
    """

    not_ready_status: int = 503
    redirects: frozenset[str] = frozenset()
    has_page: bool = False


USUAL_FORM = WakeForm()
"""As everybody is answered whom no gateway's settings name."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking.

    Attributes:
        role: what it may do.
        tenants: whose; None: everybody's (an operator).
        namespaces: the only ones of its tenants that it may see; None: all of theirs.
        wake_form: how its wakes are answered.
    """

    role: Role
    tenants: frozenset[str] | None
    namespaces: frozenset[str] | None = None
    wake_form: WakeForm = USUAL_FORM

    def may_see(self, tenant: str) -> bool:
        return self.tenants is None or tenant in self.tenants

    def may_see_function(self, tenant: str, key: FunctionKey) -> bool:
        return self.may_see(tenant) and (self.namespaces is None or key.namespace in self.namespaces)


class Verb(Enum):
    """What is done to functions, as rights on `functions.autoscaler.faas.dev` name it."""

    GET = "get"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request wants, as far as its head tells.

    Attributes:
        verb: what it does.
        namespace: where; None: everywhere.
    """

    verb: Verb
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class KubernetesUser:
    """Whom Kubernetes calls the bearer of a token.

    Attributes:
        name: user name.
        uid: its id; "" where it has none.
        groups: names of its groups.
        extra: what its authenticator said of it beyond.
    """

    name: str
    uid: str
    groups: tuple[str, ...]
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


class AccessUnknown(RuntimeError):
    """Whether somebody may do this cannot be found out now; the message says why, without secrets."""


class AccessDenied(RuntimeError):
    """Kubernetes knows the bearer and does not let it do this; the message names the right that lacks."""


class AccessReviews(Protocol):
    """What Kubernetes knows of tokens and rights; both questions raise `AccessUnknown`."""

    async def authenticate(self, token: str) -> KubernetesUser | None:
        """Tell who bears a token; None: nobody."""
        ...

    async def is_allowed(self, user: KubernetesUser, asked: Asked) -> bool:
        """Tell whether a user may do this to functions."""
        ...
