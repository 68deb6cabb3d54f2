"""`autoscaler run` with TLS of its own, as a process: files that change, break and are mended, and files that never were right."""

import asyncio
import json
import signal
from pathlib import Path

import aiohttp

from tests.integration.daemon.running import Running, run_command
from tests.integration.http.test_tls import NAMES
from tests.servers.certificates import Authority, replace
from tests.servers.process import PATIENCE


async def test_a_broken_renewal_is_said_and_the_old_certificate_goes_on(running: Running, tmp_path: Path) -> None:
    """Known by a certificate, an operator reads that the files cannot be used; metrics say it too, until they can again."""
    authority = Authority(tmp_path)
    served, client = authority.sign(*NAMES), authority.sign("email:ops@example.org", usage="clientAuth")
    files = {"certFile": tmp_path / "tls.crt", "keyFile": tmp_path / "tls.key"}
    served.put(files["certFile"], files["keyFile"])
    settings = json.loads(running.config.read_text())
    settings["tls"] = {name: str(path) for name, path in files.items()} | {"clientCAFile": str(authority.certificate)}
    settings["operators"].append({"certificateSAN": "email:ops@example.org"})
    running.config.write_text(json.dumps(settings))
    await running.start()
    options = ("--server", f"https://127.0.0.1:{running.port}", "--ca-file", str(authority.certificate), "--client-cert",
               str(client.certificate), "--client-key", str(client.key), "--output", "json")  # fmt: skip

    async def says(line: str) -> None:
        url = f"http://127.0.0.1:{running.metrics_port}/metrics"
        async with aiohttp.ClientSession() as session, asyncio.timeout(60 * PATIENCE):
            while True:
                async with session.get(url) as answer:
                    if f"\n{line}\n" in await answer.text():
                        return
                await asyncio.sleep(0.1)

    replace(files["certFile"], b"no certificate")
    await says("autoscaler_tls_up 0")
    broken = await run_command("status", *options)
    assert broken.returncode == 0, broken.stderr
    assert "tls.certFile" in broken.stdout
    next_pair = authority.sign(*NAMES)
    next_pair.put(files["certFile"], files["keyFile"])
    await says("autoscaler_tls_reloads_total 1")
    mended = await run_command("status", *options)
    assert mended.returncode == 0, mended.stderr
    assert "tls.certFile" not in mended.stdout
    assert await running.end(signal.SIGTERM) == 0
    assert "Traceback" not in running.server.tail(1 << 20)


async def test_files_that_cannot_be_used_at_the_start_end_it(running: Running, tmp_path: Path) -> None:
    """Exit code 2, with the field, the file and what is allowed."""
    settings = json.loads(running.config.read_text())
    settings["tls"] = {"certFile": str(tmp_path / "missing.crt"), "keyFile": str(tmp_path / "missing.key")}
    running.config.write_text(json.dumps(settings))
    result = await run_command("run", "--config", str(running.config))
    assert result.returncode == 2
    assert "tls.certFile" in result.stderr
    assert "allowed" in result.stderr
