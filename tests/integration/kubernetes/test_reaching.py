"""Connections on loopback: who accepts is reached, who refuses is told from who does not answer."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from autoscaler.adapters.kubernetes.reaching import reach
from autoscaler.ports import Reached
from tests.servers.process import free_port

pytestmark = pytest.mark.server


@contextlib.contextmanager
def listening(address: str = "127.0.0.1", backlog: int = 16) -> Iterator[int]:
    """Give the port of a listener that accepts nothing by itself; its kernel does, as far as the backlog goes."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((address, 0))
        listener.listen(backlog)
        yield int(listener.getsockname()[1])


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_who_listens_is_reached(address: str) -> None:
    """A connection that is taken is enough; nothing is sent, and it is closed at once."""
    with listening(address) as port:
        assert await reach(address, port) is Reached.REACHED


async def test_nobody_there_refuses() -> None:
    """A port on which nobody listens is refused at once."""
    assert await reach("127.0.0.1", free_port()) is Reached.REFUSED


async def test_no_answer_is_silence() -> None:
    """Whose packets are dropped is silent: a listener whose backlog is full answers nothing."""
    with listening(backlog=0) as port, contextlib.ExitStack() as stack:
        for _ in range(3):
            filling = stack.enter_context(socket.socket())
            filling.setblocking(False)
            filling.connect_ex(("127.0.0.1", port))
        assert await reach("127.0.0.1", port, most_s=0.2) is Reached.SILENT
