"""A real Alertmanager beside the event loop: started, told and ended without holding it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from tests.integration.alertmanager.deciding import token
from tests.servers.alertmanager import Alertmanager, Mesh, configuration


def labels(function: str, alertname: str = "HighLatency", **more: str) -> dict[str, str]:
    """Give the labels of an alert about `namespace/function`."""
    namespace, _, name = function.partition("/")
    return {"alertname": alertname, "namespace": namespace, "function": name, **more}


def receiver(url: str, tenant: str = "acme", repeat_s: float = 3600.0, **more: object) -> str:
    """Give a configuration that notifies a daemon at this address in a tenant's name, a group for each namespace."""
    return configuration(f"{url}/v1/alerts", token(tenant), repeat_s=repeat_s, **more)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def notifying(folder: Path, config: str, mesh: Mesh | None = None) -> AsyncIterator[Alertmanager]:
    """Run an Alertmanager for the length of a block; the block may end it and begin it again."""
    folder.mkdir(exist_ok=True)
    alertmanager = Alertmanager(folder, config, mesh=mesh)
    try:
        await asyncio.to_thread(alertmanager.begin)
        yield alertmanager
    finally:
        await asyncio.to_thread(alertmanager.stop)


async def tell(alertmanager: Alertmanager, *alerts: Mapping[str, str], ends_in_s: float = 3600.0) -> None:
    """Tell it what fires, or with 0 what has ended."""
    await asyncio.to_thread(alertmanager.tell, *alerts, ends_in_s=ends_in_s)


async def killed(alertmanager: Alertmanager) -> None:
    """Kill it, so that it forgets what it has told, and begin it again."""
    await asyncio.to_thread(alertmanager.kill)
    await asyncio.to_thread(alertmanager.begin)


async def ended(alertmanager: Alertmanager) -> None:
    """End it in good order, and begin it again."""
    await asyncio.to_thread(alertmanager.stop)
    await asyncio.to_thread(alertmanager.begin)
