"""What each answer to a scale write means, over a real connection."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from autoscaler.adapters.kubernetes import ConfigurationError
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import ScaleChange, ScaleOutcome
from tests.contract.cluster import requested, running, wait_for
from tests.integration.kubernetes.conftest import TIMES, write_kubeconfig
from tests.integration.kubernetes.fakeapi import Answer, FakeApi, deployment, page, refusal, scale_answer

F = FunctionKey("ns", "f")
CHANGE = ScaleChange(F, "uid-f", 2, 5)
LOST = Answer(422, refusal(422, "the server rejected our request due to an error in our request"))


@pytest.fixture(autouse=True)
def one_function(api: FakeApi) -> None:
    api.pages[0] = page([deployment("f", 5, replicas=2)], 5)


async def test_the_request_is_a_compare_and_set(api: FakeApi, settings: KubernetesSettings) -> None:
    """One PATCH goes to the scale: a JSON Patch that tests uid and count, under our field manager's name."""
    async with running(settings, times=TIMES) as cluster:
        assert (await cluster.scale(CHANGE)).outcome is ScaleOutcome.DONE
        assert requested(cluster, F) == 5
    (asked,) = api.scaled
    assert (asked.method, asked.path) == ("PATCH", "/apis/apps/v1/namespaces/ns/deployments/f/scale")
    assert asked.query == {"fieldManager": "autoscaler"}
    assert asked.headers["Content-Type"] == "application/json-patch+json"
    assert asked.headers["Authorization"] == "Bearer first"
    assert asked.body == [
        {"op": "test", "path": "/metadata/uid", "value": "uid-f"},
        {"op": "test", "path": "/spec/replicas", "value": 2},
        {"op": "add", "path": "/spec/replicas", "value": 5},
    ]


async def test_zero_is_tested_as_absent(api: FakeApi, settings: KubernetesSettings) -> None:
    """A write from zero tests for null, which is how an absent count reads."""
    async with running(settings, times=TIMES) as cluster:
        await cluster.scale(replace(CHANGE, old=0))
    assert api.scaled[0].body[1]["value"] is None


@pytest.mark.parametrize(
    ("answer", "outcome", "retry_after_s"),
    [
        (Answer(429, refusal(429), {"Retry-After": "7"}), ScaleOutcome.RETRY, 7.0),
        (Answer(429, refusal(429), {"Retry-After": "soon"}), ScaleOutcome.RETRY, None),
        (Answer(503, refusal(503)), ScaleOutcome.RETRY, None),
        (Answer(500, refusal(500)), ScaleOutcome.RETRY, None),
        (Answer(401, refusal(401)), ScaleOutcome.RETRY, None),
        (Answer(is_hanging=True), ScaleOutcome.RETRY, None),
        (Answer(403, refusal(403)), ScaleOutcome.FORBIDDEN, None),
        (Answer(404, refusal(404)), ScaleOutcome.GONE, None),
        (Answer(409, refusal(409)), ScaleOutcome.LOST, None),
        (Answer(422, refusal(422, details={"causes": [{"field": "spec.replicas"}]})), ScaleOutcome.INVALID, None),
        (Answer(400, refusal(400)), ScaleOutcome.INVALID, None),
    ],
)
async def test_each_answer_has_its_outcome(
    api: FakeApi, settings: KubernetesSettings, answer: Answer, outcome: ScaleOutcome, retry_after_s: float | None
) -> None:
    """Every refusal, and silence, becomes the outcome that tells the caller what to do, with words."""
    api.scales.append(answer)
    async with running(settings, times=replace(TIMES, request_s=0.5)) as cluster:
        result = await cluster.scale(CHANGE)
    assert (result.outcome, result.retry_after_s) == (outcome, retry_after_s)
    assert result.message


async def test_no_connection_means_later(api: FakeApi, settings: KubernetesSettings) -> None:
    """A write while nothing listens is to be tried later."""
    async with running(settings, times=TIMES) as cluster:
        await api.stop()
        assert (await cluster.scale(CHANGE)).outcome is ScaleOutcome.RETRY
        assert requested(cluster, F) == 2


async def test_a_lost_write_reads_again(api: FakeApi, settings: KubernetesSettings) -> None:
    """After a lost write the cache holds the count that is there, though the watch has not told it."""
    api.scales.extend([LOST, scale_answer(F, 9, 77)])
    async with running(settings, times=TIMES) as cluster:
        assert (await cluster.scale(CHANGE)).outcome is ScaleOutcome.LOST
        assert requested(cluster, F) == 9
    assert [asked.method for asked in api.scaled] == ["PATCH", "GET"]


async def test_a_write_that_was_done_before_is_done(api: FakeApi, settings: KubernetesSettings) -> None:
    """A retry that is lost because the first try was applied, though its answer never came, counts as done."""
    api.scales.extend([Answer(is_hanging=True), LOST, scale_answer(F, CHANGE.new, 77)])
    async with running(settings, times=replace(TIMES, request_s=0.5)) as cluster:
        assert (await cluster.scale(CHANGE)).outcome is ScaleOutcome.RETRY
        assert (await cluster.scale(CHANGE)).outcome is ScaleOutcome.DONE
        assert requested(cluster, F) == CHANGE.new


@pytest.mark.parametrize(("status", "is_throttled"), [(429, True), (500, False), (503, False), (401, False)])
async def test_only_429_is_about_how_much_is_asked(
    api: FakeApi, settings: KubernetesSettings, status: int, is_throttled: bool
) -> None:
    """Errors of the server may name a wait too; only a 429 says that this client asks too much."""
    api.scales.append(Answer(status, refusal(status), {"Retry-After": "1"}))
    async with running(settings, times=TIMES) as cluster:
        assert (await cluster.scale(CHANGE)).is_throttled is is_throttled


async def test_a_lost_write_reads_nothing_that_is_known(api: FakeApi, settings: KubernetesSettings) -> None:
    """A lost write from a count that the cache no longer has costs no second request."""
    api.scales.append(LOST)
    async with running(settings, times=TIMES) as cluster:
        assert (await cluster.scale(replace(CHANGE, old=1))).outcome is ScaleOutcome.LOST
    assert len(api.scaled) == 1


async def test_open_watches_leave_room_for_writes(api: FakeApi, settings: KubernetesSettings) -> None:
    """With 120 watches open, more than one client's connections, a write still goes through."""
    names = [f"ns-{number}" for number in range(120)]
    async with running(settings, names, TIMES) as cluster:
        await wait_for(lambda: len(api.watched) == 120, "all watches")
        assert (await cluster.scale(CHANGE)).outcome is ScaleOutcome.DONE


async def test_a_rotated_token_is_read_again(api: FakeApi, tmp_path: Path) -> None:
    """When the API server no longer takes the token, the token's file is read again and the next write succeeds."""
    token = tmp_path / "token"
    token.write_text("first")
    path = write_kubeconfig(tmp_path / "rotating", api.url, tokenFile=str(token))
    async with running(KubernetesSettings(kubeconfig=str(path)), times=TIMES) as cluster:
        token.write_text("second")
        api.allows = lambda asked: asked.headers["Authorization"] == "Bearer second"
        assert (await cluster.scale(CHANGE)).outcome is ScaleOutcome.RETRY
        assert (await cluster.scale(CHANGE)).outcome is ScaleOutcome.DONE


@pytest.mark.parametrize("text", [None, "", "- list", "{}", "clusters: [", '{"current-context": "x", "contexts": []}'])
async def test_a_bad_kubeconfig_is_said(tmp_path: Path, text: str | None) -> None:
    """A kubeconfig that is missing or malformed is an error that names the file."""
    path = tmp_path / "kubeconfig"
    if text is not None:
        await asyncio.to_thread(path.write_text, text)
    with pytest.raises(ConfigurationError, match=str(path)):
        async with running(KubernetesSettings(kubeconfig=str(path))):
            pass


async def test_an_unusable_service_account_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside a cluster without a service account's files the error names the service account."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.delenv("KUBERNETES_SERVICE_PORT", raising=False)
    with pytest.raises(ConfigurationError, match="service account"):
        async with running(KubernetesSettings()):
            pass


async def test_a_proxy_of_the_environment_is_used(
    api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the environment names a proxy and does not exempt the server, requests go through it."""
    monkeypatch.setenv("http_proxy", api.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    path = write_kubeconfig(tmp_path / "far", "http://kubernetes.invalid")
    async with running(KubernetesSettings(kubeconfig=str(path)), times=TIMES) as cluster:
        assert requested(cluster, F) == 2
    assert {asked.headers["Host"] for asked in api.asked} == {"kubernetes.invalid"}
