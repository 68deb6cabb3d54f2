"""The Lease in memory keeps the contract of the real one."""

import pytest

from tests.contract.lease import LeaseContract, Stores
from tests.unit.daemon.leases import LeaseView, MemoryLease


class TestMemory(LeaseContract):
    """The contract in memory."""

    @pytest.fixture
    def lease_stores(self) -> Stores:
        lease = MemoryLease()
        return LeaseView(lease), LeaseView(lease)
