"""One site for all gateways, which run side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import TypeVar

import pytest

from tests.cluster.wake.documents import GATEWAY_TOKEN, NAMESPACE
from tests.cluster.wake.gateways import GATEWAYS
from tests.cluster.wake.site import NEVER_S, Site, site
from tests.cluster.wake.traffic import Caller, session
from tests.servers.controlplane import ControlPlane
from tests.servers.process import wait_until
from tests.servers.wake_forms import WakingGateway, Wiring

Result = TypeVar("Result")

SLEEPERS = 3
"""Functions of each form that sleep, wake and go back to sleep."""


SLOW_START_S = 8.0
"""Start-up of functions whose callers outlive a daemon; their hold is 25 s."""


@pytest.fixture(scope="package")
def woken(pods: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site with all functions at zero: of each form some sleepers, and others for what goes wrong."""
    with site(pods, tmp_path_factory.mktemp("wake"), ("@function",)) as made:
        for one in GATEWAYS:
            for number in range(SLEEPERS):
                made.function(f"{one.name}-{number}")
            made.function(f"slow-{one.name}", SLOW_START_S)
            made.function(f"plain-{one.name}")
            made.function(f"lone-{one.name}")
            made.function(f"left-{one.name}", NEVER_S)
            made.function(f"few-{one.name}", NEVER_S)
            made.function(f"stuck-{one.name}", NEVER_S)
        wait_until(lambda: made.known(list(made.addresses)), "the daemon to know all functions", 60, 0.1)
        yield made


@pytest.fixture(scope="package")
def gateways(woken: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, WakingGateway]]:
    """Every form, running, by its name; each has routes to its own functions."""
    daemons = [one.address for one in woken.daemons]
    with ExitStack() as stack:
        running = {}
        for one in GATEWAYS:
            routes = {
                f"{NAMESPACE}/{name}": address
                for name, address in woken.addresses.items()
                if name.startswith(f"{one.name}-") or name.endswith(f"-{one.name}")
            }
            wiring = Wiring(tmp_path_factory.mktemp(one.name), daemons, GATEWAY_TOKEN, routes)
            running[one.name] = stack.enter_context(one.run(one.form, wiring))
        yield running


def each(
    gateways: Mapping[str, WakingGateway], part: str, call: Callable[[str, Caller], Awaitable[Result]]
) -> dict[str, Result]:
    """Call through all forms side by side; give what came of it by form.

    Args:
        part: of the test; ids of its requests begin with it.
        call: gets the form's name and a caller of its own.
    """

    async def one(name: str) -> Result:
        async with session() as http:
            return await call(name, Caller(gateways[name].url, f"{part}-{name}", http))

    async def all_of_them() -> list[Result]:
        return await asyncio.gather(*(one(name) for name in gateways))

    return dict(zip(gateways, asyncio.run(all_of_them()), strict=True))
