"""What a Lease must do for the election, whoever keeps it: memory, or the real API server.

A test module inherits from `LeaseContract` and gives the fixture `lease_stores`: two ways to the same Lease, which
is not there yet.
"""

import asyncio
from dataclasses import replace

import pytest

from autoscaler.ports import LeaseConflict, LeaseRecord, LeaseStore
from tests.servers.process import PATIENCE

FIRST = LeaseRecord("first_1", "10.0.0.1:8080", 8.0, 0)
Stores = tuple[LeaseStore, LeaseStore]


class LeaseContract:
    """The contract of `ports.LeaseStore`."""

    async def test_there_is_none_at_first(self, lease_stores: Stores) -> None:
        """A Lease that nobody made is None, not an empty record."""
        one, _ = lease_stores
        assert await one.read() is None

    async def test_what_is_written_is_read(self, lease_stores: Stores) -> None:
        """Holder, address, duration and transitions come back as they were, under a version, whoever reads."""
        one, other = lease_stores
        written = await one.write(FIRST)
        assert written.version != ""
        assert replace(written, version="") == FIRST
        assert await other.read() == written

    async def test_a_second_maker_conflicts(self, lease_stores: Stores) -> None:
        """Of two that make the Lease the later one is refused, and changes nothing."""
        one, other = lease_stores
        written = await one.write(FIRST)
        with pytest.raises(LeaseConflict):
            await other.write(replace(FIRST, holder="second_2"))
        assert await other.read() == written

    async def test_a_write_from_an_old_version_conflicts(self, lease_stores: Stores) -> None:
        """Who has not seen the last write is refused; who has is not."""
        one, other = lease_stores
        seen = await one.write(FIRST)
        renewed = await one.write(seen)
        assert renewed.version != seen.version
        with pytest.raises(LeaseConflict):
            await other.write(replace(seen, holder="second_2"))
        taken = await other.write(replace(renewed, holder="second_2", transitions=1))
        assert (taken.holder, taken.transitions) == ("second_2", 1)

    async def test_a_release_leaves_no_holder_and_no_address(self, lease_stores: Stores) -> None:
        """A released Lease is there, and names nobody."""
        one, other = lease_stores
        written = await one.write(FIRST)
        await one.write(replace(written, holder="", address="", duration_s=1.0))
        read = await other.read()
        assert read is not None
        assert (read.holder, read.address, read.duration_s) == ("", "", 1.0)

    async def test_who_follows_is_told_of_every_write(self, lease_stores: Stores) -> None:
        """A write, and a release after it, come to a follower in order, from the version on that it had."""
        one, other = lease_stores
        written = await one.write(FIRST)
        following = other.follow(await other.read())
        renewed = await one.write(written)
        async with asyncio.timeout(60 * PATIENCE):
            assert await anext(following) == renewed
            released = await one.write(replace(renewed, holder="", address=""))
            assert await anext(following) == released
        await following.aclose()  # type: ignore[attr-defined]  # an async generator, as every implementation is
