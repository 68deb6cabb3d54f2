"""Credentials of three kinds: whose they are, by hash or by a certificate's name alone."""

from autoscaler.daemon.identity import Identities
from autoscaler.policy.caller_settings import CallerSettings
from autoscaler.policy.callers import KnownCaller, known
from autoscaler.policy.plan import TenantPlan
from autoscaler.policy.settings import Settings
from autoscaler.policy.statuses import CallerStatus
from autoscaler.ports import Caller, Login, Role, Shown, WakeForm
from tests.unit.daemon.rig import settings, sha256

NOW_S = 1_700_000_000.0
ACME = Caller(Role.TENANT, frozenset({"acme"}))


def bearer(token: str) -> Shown:
    return Shown(token=token)


def of_acme(*callers: dict[str, str], made: tuple[CallerStatus, ...] = ()) -> Identities:
    """Give identities with one tenant, which has these callers."""
    credentials = known([CallerSettings.model_validate(caller) for caller in callers], made)
    return Identities(settings(), {"acme": TenantPlan("acme", frozenset(), "main", credentials, None, dry_run=False)})


def tenants(**sources: str) -> dict[str, TenantPlan]:
    """Give tenants by name, each on a source, each with its own name as its token."""
    return {
        name: TenantPlan(
            name, frozenset({name}), source, known([CallerSettings(tokenSHA256=sha256(name))]), None, dry_run=False
        )
        for name, source in sources.items()
    }


def with_gateways(*gateways: dict[str, object]) -> Settings:
    return settings(
        sources={"main": {"url": "http://p", "gateways": [{"profile": "openfaas", **one} for one in gateways]}}
    )


def test_each_role_is_known_by_its_token() -> None:
    """Operators see all, tenants themselves, gateways the tenants of their source; others are nobody."""
    identities = Identities(settings(), tenants(acme="main", umbrella="main", globex="other"))
    assert identities.identify(bearer("operator"), NOW_S) == Caller(Role.OPERATOR, None)
    assert identities.identify(bearer("acme"), NOW_S) == Caller(Role.TENANT, frozenset({"acme"}))
    assert identities.identify(bearer("gateway"), NOW_S) == Caller(Role.GATEWAY, frozenset({"acme", "umbrella"}))
    assert identities.identify(bearer("wrong"), NOW_S) is None
    assert identities.identify(bearer(""), NOW_S) is None


def test_a_hash_is_no_token() -> None:
    """Who has read the settings file cannot log in with what is in it."""
    assert Identities(settings(), {}).identify(bearer(sha256("operator")), NOW_S) is None


def test_a_gateway_serves_those_it_names() -> None:
    """Tenants of another source, or not named, are not its own."""
    identities = Identities(
        with_gateways({"tenants": ["acme", "globex"], "callers": [{"tokenSHA256": sha256("gw")}]}),
        tenants(acme="main", umbrella="main", globex="other"),
    )
    assert identities.identify(bearer("gw"), NOW_S) == Caller(Role.GATEWAY, frozenset({"acme"}))


def test_one_token_of_two_gateways_serves_the_tenants_of_both() -> None:
    """A token that stands in two places of one role has the tenants of both."""
    shared = [{"tokenSHA256": sha256("gw")}]
    identities = Identities(
        with_gateways({"tenants": ["acme"], "callers": shared}, {"tenants": ["umbrella"], "callers": shared}),
        tenants(acme="main", umbrella="main", globex="main"),
    )
    assert identities.identify(bearer("gw"), NOW_S) == Caller(Role.GATEWAY, frozenset({"acme", "umbrella"}))


def test_a_token_of_two_roles_has_the_stronger() -> None:
    """A tenant's token that is a gateway's too stays a tenant's, and an operator's an operator's."""
    identities = Identities(
        with_gateways({"callers": [{"tokenSHA256": sha256("acme")}, {"tokenSHA256": sha256("operator")}]}),
        tenants(acme="main", umbrella="main"),
    )
    assert identities.identify(bearer("acme"), NOW_S) == Caller(Role.TENANT, frozenset({"acme"}))
    assert identities.identify(bearer("operator"), NOW_S) == Caller(Role.OPERATOR, None)


def test_a_token_that_is_no_utf_8_is_wrong() -> None:
    """Bytes of a header that are no text are a wrong token, not a failure."""
    assert Identities(settings(), {}).identify(bearer("\udcff\udc00"), NOW_S) is None
    assert Identities(settings(), {}).identify(bearer("\ud800"), NOW_S) is None


def test_a_login_is_its_name_and_its_password_together() -> None:
    """Both must be right; a password may be any bytes with colons in it, and no part of one counts for the other."""
    it = of_acme({"username": "ci", "passwordSHA256": sha256("a:b")})
    assert it.identify(Shown(login=Login("ci", b"a:b")), NOW_S) == ACME
    for username, password in [
        ("ci", b"a"),
        ("ci", b""),
        ("ci", sha256("a:b").encode()),
        ("CI", b"a:b"),
        ("ci:a", b"b"),
        ("", b"a:b"),
        ("\ud800", b"\xff"),
    ]:
        assert it.identify(Shown(login=Login(username, password)), NOW_S) is None
    assert it.identify(bearer("a:b"), NOW_S) is None


def test_a_certificate_is_known_by_any_of_its_names() -> None:
    """DNS names count in any case, URIs as they are, each whole and of its own kind."""
    it = of_acme({"certificateSAN": "DNS:Acme.Example"}, {"certificateSAN": "URI:spiffe://C/acme"})
    for names in [("DNS:acme.example",), ("DNS:ACME.EXAMPLE",), ("DNS:x", "URI:spiffe://C/acme")]:
        assert it.identify(Shown(names=names), NOW_S) == ACME
    for name in [
        "DNS:a.acme.example",
        "DNS:*.example",
        "URI:spiffe://c/acme",
        "email:acme.example",
        "DNS:",
        "",
        "\ud800",
    ]:
        assert it.identify(Shown(names=(name,)), NOW_S) is None


def test_two_credentials_at_once_are_one_caller() -> None:
    """While one takes the other's place both are known, of whatever kinds."""
    it = of_acme(
        {"tokenSHA256": sha256("old")}, {"tokenSHA256": sha256("new")}, {"username": "u", "passwordSHA256": sha256("p")}
    )
    shown = (bearer("old"), bearer("new"), Shown(login=Login("u", b"p")))
    assert [it.identify(one, NOW_S) for one in shown] == [ACME, ACME, ACME]


def test_gateways_and_operators_have_callers_of_every_kind() -> None:
    """What a Tenant may name as a caller the settings may too."""
    callers = [{"username": "gw", "passwordSHA256": sha256("p")}, {"certificateSAN": "DNS:gw"}]
    operators = [{"username": "op", "passwordSHA256": sha256("p")}, {"certificateSAN": "email:op@x"}]
    both = with_gateways({"callers": callers}).model_dump(by_alias=True) | {"operators": operators}
    it = Identities(Settings.model_validate(both), tenants(acme="main"))
    for shown in (Shown(login=Login("gw", b"p")), Shown(names=("DNS:gw",))):
        assert it.identify(shown, NOW_S) == Caller(Role.GATEWAY, frozenset({"acme"}))
    for shown in (Shown(login=Login("op", b"p")), Shown(names=("email:op@x",))):
        assert it.identify(shown, NOW_S) == Caller(Role.OPERATOR, None)


def test_the_head_goes_before_the_certificate() -> None:
    """A known token is who asks, even where the certificate could do more; one of nobody leaves the certificate."""
    it = Identities(settings(operators=[{"certificateSAN": "DNS:op"}]), tenants(acme="main"))
    assert it.identify(Shown(token="acme", names=("DNS:op",)), NOW_S) == ACME
    assert it.identify(Shown(token="nobodys", names=("DNS:op",)), NOW_S) == Caller(Role.OPERATOR, None)


def test_a_credential_that_was_made_ends_when_its_status_says() -> None:
    """One with an end is known up to it and not at it; the newest, and those that the document names, have none."""
    made = (
        CallerStatus(tokenSHA256=sha256("old"), until="2023-11-14T22:13:20Z"),
        CallerStatus(tokenSHA256=sha256("new")),
    )
    it = of_acme({"tokenSHA256": sha256("named")}, made=made)
    assert it.identify(bearer("old"), 1_700_000_000.0 - 1) == ACME
    assert it.identify(bearer("old"), 1_700_000_000.0) is None
    assert [it.identify(bearer(token), 1_800_000_000.0) for token in ("new", "named")] == [ACME, ACME]


def test_nothing_shown_appears_where_it_is_printed() -> None:
    """A credential that lands in a message or a log by mistake shows no secret."""
    assert "secret" not in repr(Shown(token="secret", login=Login("user", b"secret")))
    assert KnownCaller("token:0") in known([]) | {KnownCaller("token:0")}


def test_an_end_that_is_no_date_has_been() -> None:
    """A credential whose status says the 31st of February is taken by nobody, and stops nothing else."""
    it = of_acme(
        {"tokenSHA256": sha256("t")}, made=(CallerStatus(tokenSHA256=sha256("o"), until="2026-02-31T00:00:00Z"),)
    )
    assert it.identify(bearer("o"), 0.0) is None
    assert it.identify(bearer("t"), 0.0) == ACME


def test_a_gateways_wakes_are_answered_as_its_settings_say() -> None:
    """Its caller carries the form; operators and tenants have the usual one."""
    wake = {"notReadyStatus": 429, "accelRedirect": ["@call"], "waitingPage": True}
    identities = Identities(
        with_gateways({"callers": [{"tokenSHA256": sha256("gw")}], "wake": wake}), tenants(acme="main")
    )
    found = identities.identify(bearer("gw"), NOW_S)
    assert found is not None
    assert found.wake_form == WakeForm(429, frozenset({"@call"}), has_page=True)
    tenant = identities.identify(bearer("acme"), NOW_S)
    assert tenant is not None
    assert tenant.wake_form == WakeForm()


def test_a_token_of_two_gateways_has_the_form_that_differs() -> None:
    """Of two forms the first in the settings that is not the usual counts, with the tenants of both."""
    callers = [{"tokenSHA256": sha256("gw")}]
    identities = Identities(
        with_gateways(
            {"match": {"job": "a"}, "tenants": ["acme"], "callers": callers},
            {"match": {"job": "b"}, "tenants": ["umbrella"], "callers": callers, "wake": {"notReadyStatus": 429}},
            {"match": {"job": "c"}, "tenants": ["globex"], "callers": callers, "wake": {"notReadyStatus": 502}},
        ),
        tenants(acme="main", umbrella="main", globex="main"),
    )
    expected = Caller(Role.GATEWAY, frozenset({"acme", "umbrella", "globex"}), wake_form=WakeForm(429))
    assert identities.identify(bearer("gw"), NOW_S) == expected


def test_a_gateways_form_stays_with_a_stronger_role() -> None:
    """A token that is a tenant's too may do what the tenant may, and its wakes are answered as the gateway wants."""
    gateway = {"callers": [{"tokenSHA256": sha256("acme")}], "wake": {"notReadyStatus": 429}}
    identities = Identities(with_gateways(gateway), tenants(acme="main"))
    expected = Caller(Role.TENANT, frozenset({"acme"}), wake_form=WakeForm(429))
    assert identities.identify(bearer("acme"), NOW_S) == expected
