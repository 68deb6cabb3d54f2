"""Tokens: who bears which, by hash alone."""

from autoscaler.daemon.identity import Identities
from autoscaler.policy.plan import TenantPlan
from autoscaler.policy.settings import Settings
from autoscaler.ports import Caller, Role
from tests.unit.daemon.rig import settings, sha256


def tenants(**sources: str) -> dict[str, TenantPlan]:
    """Give tenants by name, each on a source, each with its own name as its token."""
    return {
        name: TenantPlan(name, frozenset({name}), source, frozenset({sha256(name)}), None, dry_run=False)
        for name, source in sources.items()
    }


def with_gateways(*gateways: dict[str, object]) -> Settings:
    return settings(
        sources={"main": {"url": "http://p", "gateways": [{"profile": "openfaas", **one} for one in gateways]}}
    )


def test_each_role_is_known_by_its_token() -> None:
    """Operators see all, tenants themselves, gateways the tenants of their source; others are nobody."""
    identities = Identities(settings(), tenants(acme="main", umbrella="main", globex="other"))
    assert identities.identify("operator") == Caller(Role.OPERATOR, None)
    assert identities.identify("acme") == Caller(Role.TENANT, frozenset({"acme"}))
    assert identities.identify("gateway") == Caller(Role.GATEWAY, frozenset({"acme", "umbrella"}))
    assert identities.identify("wrong") is None
    assert identities.identify("") is None


def test_a_hash_is_no_token() -> None:
    """Who has read the settings file cannot log in with what is in it."""
    assert Identities(settings(), {}).identify(sha256("operator")) is None


def test_a_gateway_serves_those_it_names() -> None:
    """Tenants of another source, or not named, are not its own."""
    identities = Identities(
        with_gateways({"tenants": ["acme", "globex"], "callers": [{"tokenSHA256": sha256("gw")}]}),
        tenants(acme="main", umbrella="main", globex="other"),
    )
    assert identities.identify("gw") == Caller(Role.GATEWAY, frozenset({"acme"}))


def test_one_token_of_two_gateways_serves_the_tenants_of_both() -> None:
    """A token that stands in two places of one role has the tenants of both."""
    shared = [{"tokenSHA256": sha256("gw")}]
    identities = Identities(
        with_gateways({"tenants": ["acme"], "callers": shared}, {"tenants": ["umbrella"], "callers": shared}),
        tenants(acme="main", umbrella="main", globex="main"),
    )
    assert identities.identify("gw") == Caller(Role.GATEWAY, frozenset({"acme", "umbrella"}))


def test_a_token_of_two_roles_has_the_stronger() -> None:
    """A tenant's token that is a gateway's too stays a tenant's, and an operator's an operator's."""
    identities = Identities(
        with_gateways({"callers": [{"tokenSHA256": sha256("acme")}, {"tokenSHA256": sha256("operator")}]}),
        tenants(acme="main", umbrella="main"),
    )
    assert identities.identify("acme") == Caller(Role.TENANT, frozenset({"acme"}))
    assert identities.identify("operator") == Caller(Role.OPERATOR, None)


def test_a_token_that_is_no_utf_8_is_wrong() -> None:
    """Bytes of a header that are no text are a wrong token, not a failure."""
    assert Identities(settings(), {}).identify("\udcff\udc00") is None
    assert Identities(settings(), {}).identify("\ud800") is None
