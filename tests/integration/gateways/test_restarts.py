"""Gateways, and what counts for them, that start anew while functions are called: what is read is never too low a value."""

import pytest

from tests.integration.gateways.calling import Steady
from tests.integration.gateways.standing import KINDS, LOGS, Row, Standing, functions, reading

pytestmark = pytest.mark.server


async def test_restarts_in_the_middle_of_load(stand: Standing) -> None:
    """A replica of each gateway, then the mtail of each: lower bounds where counters began anew, never a zero."""
    names = [name for kind in KINDS for name in functions(kind)]
    by_log = [name for kind in LOGS for name in functions(kind)]

    def all_covered(now: Row) -> bool:
        return all(now[name].is_covered and now[name].rps for name in names)

    async with reading(stand) as readers:
        with Steady(stand.ways()):
            await readers.until(all_covered, "every function to be called for a whole range")

            for kind in KINDS:
                stand.gateways[kind][0].restart()
            haproxy = await readers.until(lambda now: not now[functions("haproxy")[0]].is_covered, "HAProxy's restart")
            since_haproxy = await readers.until(all_covered, "a whole range since HAProxy's restart")

            for kind in LOGS:
                stand.gateways[kind][0].mtail.restart()
            mtail = await readers.until(lambda now: not any(now[one].is_covered for one in by_log), "mtail's restarts")
            since_mtail = await readers.until(all_covered, "a whole range since mtail's restarts")
    for seen in (*haproxy, *since_haproxy, *mtail, *since_mtail):
        for now in seen:
            assert [one for one in names if now[one].is_idle or (now[one].is_covered and not now[one].rps)] == []
