"""Who may call: credentials as documents name them, by a digest or a certificate's name, never by a secret.

A credential has a *mark*, the same whether it is read from a document or shown by a request; so one look-up by mark
finds who it is, whatever its kind, and takes as long for a known user name as for a made-up one.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from autoscaler.policy.caller_settings import CallerSettings
from autoscaler.policy.claims import SETTINGS
from autoscaler.policy.problems import Problem
from autoscaler.policy.settings import Settings
from autoscaler.policy.source_settings import GatewaySettings
from autoscaler.policy.statuses import CallerStatus
from autoscaler.policy.wake_answers import WakeAnswers


@dataclass(frozen=True, slots=True, order=True)
class KnownCaller:
    """A credential by which somebody is known.

    Attributes:
        mark: `token:SHA-256`, `login:SHA-256` or `certificate:NAME`, as the functions of this module make it.
        until_s: UTC seconds from which on it is no longer taken; None: for as long as it is named.
    """

    mark: str
    until_s: float | None = None


def token_mark(token: str) -> str:
    """Give the mark of a bearer token."""
    return f"token:{digest(token.encode('utf-8', 'surrogatepass'))}"


def login_mark(username: str, password: bytes) -> str:
    """Give the mark of a user name with its password, as basic authentication shows them."""
    return _login(username, digest(password))


def certificate_mark(name: str) -> str:
    """Give the mark of a name of a client's certificate: `DNS:NAME` in any case, `URI:…` and `email:…` as they are."""
    kind, _, value = name.partition(":")
    # A name beyond ASCII is none of DNS, and its lower case may be somebody's: the Kelvin sign's is k.
    return f"certificate:{kind}:{value.lower() if kind == 'DNS' and value.isascii() else value}"


def digest(secret: bytes) -> str:
    """Give the SHA-256 of a secret in hex: secrets are looked up and kept by nothing else."""
    return hashlib.sha256(secret).hexdigest()


def known(callers: Iterable[CallerSettings], made: Iterable[CallerStatus] = ()) -> frozenset[KnownCaller]:
    """Give the callers that a document names, and those that its status says were made for it."""
    named = frozenset(KnownCaller(_mark(caller)) for caller in callers)
    return named | {KnownCaller(f"token:{one.token_sha256}", _moment_s(one.until)) for one in made}


def problems_of_callers(settings: Settings) -> Iterator[Problem]:
    """Give the callers of operators and gateways that cannot be known, or not by one way of answering their wakes."""
    gateways = [
        (f"sources.{name}.gateways[{position}]", gateway)
        for name, source in settings.sources.items()
        for position, gateway in enumerate(source.gateways)
    ]
    listed = [("operators", settings.operators)] + [(f"{path}.callers", one.callers) for path, one in gateways]
    if settings.tls is None or settings.tls.client_ca_file is None:
        yield from _without_certificates(listed)
    yield from _answered_differently(gateways)


def _without_certificates(listed: Iterable[tuple[str, Sequence[CallerSettings]]]) -> Iterator[Problem]:
    for path, callers in listed:
        for number, caller in enumerate(callers):
            if caller.certificate_san is not None:
                wrong = "cannot be known: no client is asked for a certificate"
                where = f"{path}[{number}].certificateSAN"
                yield Problem(SETTINGS, None, where, wrong, "a token or a login, or tls with clientCAFile")


def _answered_differently(gateways: Iterable[tuple[str, GatewaySettings]]) -> Iterator[Problem]:
    """Find credentials of two gateways that want their wakes answered differently: a request shows only the credential."""
    first: dict[str, tuple[str, WakeAnswers]] = {}
    for path, gateway in gateways:
        for number, caller in enumerate(gateway.callers):
            other, wake = first.setdefault(_mark(caller), (path, gateway.wake))
            if wake != gateway.wake:
                wrong = f"is a caller of {other} too, whose wakes are answered differently"
                allowed = "a credential of its own, or the same `wake` in both"
                yield Problem(SETTINGS, None, f"{path}.callers[{number}]", wrong, allowed)


def _mark(caller: CallerSettings) -> str:
    if caller.token_sha256 is not None:
        return f"token:{caller.token_sha256}"
    if caller.username is not None and caller.password_sha256 is not None:
        return _login(caller.username, caller.password_sha256)
    if caller.certificate_san is not None:
        return certificate_mark(caller.certificate_san)
    raise ValueError("a caller without a credential")  # its model lets none through


def _login(username: str, password_sha256: str) -> str:
    # No colon can stand in either part of what is hashed but between them: user names of basic authentication have none.
    return f"login:{digest(f'{username}:{password_sha256}'.encode('utf-8', 'surrogatepass'))}"


def _moment_s(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:  # such as the 31st of February: what has an end that nobody knows is not taken
        return -math.inf
