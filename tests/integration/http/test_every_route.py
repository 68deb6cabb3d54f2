"""Every route of a real daemon over real sockets, asked by everybody: each caller sees its own tenant and nothing else."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import pytest

from autoscaler.core.events import Effect
from autoscaler.core.fleet import FunctionKey
from autoscaler.ports import KubernetesUser, Verb
from autoscaler.server.app import build, build_metrics
from autoscaler.server.run import Address, serve
from tests.integration.http.fakes import basic
from tests.integration.http.test_alerts import payload
from tests.unit.daemon.fakes import MemoryCluster, MemoryLoads
from tests.unit.daemon.rig import Rig, policy, rig, sha256, tenant
from tests.unit.daemon.test_reviewing import MemoryReviews

OWN, THEIRS, ABSENT, NOWHERE = "acme/a", "umbrella/b", "acme/none", "nowhere/b"
THEIR_WORDS = (b"umbrella", b'"b"', b"/b", b"u-thing")
"""What only the other tenant's documents, functions and alerts have."""

ALERTS = "  alerts: [{match: {alertname: Slow}, boost: {add: 1}, expires: 5m}]\n"
FILES = {
    "acme.yaml": tenant("acme").replace("callers: [", "callers: [{username: acme-ci, passwordSHA256: PASS}, "),
    "acme-policy.yaml": policy("acme", spec=ALERTS),
    "umbrella.yaml": tenant("umbrella"),
    "umbrella-policy.yaml": policy("umbrella", spec=ALERTS),
}
FILES["acme.yaml"] = FILES["acme.yaml"].replace("PASS", sha256("right"))

CALLERS: Mapping[str, Mapping[str, str]] = {
    "none": {},
    "wrong": {"Authorization": "Bearer nobodys"},
    "wrong login": {"Authorization": basic("acme-ci", b"wrong")},
    "acme": {"Authorization": "Bearer acme"},
    "acme login": {"Authorization": basic("acme-ci", b"right")},
    "umbrella": {"Authorization": "Bearer umbrella"},
    "gateway": {"Authorization": "Bearer gw-acme"},
    "operator": {"Authorization": "Bearer operator"},
    "jane": {"Authorization": "Bearer jane"},
}
"""By name; the gateway serves acme alone, and jane is one whom Kubernetes knows, with rights in namespace acme."""

NOBODY = ("none", "wrong", "wrong login")
OF_ACME = ("acme", "acme login")


@dataclass(frozen=True)
class Route:
    """A route, and what it answers.

    Attributes:
        own, theirs: status by caller for acme's function and umbrella's; for a route without a function `own` alone.
        is_open: everybody gets the same from it.
        body: what is sent.
    """

    method: str
    template: str
    own: Mapping[str, int] = field(default_factory=dict)
    theirs: Mapping[str, int] = field(default_factory=dict)
    is_open: bool = False
    body: object = None

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"

    def path(self, function: str = OWN) -> str:
        namespace, _, name = function.partition("/")
        path = self.template.replace("{namespace}", namespace).replace("{function}", name)
        return f"{path}?hold=0" if path.startswith("/v1/wake/") else path


ANY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""By which a wake may come that stands before a client's own path."""


def statuses(acme: int, umbrella: int, gateway: int, operator: int, jane: int) -> dict[str, int]:
    """Give the status that each caller gets; nobody gets anything but 401."""
    known = {"umbrella": umbrella, "gateway": gateway, "operator": operator, "jane": jane}
    return dict.fromkeys(NOBODY, 401) | dict.fromkeys(OF_ACME, acme) | known


SEEN = {"own": statuses(200, 404, 403, 200, 200), "theirs": statuses(404, 200, 403, 200, 403)}
WAKE = {"own": statuses(200, 404, 200, 200, 200), "theirs": statuses(404, 200, 404, 200, 403)}
LEFT_TO_NOBODY = {"own": statuses(409, 404, 403, 409, 409), "theirs": statuses(404, 409, 403, 409, 403)}
LISTS = statuses(200, 200, 403, 200, 403)
FINGERPRINTS = {"acme": "00c0ffee00c0ffee", "umbrella": "7468756d62000000", "nowhere": "72656e6465720000"}
ALERT = payload(
    *(
        {
            "status": "firing",
            "labels": {"alertname": "Slow", "namespace": namespace},
            "annotations": {},
            "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "",
            "fingerprint": fingerprint,
        }
        for namespace, fingerprint in FINGERPRINTS.items()
    )
)
FUNCTION = "/v1/functions/{namespace}/{function}"
ROUTES = (
    Route("POST", "/v1/alerts", own=statuses(200, 200, 403, 200, 403), body=ALERT),
    Route("POST", "/system/alert", own=statuses(200, 200, 403, 200, 403), body=ALERT),
    Route("GET", "/v1/wake/{namespace}/{function}", **WAKE),
    Route("HEAD", "/v1/wake/{namespace}/{function}", **WAKE),
    Route("POST", "/v1/wake/{namespace}/{function}", **WAKE),
    *(Route(method, "/v1/wake/{namespace}/{function}/{original}", theirs=WAKE["theirs"]) for method in ANY_METHOD),
    Route("GET", "/v1/functions", own=LISTS),
    Route("GET", FUNCTION, **SEEN),
    Route("GET", f"{FUNCTION}/policy", **SEEN),
    Route("POST", f"{FUNCTION}/take-up", **LEFT_TO_NOBODY),
    Route("GET", "/v1/tenants", own=LISTS),
    Route("GET", "/v1/decisions", own=LISTS),
    Route("GET", "/v1/status", own=LISTS),
    *(Route("GET", path, is_open=True) for path in ("/healthz", "/readyz", "/", "/app.js", "/style.css", "/icon.svg")),
)
OF_FUNCTIONS = [route for route in ROUTES if "{function}" in route.template]
LISTING = [route for route in ROUTES if route.own is LISTS]


@dataclass
class Site:
    """A running daemon with two tenants, and its listener."""

    rig: Rig
    address: Address
    session: aiohttp.ClientSession

    async def ask(self, route: Route, path: str, caller: str) -> tuple[int, dict[str, str], bytes]:
        """Give status, headers and body of an answer."""
        url = f"http://{self.address.host}:{self.address.port}{path}"
        more: dict[str, Any] = {"json": route.body} if route.body is not None else {}
        async with self.session.request(
            route.method, url, headers=CALLERS[caller], allow_redirects=False, **more
        ) as answer:
            headers = {name: value for name, value in answer.headers.items() if name != "Date"}
            return answer.status, headers, await answer.read()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    cluster, loads, reviews = MemoryCluster(), MemoryLoads(), MemoryReviews()
    for name in (OWN, THEIRS):
        loads.concurrency[cluster.add(name, 1)] = 25.0
    reviews.users = {"jane": KubernetesUser("jane", "1", ())}
    reviews.rights = {("jane", verb, "acme") for verb in Verb}
    gateway = {"profile": "openfaas", "tenants": ["acme"], "callers": [{"tokenSHA256": sha256("gw-acme")}]}
    sources = {"main": {"url": "http://prometheus", "gateways": [gateway]}}
    async with rig(cluster, files=FILES, loads=loads, reviews=reviews, sources=sources) as it:
        await it.ticks(2)
        app = build(it.daemon, it.clock)
        async with serve(app, "127.0.0.1:0") as address, aiohttp.ClientSession() as session:
            yield Site(it, address, session)


async def test_every_route_of_the_application_is_here(site: Site) -> None:
    """Whoever adds a route says here who may see what of it."""
    app = build(site.rig.daemon, site.rig.clock)
    added = {
        f"{route.method} {route.resource.canonical}" for route in app.router.routes() if route.resource is not None
    }
    also_head = {f"HEAD {name.removeprefix('GET ')}" for name in added if name.startswith("GET ")}
    known = {route.name for route in ROUTES}
    assert added - also_head - known == set()
    assert known - added == set()
    inside = {route.resource.canonical for route in build_metrics(site.rig.daemon).router.routes() if route.resource}
    assert inside == {"/metrics", "/healthz", "/readyz"}


@pytest.mark.parametrize("caller", CALLERS)
async def test_a_function_is_its_own_tenants(site: Site, caller: str) -> None:
    """On every route that names a function, each caller gets what its role may do with its own, and no more."""
    for route in OF_FUNCTIONS:
        for function, allowed in ((OWN, route.own), (THEIRS, route.theirs)):
            if "{original}" in route.template and allowed.get(caller, 200) == 200:
                continue  # what is the caller's own is held there, whatever the query says
            status, _, _ = await site.ask(route, route.path(function), caller)
            assert status == allowed[caller], (route.name, function)


@pytest.mark.parametrize("caller", [name for name in CALLERS if name not in ("operator", "umbrella")])
async def test_what_is_not_theirs_looks_like_what_is_not_there(site: Site, caller: str) -> None:
    """Status, headers and body are the same for a function of somebody else's and for one that does not exist."""
    for route in OF_FUNCTIONS:
        theirs = await site.ask(route, route.path(THEIRS), caller)
        nowhere = await site.ask(route, route.path(NOWHERE), caller)
        absent = await site.ask(route, route.path(ABSENT), caller)
        if caller == "jane":  # Kubernetes is asked by namespace: it says no to both alike, and names what was asked for
            assert theirs[0] == nowhere[0] == 403, route.name
            assert theirs[2] == nowhere[2].replace(b"nowhere", b"umbrella"), route.name
        else:
            assert theirs == nowhere == absent, route.name


@pytest.mark.parametrize("caller", CALLERS)
async def test_lists_hold_nothing_of_others(site: Site, caller: str) -> None:
    """Whatever is listed, and however it fails, nothing in it is another tenant's."""
    for route in LISTING:
        status, headers, body = await site.ask(route, route.path(), caller)
        assert status == route.own[caller], route.name
        if caller not in ("operator", "umbrella"):
            assert not [word for word in THEIR_WORDS if word in body], route.name
            assert "umbrella" not in str(headers)


@pytest.mark.parametrize("caller", OF_ACME)
@pytest.mark.parametrize(
    ("theirs", "nobodys"),
    [
        ("tenant=umbrella", "tenant=nobody"),
        ("namespace=umbrella", "namespace=nobody"),
        ("continue=umbrella/b", "continue=zzz/z"),
        ("continue=0.0/umbrella/b", "continue=0.0/zzz/z"),
        ("function=b", "function=zzz"),
        ("reason=POOL", "reason=BUDGET"),
    ],
)
async def test_asking_for_others_is_asking_for_nobody(site: Site, caller: str, theirs: str, nobodys: str) -> None:
    """A tenant, a namespace or a page of somebody else gives to the byte what one that does not exist gives."""
    for route in LISTING:
        one = await site.ask(route, f"{route.path()}?{theirs}", caller)
        other = await site.ask(route, f"{route.path()}?{nobodys}", caller)
        assert one == other, route.name
        assert not [word for word in THEIR_WORDS if word in one[2]], route.name


async def test_a_right_in_one_namespace_lists_that_one(site: Site) -> None:
    """jane lists acme's namespace alone; the other's and a made-up one are refused alike."""
    for route in LISTING:
        status, _, body = await site.ask(route, f"{route.path()}?namespace=acme", "jane")
        assert status == 200, route.name
        assert b"umbrella" not in body
        answers = [
            await site.ask(route, f"{route.path()}?namespace={name}", "jane") for name in ("umbrella", "nowhere")
        ]
        assert [status for status, _, _ in answers] == [403, 403], route.name


@pytest.mark.parametrize("caller", CALLERS)
async def test_alerts_reach_their_senders_functions_alone(site: Site, caller: str) -> None:
    """Of alerts for three namespaces a tenant's are those of its own; for others and for nobody's it hears the same."""
    (route,) = (route for route in ROUTES if route.template == "/v1/alerts")
    status, _, body = await site.ask(route, route.path(), caller)
    assert status == route.own[caller]
    receipt = orjson.loads(body)
    if caller in (*OF_ACME, "umbrella"):
        assert sum(receipt["dropped"].values()) + receipt["accepted"] == 3
        assert receipt["dropped"]["foreign-namespace"] == 2
        assert b"umbrella" not in body


@pytest.mark.parametrize("caller", CALLERS)
async def test_what_is_open_is_the_same_for_everybody(site: Site, caller: str) -> None:
    """The page and the probes hold no data, so they need no credential and tell none apart."""
    for route in ROUTES:
        if route.is_open:
            answer, anybodys = await site.ask(route, route.path(), caller), await site.ask(route, route.path(), "none")
            assert answer == anybodys
            assert answer[0] == 200
            assert b"umbrella" not in answer[2]


async def test_nobody_is_told_that_a_function_is_there(site: Site) -> None:
    """Without a credential every path answers as one that does not exist."""
    for route in OF_FUNCTIONS:
        for caller in NOBODY:
            answers = [await site.ask(route, route.path(function), caller) for function in (OWN, THEIRS, NOWHERE)]
            assert answers[0] == answers[1] == answers[2]
            assert answers[0][0] == 401


async def test_a_tenants_wake_moves_no_other(site: Site) -> None:
    """Refused wakes, take-ups and alerts of one tenant leave the other's function as it was."""
    before = site.rig.cluster.deployments[FunctionKey("umbrella", "b")].requested
    for route in ROUTES:
        if route.method == "POST":
            await site.ask(route, route.path(THEIRS) if route in OF_FUNCTIONS else route.path(), "acme")
    await site.rig.ticks(1)
    boosts = [boost for boost in site.rig.daemon.health().boosts if boost.effect is Effect.BOOST]
    assert {key for boost in boosts for key in boost.keys} == {FunctionKey("acme", "a")}
    assert site.rig.cluster.deployments[FunctionKey("umbrella", "b")].requested == before
