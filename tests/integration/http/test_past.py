"""`at` and `last`: the decision log over the API, each caller only its own tenant."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from autoscaler.adapters.decision_log import DecisionLog, FileArchive
from autoscaler.core.controller import Controller
from autoscaler.core.journal.step import Step
from autoscaler.core.now import Now
from autoscaler.policy.provenance import NOWHERE
from autoscaler.policy.settings import DecisionLogSettings
from autoscaler.server.app import build, build_metrics
from autoscaler.server.run import serve
from tests.integration.http.fakes import ACME, GATEWAY, OPERATOR, UMBRELLA, FakeAutoscaling, HandClock
from tests.unit.core.fleets import make_fleet, observe

PATH = "/v1/functions/acme/thumbnail"
NOW = Now(1_000.0, 1_700_000_000.0)


class Asking:
    """A server with a decision log of the last ten minutes, and a client of it."""

    def __init__(self, session: aiohttp.ClientSession, url: str, metrics_url: str) -> None:
        self._session = session
        self._url = url
        self.metrics_url = metrics_url

    async def read(self, path: str, token: str = ACME, status: int = 200) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        async with self._session.get(self._url + path, headers=headers) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()

    async def metrics(self) -> str:
        async with self._session.get(f"{self.metrics_url}/metrics") as answer:
            return await answer.text()


def write_log(folder: Path) -> DecisionLog:
    """Write ten minutes of ticks of 10 s: the load doubles five minutes ago; replicas follow."""
    log = DecisionLog(str(folder), DecisionLogSettings.model_validate({"flush": "0s"}), None, tell=print)
    log.start()
    fleet = make_fleet([("acme", "thumbnail", {"target_rps": 10.0}), ("umbrella", "render", {"target_rps": 10.0})])
    controller, replicas = Controller(None), 4.0
    for number in range(60):
        ago_s = 600.0 - 10.0 * number
        now = Now(NOW.monotonic_s - ago_s, NOW.utc_s - ago_s)
        seen = observe(fleet, replicas, rps=40.0 if ago_s > 300 else 80.0)
        decisions = controller.step(now, seen, ())
        log.take_step(Step(now, seen, (), decisions), NOWHERE)
        replicas = float(decisions.desired[0])
    log.close()
    return log


@pytest.fixture
async def asking(tmp_path: Path) -> AsyncIterator[Asking]:
    service, clock = FakeAutoscaling(), HandClock()
    archive = FileArchive(write_log(tmp_path), str(tmp_path))
    main, metrics = build(service, clock, archive=archive), build_metrics(service, archive=archive)
    async with (
        serve(main, "127.0.0.1:0") as address,
        serve(metrics, "127.0.0.1:0") as metrics_at,
        aiohttp.ClientSession() as session,
    ):
        urls = (f"http://{one.host}:{one.port}" for one in (address, metrics_at))
        yield Asking(session, *urls)


async def test_the_decision_of_a_moment(asking: Asking) -> None:
    """`at` gives the decision that held then, with its stages and words, whichever way the time is written."""
    before = (await asking.read(f"{PATH}?at=7m%20ago"))["decision"]
    after = (await asking.read(f"{PATH}?at=2023-11-14T22:13:00Z"))["decision"]
    assert (before["desired"], before["reason"]) == (4, "DEMAND")
    assert after["desired"] == 8
    assert before["decided_ago_s"] == 420.0
    assert before["sentences"]
    assert len(before["stages"]) == 8


async def test_the_changes_of_a_stretch(asking: Asking) -> None:
    """`last` gives what was to change within it, oldest first, each once, and says from where on the log was read."""
    found = await asking.read(f"{PATH}?last=9m")
    assert [(one["requested"], one["desired"]) for one in found["decisions"]] == [(4, 8)]
    assert found["decisions"][0]["decided_ago_s"] == 300.0
    assert (found["is_whole"], found["lost_steps"]) == (True, 0)
    assert found["read_from_utc_s"] == found["since_utc_s"] == NOW.utc_s - 540.0
    longer = await asking.read(f"{PATH}?last=24h")
    assert longer["read_from_utc_s"] == NOW.utc_s - 600.0
    assert (await asking.read(f"{PATH}?last=1m"))["decisions"] == []


async def test_a_time_before_the_log_is_no_missing_function(asking: Asking) -> None:
    """Where the log does not reach back so far, it is the log that is named, not the function."""
    error = (await asking.read(f"{PATH}?at=11m%20ago", status=404))["error"]
    assert "decision log" in error["what"]
    assert "query" in error["where"]


async def test_nobody_reads_anothers_past(asking: Asking) -> None:
    """A function of another tenant has no past for this caller, exactly as one that never was."""
    foreign = await asking.read(f"{PATH}?at=1m%20ago", UMBRELLA, status=404)
    missing = await asking.read("/v1/functions/acme/never?at=1m%20ago", ACME, status=404)
    assert foreign == missing
    foreign = await asking.read(f"{PATH}?last=9m", UMBRELLA, status=404)
    missing = await asking.read("/v1/functions/acme/never?last=9m", ACME, status=404)
    assert foreign == missing
    assert len((await asking.read(f"{PATH}?last=9m", OPERATOR))["decisions"]) == 1
    await asking.read(f"{PATH}?last=9m", GATEWAY, status=403)


@pytest.mark.parametrize(
    ("query", "where"),
    [("at=noon", "query at"), ("at=2999-01-01T00:00:00Z", "query at"), ("last=ever", "query last"), ("last=1h&at=1h%20ago", "query at, last"), ("since=1h", "query")],
)  # fmt: skip
async def test_a_question_that_is_none_is_refused(asking: Asking, query: str, where: str) -> None:
    """What is no time, no stretch, two questions at once or an unknown one gets 400 with what is allowed."""
    error = (await asking.read(f"{PATH}?{query}", status=400))["error"]
    assert error["where"] == where
    assert error["allowed"]


async def test_how_the_log_fares_is_said(asking: Asking) -> None:
    """Status (an operator's alone) and metrics tell steps, losses and size."""
    log = (await asking.read("/v1/status", OPERATOR))["decision_log"]
    assert (log["steps"], log["lost_steps"], log["files"], log["error"]) == (60, 0, 1, None)
    assert (await asking.read("/v1/status", ACME))["decision_log"] is None
    text = await asking.metrics()
    assert "autoscaler_decision_log_steps_total 60" in text
    assert "autoscaler_decision_log_up 1" in text


async def test_a_log_that_cannot_be_read_is_said(asking: Asking, tmp_path: Path) -> None:
    """Where its folder is away the question is answered with 503, and everything else goes on."""
    tmp_path.rename(tmp_path.with_name("away"))
    error = (await asking.read(f"{PATH}?last=9m", status=503))["error"]
    assert "cannot be read" in error["what"]


async def test_without_a_log_there_is_no_past() -> None:
    """A daemon that keeps no log says so, and with which setting it would."""
    async with (
        serve(build(FakeAutoscaling(), HandClock()), "127.0.0.1:0") as address,
        aiohttp.ClientSession() as session,
    ):
        asking = Asking(session, f"http://{address.host}:{address.port}", "")
        error = (await asking.read(f"{PATH}?at=1m%20ago", status=404))["error"]
        assert "decisionLog.path" in error["allowed"]
        assert (await asking.read("/v1/status", OPERATOR))["decision_log"] is None
