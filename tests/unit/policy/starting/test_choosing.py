"""Which gateways count, what they name, and what is there to scale."""

from collections.abc import Sequence

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.profiles import CATALOG
from autoscaler.policy.starting.choosing import choose
from autoscaler.policy.starting.questions import names, scrape_intervals, which_signs
from autoscaler.policy.starting.sighting import Sighting, best_reading
from autoscaler.policy.starting.targets import match_of, usual_interval
from autoscaler.policy.starting.words import label_commands, unsure_lines, zero_lines

SHOP = FunctionKey("shop", "thumbnail")
CART = FunctionKey("shop", "cart")
JOB = FunctionKey("team-a", "job")


def deployed(key: FunctionKey, **labels: str) -> Deployed:
    return Deployed(key, f"uid-{key}", labels, {})


def function(key: FunctionKey) -> Deployed:
    return deployed(key, faas_function=key.name)


def sighted(
    profile: str, series: Sequence[dict[str, str]], job: str = "gateway", interval_s: float | None = 15.0
) -> Sighting:
    return Sighting(CATALOG[profile], {"job": job}, True, interval_s, series)


def openfaas(*calls: str, job: str = "gateway") -> Sighting:
    return sighted("openfaas", [{"function_name": call} for call in calls], job)


def haproxy(*backends: str, job: str = "haproxy") -> Sighting:
    return sighted("haproxy", [{"proxy": backend} for backend in backends], job)


def test_what_calls_itself_a_function_is_listed_by_namespace() -> None:
    """Labelled Deployments are functions; others are not, and those of other namespaces are left out where asked."""
    there = [function(SHOP), function(JOB), deployed(CART)]
    found = choose([openfaas("thumbnail.shop")], there)
    assert found.functions == {"shop": ["thumbnail"], "team-a": ["job"]}
    assert found.silent == [JOB]
    assert choose([openfaas("thumbnail.shop")], there, {"shop"}).functions == {"shop": ["thumbnail"]}


def test_what_the_gateway_names_and_nobody_labelled_gets_a_command() -> None:
    """A Deployment in the gateway's series without a label is told with the command that labels it; one that says no is not."""
    said_no = Deployed(JOB, "uid", {"autoscaler.faas.dev/function": "false"}, {})
    found = choose([openfaas("thumbnail.shop", "cart.shop", "job.team-a")], [function(SHOP), deployed(CART), said_no])
    assert found.unlabelled == {"shop": ["cart"]}
    assert label_commands(found.unlabelled) == [
        "kubectl -n shop label deployment cart autoscaler.faas.dev/function=true"
    ]


def test_two_gateways_of_the_same_calls_count_once() -> None:
    """Of two that name the same function the one that names more counts, and the other is told with why."""
    found = choose(
        [haproxy("shop_thumbnail"), openfaas("thumbnail.shop", "cart.shop")], [function(SHOP), function(CART)]
    )
    assert [one.profile for one in found.gateways] == ["openfaas"]
    ((beside, why),) = found.beside
    assert beside.profile == "haproxy"
    assert "counts the same calls as openfaas" in why


def test_two_gateways_of_different_functions_both_count() -> None:
    """Each names functions that the other does not: both are written."""
    found = choose([haproxy("shop_thumbnail"), openfaas("job.team-a")], [function(SHOP), function(JOB)])
    assert {one.profile for one in found.gateways} == {"haproxy", "openfaas"}
    assert found.beside == []


def test_a_gateway_of_nothing_that_is_here_is_left_out() -> None:
    """Series that name no Deployment make no gateway where another one names some; alone it stays, for it is all there is."""
    found = choose([haproxy("stats"), openfaas("job.team-a")], [function(JOB)])
    assert [one.profile for one in found.gateways] == ["openfaas"]
    assert [one.profile for one in choose([haproxy("stats")], [function(JOB)]).gateways] == ["haproxy"]


def test_who_is_not_looked_at_is_no_stranger() -> None:
    """Where one namespace is looked at, names of others are not called such that have no Deployment."""
    gateway = openfaas("thumbnail.shop", "gone.shop", "job.team-a")
    (read,) = choose([gateway], [function(SHOP)], frozenset({"shop"})).gateways
    assert read.strangers == {"shop/gone"}
    (read,) = choose([gateway], [function(SHOP)]).gateways
    assert read.strangers == {"shop/gone", "team-a/job"}


def test_the_slowest_scrape_counts() -> None:
    """Of several intervals the longest is the source's; where one is not known, none is."""
    fast = sighted("openfaas", [{"function_name": "job.team-a"}], interval_s=5.0)
    slow = sighted("haproxy", [{"proxy": "shop_thumbnail"}], "haproxy", 30.0)
    there = [function(SHOP), function(JOB)]
    assert choose([fast, slow], there).interval_s == 30.0
    unknown = sighted("haproxy", [{"proxy": "shop_thumbnail"}], "haproxy", None)
    assert choose([fast, unknown], there).interval_s is None
    assert choose([], there).interval_s is None


@pytest.mark.parametrize(
    ("calls", "there", "default"),
    [
        (["thumbnail", "thumbnail.shop"], [SHOP, JOB], "shop"),
        (["job", "thumbnail"], [SHOP, CART, JOB, FunctionKey("team-a", "thumbnail")], "team-a"),
        (["job.team-a"], [JOB], None),
        (["job.team-a"], [JOB, FunctionKey("openfaas-fn", "other")], "openfaas-fn"),
    ],
)
def test_names_without_a_namespace(calls: list[str], there: list[FunctionKey], default: str | None) -> None:
    """OpenFaaS's default namespace is where most of the names without one are deployed, else its usual one if it is there."""
    read = best_reading(openfaas(*calls), there)
    assert read.fields.get("defaultNamespace") == default


def test_labels_with_and_without_exported() -> None:
    """A label that Prometheus renamed, or did not, is read as the daemon reads it, without a word in the settings."""
    plain = sighted("nginx", [{"namespace": "shop", "function": "thumbnail"}])
    renamed = sighted("nginx", [{"namespace": "gateways", "exported_namespace": "shop", "function": "thumbnail"}])
    for sighting in (plain, renamed):
        read = best_reading(sighting, [SHOP])
        assert (read.fields, read.functions) == ({}, {SHOP})


@pytest.mark.parametrize(
    ("backend", "names"),
    [
        ("shop_thumbnail", None),
        ("shop-thumbnail", "{namespace}-{function}"),
        ("thumbnail.shop", "{function}.{namespace}"),
    ],
)
def test_how_one_name_holds_both(backend: str, names: str | None) -> None:
    """A backend called otherwise than the profile expects is found by the usual ways, and the settings say which."""
    read = best_reading(haproxy(backend, "stats"), [SHOP, CART])
    assert (read.fields.get("names"), read.functions) == (names, {SHOP})


def test_pods_name_their_deployment() -> None:
    """Where a function's own pods are the targets, a pod's name tells its Deployment."""
    series = [{"namespace": "shop", "pod": "thumbnail-6d4cf56db6-x7x2p"}, {"namespace": "shop", "pod": "postgres-0"}]
    read = best_reading(sighted("of-watchdog", series), [SHOP, CART])
    assert read.functions == {SHOP}


def test_a_name_that_may_be_two_functions_is_neither() -> None:
    """A backend's name that two Deployments fit counts for none of them, and is told."""
    one, other = FunctionKey("a", "b-c-d"), FunctionKey("a-b", "c-d")
    read = best_reading(sighted("traefik", [{"exported_service": "a-b-c-d-80@kubernetes"}]), [one, other])
    assert read.functions == frozenset()
    assert read.ambiguous == {"a/b-c-d or a-b/c-d"}
    found = choose([read.sighting], [function(one), function(other)])
    assert any("a/b-c-d or a-b/c-d" in line for line in unsure_lines(found))


def test_the_fewest_labels_that_tell_targets_apart() -> None:
    """The job alone where it scrapes the gateway alone; else a label more; the namespace wherever all have one."""
    gateway = {"job": "gw", "instance": "10.0.0.1:8082", "pod": "gw-1"}
    assert match_of([gateway], []) == ({"job": "gw"}, True)
    pods = [{"job": "pods", "namespace": "openfaas", "app": "gateway", "instance": f"10.0.0.{n}:80"} for n in (1, 2)]
    others = [{"job": "pods", "namespace": "shop", "app": "web", "instance": "10.0.0.3:80"}]
    assert match_of(pods, others) == ({"job": "pods", "namespace": "openfaas"}, True)
    beside = [*others, {"job": "pods", "namespace": "openfaas", "app": "queue", "instance": "10.0.0.4:80"}]
    assert match_of(pods, beside) == ({"job": "pods", "namespace": "openfaas", "app": "gateway"}, True)
    alike = [{"job": "pods", "namespace": "openfaas", "app": "gateway", "instance": "10.0.0.5:80"}]
    match, is_apart = match_of(pods, alike)
    assert not is_apart
    assert match["app"] == "gateway"


@pytest.mark.parametrize(
    ("measured_s", "meant_s"),
    [(15.0, 15.0), (14.6, 15.0), (15.9, 15.0), (1.0, 1.0), (29.0, 30.0), (7.0, 7.0), (0.4, 1.0)],
)
def test_an_interval_is_what_people_set(measured_s: float, meant_s: float) -> None:
    """A measured interval near a usual one is that one; else it is whole seconds, one at least."""
    assert usual_interval(measured_s) == meant_s


def test_questions_quote_what_they_are_given() -> None:
    """A job or an instance with quotes and dots ends no text and means nothing else."""
    text = scrape_intervals({"job": 'a"b'}, ["10.0.0.1:80"])
    assert 'job="a\\"b"' in text
    assert 'instance=~"10\\\\.0\\\\.0\\\\.1:80"' in text
    assert 'handler="subroute"' in names(CATALOG["caddy"], {"job": "caddy"})
    assert all(gateway.signs[0] in which_signs() for gateway in CATALOG.values())


def test_who_wakes_functions_at_zero() -> None:
    """A gateway that has to be told how to wake is named where functions may go to zero; OpenFaaS's own does it itself."""
    there = [function(SHOP)]
    (line,) = zero_lines(choose([haproxy("shop_thumbnail")], there), 900.0)
    assert "haproxy" in line
    assert list(zero_lines(choose([haproxy("shop_thumbnail")], there), None)) == []
    assert list(zero_lines(choose([openfaas("thumbnail.shop")], there), 900.0)) == []
