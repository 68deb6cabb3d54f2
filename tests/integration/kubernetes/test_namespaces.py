"""Rights that end at a namespace: one watch for each, and one that is refused harms nobody else."""

from dataclasses import replace

import numpy as np
import pytest

from autoscaler.adapters.kubernetes import KubernetesCluster, connect
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import ScaleChange, ScaleOutcome
from tests.contract.cluster import find, requested, running, wait_for
from tests.integration.kubernetes.conftest import TIMES
from tests.integration.kubernetes.fakeapi import HANG, Answer, Asked, FakeApi, deployment, event, page

A, B = FunctionKey("a", "f"), FunctionKey("b", "f")
SOON = replace(TIMES, refused_s=0.1, forget_s=0.2)


@pytest.fixture(autouse=True)
def functions(api: FakeApi) -> None:
    """Each of two namespaces has a function."""
    for namespace in "ab":
        api.script(f"{namespace}/deployments", page([deployment("f", 5, namespace=namespace)], 5))


def forbid(api: FakeApi, namespace: str, kind: str = "deployments") -> None:
    """Let a kind be read in any namespace but this."""

    def is_forbidden(asked: Asked) -> bool:
        return asked.namespace == namespace and asked.kind == kind

    api.forbidden = is_forbidden


def allow(api: FakeApi) -> None:
    """Let everything be read."""

    def is_forbidden(asked: Asked) -> bool:
        return False

    api.forbidden = is_forbidden


def kinds(cluster: KubernetesCluster, namespace: str) -> set[str]:
    return {state.kind for state in cluster.watches() if state.namespace == namespace}


async def test_a_forbidden_namespace_harms_itself_alone(api: FakeApi, settings: KubernetesSettings) -> None:
    """Where one of two namespaces is forbidden, the other is known, fresh and written, and words name the first."""
    forbid(api, "a")
    async with running(settings, ["a", "b"], SOON) as cluster:
        assert (find(cluster, A), requested(cluster, B)) == (None, 1)
        assert cluster.age_s() < 20
        (problem,) = cluster.problems()
        assert problem.startswith('a: deployments cannot be read: 403: cannot list resource "deployments"')
        assert (await cluster.scale(ScaleChange(B, "uid-f", 1, 2))).outcome is ScaleOutcome.DONE


async def test_a_right_that_comes_later_is_taken_up(api: FakeApi, settings: KubernetesSettings) -> None:
    """Once a namespace may be read its functions are known, and no problem is left."""
    forbid(api, "a")
    async with running(settings, ["a", "b"], SOON) as cluster:
        assert find(cluster, A) is None
        allow(api)
        await wait_for(lambda: find(cluster, A), "the function")
        await wait_for(lambda: not cluster.problems(), "no problem left")


async def test_a_moment_of_refusals_is_waited_for(api: FakeApi, settings: KubernetesSettings) -> None:
    """An API server that refuses everything for a moment, as one that has just started does, is not believed."""
    refusals = [Answer(403, {"message": "not yet"})] * 2
    api.script("a/deployments", *refusals, page([deployment("f", 5, namespace="a")], 5))
    async with running(settings, ["a", "b"], replace(TIMES, refused_s=60.0)) as cluster:
        assert find(cluster, A)


async def test_a_namespace_that_stays_forbidden_is_let_go(api: FakeApi, settings: KubernetesSettings) -> None:
    """Functions of a namespace whose right is taken away and stays so are no longer decided on."""
    api.script("a/deployments", page([deployment("f", 5, namespace="a")], 5), watches=[[]])
    async with running(settings, ["a", "b"], SOON) as cluster:
        assert find(cluster, A)
        forbid(api, "a")
        await wait_for(lambda: not find(cluster, A), "its end")
        assert find(cluster, B)
        assert cluster.is_synced()
        assert cluster.age_s() < 20


async def test_everywhere_forbidden_lets_nothing_go(api: FakeApi, settings: KubernetesSettings) -> None:
    """Under rights on the whole cluster a refusal, however long, leaves what was known."""
    api.script("deployments", page([deployment("f", 5)], 5), watches=[[]])
    async with running(settings, times=SOON) as cluster:
        api.forbidden = lambda asked: True
        await wait_for(lambda: [one for one in cluster.problems() if "403" in one], "the refusal")
        await wait_for(lambda: cluster.age_s() > 5 * SOON.forget_s, "several tries")
        assert find(cluster, FunctionKey("ns", "f"))


async def test_namespaces_come_and_go(api: FakeApi, settings: KubernetesSettings) -> None:
    """A namespace that is added is read, one that is left out is forgotten and watched no more; all the while synced."""
    async with running(settings, ["a"], TIMES) as cluster:
        cluster.follow(["a", "b"])
        assert cluster.is_synced()
        assert cluster.age_s() < 20
        await wait_for(lambda: find(cluster, B), "the added namespace")
        cluster.follow(["b"])
        assert (find(cluster, A), kinds(cluster, "a")) == (None, set())
        assert find(cluster, B)
        cluster.follow(["b", "a"])
        await wait_for(lambda: find(cluster, A), "the namespace that is back")
    assert len([asked for asked in api.lists if asked.namespace == "b"]) == 1


async def test_a_namespace_that_is_left_says_nothing_more(api: FakeApi, settings: KubernetesSettings) -> None:
    """What was on its way from a namespace that is left out changes nothing."""
    api.script("a/deployments", page([], 5), watches=[[event("ADDED", deployment("f", 6, namespace="a")), HANG]])
    async with running(settings, ["a", "b"], TIMES) as cluster:
        cluster.follow(["b"])
        await wait_for(lambda: kinds(cluster, "b") == kinds(cluster, "b") | {"services"}, "the rest of b")
        assert find(cluster, A) is None


async def test_nothing_is_known_before_the_namespaces_are(api: FakeApi, settings: KubernetesSettings) -> None:
    """With scope namespaces nothing is asked and nothing is synced before the first call; none at all is whole."""
    by_namespaces = settings.model_copy(update={"scope": "namespaces"})
    async with running(by_namespaces, None, TIMES, is_synced=False) as cluster:
        assert not cluster.is_synced()
        cluster.follow([])
        assert cluster.is_synced()
        assert cluster.age_s() == 0.0
    assert api.asked == []


async def test_a_whole_cluster_stays_whole(api: FakeApi, settings: KubernetesSettings) -> None:
    """With scope cluster the tenants' namespaces change nothing about what is watched."""
    async with running(settings, None, TIMES) as cluster:
        cluster.follow(["a"])
        assert {state.namespace for state in cluster.watches()} == {None}


async def test_five_hundred_namespaces_are_watched(settings: KubernetesSettings) -> None:
    """Of 502 namespaces the first 500 by name are watched, and words name the first that is not."""
    async with connect(settings, np.random.default_rng(1), [f"n-{number:03}" for number in range(502)]) as cluster:
        watched = {state.namespace for state in cluster.watches()}
        assert (len(watched), max(name for name in watched if name)) == (500, "n-499")
        (problem,) = cluster.problems()
        assert problem.startswith("n-500 and 1 namespaces after it are not decided on")
        cluster.follow(["n-001"])
        assert list(cluster.problems()) == []


async def test_many_namespaces_start_gently(api: FakeApi, settings: KubernetesSettings) -> None:
    """However many namespaces there are, eight lists are asked for at once, and writes do not wait behind them."""
    api.script("horizontalpodautoscalers", Answer(is_hanging=True))
    async with running(settings, [f"n-{number}" for number in range(40)], TIMES, is_synced=False) as cluster:
        await wait_for(lambda: len(api.asked) == 8, "eight lists")
        assert (await cluster.scale(ScaleChange(A, "uid-f", 1, 2))).outcome is ScaleOutcome.DONE
        assert len(api.listed("horizontalpodautoscalers")) == 8


async def test_rivals_are_known_first(api: FakeApi, settings: KubernetesSettings) -> None:
    """HorizontalPodAutoscalers are listed before the Deployments they scale, and these before everything else."""
    async with running(settings, None, TIMES):
        await wait_for(lambda: len(api.asked) == 10, "a list and a watch of every kind")
    order = list(dict.fromkeys(asked.kind for asked in api.asked if not asked.is_watch))
    assert order[:2] == ["horizontalpodautoscalers", "deployments"]
    assert set(order[2:]) == {"pods", "services", "endpointslices"}


@pytest.mark.parametrize("answer", [Answer(403, {"message": "no"}), Answer(404, {}), Answer(500, {})], ids=str)
async def test_rivals_that_cannot_be_read_delay_nothing(
    api: FakeApi, settings: KubernetesSettings, answer: Answer
) -> None:
    """Without HorizontalPodAutoscalers, Deployments are known all the same, and one problem says what follows."""
    api.script("horizontalpodautoscalers", answer)
    async with running(settings, ["a", "b"], TIMES) as cluster:
        assert find(cluster, A)
        (problem,) = cluster.problems()
        assert "horizontalpodautoscalers cannot be read" in problem
        assert "only found by its writes" in problem


async def test_progress_is_told_while_listing(api: FakeApi, settings: KubernetesSettings) -> None:
    """While a list comes in pages the state of its watch counts the objects so far."""
    first = page([deployment(name, 5) for name in "abc"], 5, "more")
    api.script("deployments", first, Answer(is_hanging=True))
    async with running(settings, times=TIMES, is_synced=False) as cluster:
        await wait_for(lambda: cluster.watches()[0].listed == 3, "three objects")
        state = cluster.watches()[0]
        assert (state.kind, state.is_needed, state.is_synced, state.problem) == ("deployments", True, False, None)
