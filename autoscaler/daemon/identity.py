"""Who bears a token: credentials are known by their SHA-256 alone."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from autoscaler.policy.plan import TenantPlan
from autoscaler.policy.settings import Settings
from autoscaler.ports import Caller, Role

_STRENGTH = (Role.OPERATOR, Role.TENANT, Role.GATEWAY)


class Identities:
    """Tokens' hashes and who bears them.

    A token is looked up by its hash, so that the time a look-up takes says nothing of the token: whoever
    can choose hashes freely has broken SHA-256.

    Args:
        settings: operators and gateways' callers.
        tenants: tenants by name, with their callers.
    """

    def __init__(self, settings: Settings, tenants: Mapping[str, TenantPlan]) -> None:
        self._callers: dict[str, Caller] = {}
        for token_hash, caller in _claims(settings, tenants):
            known = self._callers.get(token_hash)
            self._callers[token_hash] = caller if known is None else _both(known, caller)

    def identify(self, token: str) -> Caller | None:
        """Tell who bears this token; None: nobody."""
        return self._callers.get(hashed(token))


def hashed(token: str) -> str:
    """Give the SHA-256 of a token in hex: tokens are looked up and kept by nothing else."""
    # surrogatepass: a header is any bytes, and one that is no UTF-8 is a wrong token, not a failure.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _claims(settings: Settings, tenants: Mapping[str, TenantPlan]) -> Iterator[tuple[str, Caller]]:
    for operator in settings.operators:
        yield operator.token_sha256, Caller(Role.OPERATOR, None)
    for tenant in tenants.values():
        for token_hash in tenant.token_hashes:
            yield token_hash, Caller(Role.TENANT, frozenset({tenant.name}))
    for name, source in settings.sources.items():
        for gateway in source.gateways:
            served = _served(name, gateway.tenants, tenants.values())
            for gateway_caller in gateway.callers:
                yield gateway_caller.token_sha256, Caller(Role.GATEWAY, served)


def _served(source: str, names: Iterable[str], tenants: Iterable[TenantPlan]) -> frozenset[str]:
    """Name the tenants of a source that a gateway serves; `*` stands for all of that source."""
    wanted = set(names)
    return frozenset(
        tenant.name for tenant in tenants if tenant.source == source and ("*" in wanted or tenant.name in wanted)
    )


def _both(one: Caller, other: Caller) -> Caller:
    """Give a token that stands in two places the stronger role; of one role, the tenants of both."""
    if one.role is not other.role:
        return min(one, other, key=lambda caller: _STRENGTH.index(caller.role))
    if one.tenants is None or other.tenants is None:
        return Caller(one.role, None)
    return Caller(one.role, one.tenants | other.tenants)
