"""`autoscaler run` as a process over real sockets: the loop, signals, death and return."""

import asyncio
import json
import signal
from typing import Any

import aiohttp

from tests.integration.daemon.running import BUSY, DATABASE, OPERATOR, SLEEPY, TENANT, Running, run_command, until
from tests.servers.process import PATIENCE


async def test_it_follows_the_load_and_says_why(running: Running) -> None:
    """22 requests/s at 5 a replica become five replicas; `status` and `explain` tell the tenant; the database stays."""
    await running.start()
    await until(lambda: running.replicas(BUSY) == 5, "five replicas")
    status = await run_command("status", "--server", running.url, "--output", "json", AUTOSCALER_TOKEN=TENANT)
    assert status.returncode == 0, status.stderr
    document = json.loads(status.stdout)
    assert [row["tenant"] for row in document["tenants"]] == ["acme"]
    assert {row["function"] for row in document["functions"]} == {"busy", "sleepy"}
    explain = await run_command("explain", "acme/busy", "--server", running.url, AUTOSCALER_TOKEN=TENANT)
    assert explain.returncode == 0, explain.stderr
    assert "1 → 5" in explain.stdout
    assert "DEMAND" in explain.stdout
    table = await run_command("status", "--server", running.url, "--token", OPERATOR)
    assert table.returncode == 0, table.stderr
    assert "acme/busy" in table.stdout
    assert running.replicas(DATABASE) == 1


async def test_a_call_through_the_gateway_wakes(running: Running) -> None:
    """A request for a function at zero is held by the gateway's wake until its replica serves."""
    await running.start()
    address = f"{running.twin.gateway_url}/function/sleepy.acme"
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        assert answer.status == 200
    assert running.replicas(SLEEPY) == 1
    (wake,) = (await explained(running, "acme/sleepy", "--output", "json"))["wakes"]
    assert (wake["state"], wake["requests"], wake["served"], wake["writes"]) == ("ready", 1, 1, 1)
    assert 0 < wake["sent_s"] <= wake["ready_s"] <= wake["ended_s"]
    told = await run_command("explain", "acme/sleepy", "--server", running.url, AUTOSCALER_TOKEN=TENANT)
    assert wake["sentence"] in told.stdout
    async with aiohttp.ClientSession() as session, session.get(running.metrics_url) as answer:
        assert 'autoscaler_wake_patch_to_ready_seconds_count{tenant="acme"} 1\n' in await answer.text()


async def explained(running: Running, *arguments: str) -> Any:
    """Give what `explain` prints, for the tenant, as JSON."""
    outcome = await run_command("explain", *arguments, "--server", running.url, AUTOSCALER_TOKEN=TENANT)
    assert outcome.returncode == 0, outcome.stderr
    return json.loads(outcome.stdout)


async def test_a_term_signal_ends_it_cleanly(running: Running) -> None:
    """SIGTERM ends the process with 0, its workers with it, and no traceback in the log."""
    await running.start()
    assert await running.end(signal.SIGTERM) == 0
    assert "Traceback" not in running.server.tail(1 << 20)
    assert [line["event"] for line in running.lines()].count("listening") == 1


async def test_killed_and_restarted_it_changes_nothing(running: Running) -> None:
    """After kill -9 and a restart under constant load no write is made."""
    await running.start()
    await until(lambda: running.replicas(BUSY) == 5, "five replicas")
    await running.end(signal.SIGKILL)
    seen: list[int] = []
    running.twin.deployments.subscribe(lambda kind, changed: seen.append(running.replicas(BUSY)))
    await running.start()
    await running.ticks(12)  # 6 s, longer than the stable window: what could go wrong would have
    assert set(seen) <= {5}
    assert running.replicas(BUSY) == 5


async def test_dry_run_writes_nothing(running: Running) -> None:
    """With --dry-run the decision is logged and no replica changes."""
    running.server.command.append("--dry-run")
    await running.start()
    await until(lambda: [line for line in running.lines() if line["event"] == "decision"], "a decision in the log")
    assert running.replicas(BUSY) == 1
    status = await run_command("status", "--server", running.url, "--token", OPERATOR, "--output", "json")
    assert json.loads(status.stdout)["status"]["dry_run"] is True


async def test_policies_are_reloaded_and_a_broken_one_is_named(running: Running) -> None:
    """A changed file is in force without a restart; a typo in it is a problem in the status, and changes nothing."""
    await running.start()
    await until(lambda: running.replicas(BUSY) == 5, "five replicas")
    policies = running.config.parent / "policies" / "acme.yaml"
    good = policies.read_text() + "  replicas: {min: 7}\n"
    policies.write_text(good)
    await until(lambda: running.replicas(BUSY) == 7, "the new minimum")
    policies.write_text(good.replace("min: 7", "minn: 2"))
    async with asyncio.timeout(30 * PATIENCE):
        while not any("minn" in problem for problem in (await running.status())["problems"]):
            await asyncio.sleep(0.1)
    assert running.replicas(BUSY) == 7
