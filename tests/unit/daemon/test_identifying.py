"""Whom the daemon asks who somebody is: documents first, Kubernetes of bearer tokens alone."""

import pytest

from autoscaler.ports import Asked, Caller, KubernetesUser, Login, Role, Shown, Verb
from tests.unit.daemon.fakes import MemoryCluster
from tests.unit.daemon.rig import rig, sha256
from tests.unit.daemon.test_reviewing import MemoryReviews

ASKED = Asked(Verb.GET, "acme")
GATEWAY = {"profile": "openfaas", "tenants": ["acme"], "callers": [{"certificateSAN": "DNS:gateway.example"}]}
SETTINGS = {
    "sources": {"main": {"url": "http://prometheus", "gateways": [GATEWAY]}},
    "operators": [{"username": "ops", "passwordSHA256": sha256("p")}],
}
OF_THE_GATEWAY = Caller(Role.GATEWAY, frozenset({"acme"}))


@pytest.mark.parametrize(
    ("shown", "caller", "asked"),
    [
        (Shown(login=Login("ops", b"p")), Caller(Role.OPERATOR, None), 0),
        (Shown(login=Login("jane", b"jane")), None, 0),
        (Shown(names=("DNS:gateway.example",)), OF_THE_GATEWAY, 0),
        (Shown(names=("DNS:jane",)), None, 0),
        (Shown(token="jane", names=("DNS:gateway.example",)), OF_THE_GATEWAY, 0),
        (Shown(token="jane", names=("DNS:nobody",)), Caller(Role.TENANT, frozenset({"acme"}), frozenset({"acme"})), 1),
        (Shown(token="jane"), Caller(Role.TENANT, frozenset({"acme"}), frozenset({"acme"})), 1),
        (Shown(token="nobodys"), None, 1),
        (Shown(), None, 0),
    ],
)
async def test_kubernetes_is_asked_of_tokens_that_nobody_names(shown: Shown, caller: Caller | None, asked: int) -> None:
    """No password and no certificate's name is ever shown to Kubernetes, nor a token beside a certificate that is known."""
    reviews = MemoryReviews()
    reviews.users = {"jane": KubernetesUser("jane", "1", ())}
    reviews.rights = {("jane", Verb.GET, "acme")}
    async with rig(MemoryCluster(), reviews=reviews, **SETTINGS) as it:
        assert await it.daemon.identify(shown, ASKED) == caller
    assert reviews.tokens_asked == asked
