"""Who shows a credential: those that documents name are known by their marks alone, never by a secret."""

import hmac
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from autoscaler.policy.callers import KnownCaller, certificate_mark, known, login_mark, token_mark
from autoscaler.policy.plan import TenantPlan
from autoscaler.policy.settings import Settings
from autoscaler.policy.wake_answers import WakeAnswers
from autoscaler.ports import USUAL_FORM, Caller, Role, Shown, WakeForm

_STRENGTH = (Role.OPERATOR, Role.TENANT, Role.GATEWAY)


class Identities:
    """Marks of credentials and whose they are.

    A secret is looked up by its SHA-256, so that the time a look-up takes says nothing of the secret: whoever can choose
    hashes freely has broken SHA-256. A user name with a password is one mark, and takes as long where nobody has that name.

    Args:
        settings: operators and gateways' callers.
        tenants: tenants by name, with their callers.
    """

    def __init__(self, settings: Settings, tenants: Mapping[str, TenantPlan]) -> None:
        self._callers: dict[str, list[tuple[KnownCaller, Caller]]] = {}
        for credential, caller in _claims(settings, tenants):
            self._callers.setdefault(credential.mark, []).append((credential, caller))

    def identify(self, shown: Shown, utc_s: float) -> Caller | None:
        """Tell who shows this at a time; None: nobody.

        Args:
            shown: what the head of the request shows decides, and where that is nobody's the names of its certificate:
                a gateway that shows one may pass on a header that its own client meant for somebody else.
            utc_s: now, UTC seconds, since a credential may have an end.
        """
        by_head = self._first(_marks(shown), utc_s)
        return by_head if by_head is not None else self._first(map(certificate_mark, shown.names), utc_s)

    def _first(self, marks: Iterable[str], utc_s: float) -> Caller | None:
        found: Caller | None = None
        for mark in marks:
            for credential, caller in self._callers.get(mark, ()):
                is_it = hmac.compare_digest(_bytes(credential.mark), _bytes(mark))
                if is_it and (credential.until_s is None or utc_s < credential.until_s):
                    found = caller if found is None else _both(found, caller)
        return found


def _bytes(mark: str) -> bytes:
    # surrogatepass: a name in a certificate is any bytes, and one that is no UTF-8 is nobody's, not a failure.
    return mark.encode("utf-8", "surrogatepass")


def _marks(shown: Shown) -> Iterator[str]:
    if shown.token is not None:
        yield token_mark(shown.token)
    if shown.login is not None:
        yield login_mark(shown.login.username, shown.login.password)


def _claims(settings: Settings, tenants: Mapping[str, TenantPlan]) -> Iterator[tuple[KnownCaller, Caller]]:
    for credential in known(settings.operators):
        yield credential, Caller(Role.OPERATOR, None)
    for tenant in tenants.values():
        for credential in tenant.callers:
            yield credential, Caller(Role.TENANT, frozenset({tenant.name}))
    for name, source in settings.sources.items():
        for gateway in source.gateways:
            served = _served(name, gateway.tenants, tenants.values())
            for credential in known(gateway.callers):
                yield credential, Caller(Role.GATEWAY, served, wake_form=_form(gateway.wake))


def _form(answers: WakeAnswers) -> WakeForm:
    return WakeForm(answers.not_ready_status, frozenset(answers.accel_redirect), answers.waiting_page)


def _served(source: str, names: Iterable[str], tenants: Iterable[TenantPlan]) -> frozenset[str]:
    """Name the tenants of a source that a gateway serves; `*` stands for all of that source."""
    wanted = set(names)
    return frozenset(
        tenant.name for tenant in tenants if tenant.source == source and ("*" in wanted or tenant.name in wanted)
    )


def _both(one: Caller, other: Caller) -> Caller:
    """Give who stands in two places the stronger role; of one role, the tenants of both.

    Its wakes are answered as the first gateway wants it that wants anything else than the usual.
    """
    form = one.wake_form if one.wake_form != USUAL_FORM else other.wake_form
    if one.role is not other.role:
        stronger = min(one, other, key=lambda caller: _STRENGTH.index(caller.role))
        return replace(stronger, wake_form=form)
    if one.tenants is None or other.tenants is None:
        return Caller(one.role, None, wake_form=form)
    return Caller(one.role, one.tenants | other.tenants, wake_form=form)
