"""Connections to functions through their Services: does this node's traffic get there?"""

import asyncio
import socket

from autoscaler.ports import Reached

MOST_S = 1.0
"""Longest wait for an answer. A refusal takes microseconds, a connection a round trip; where packets are dropped, the
kernel would send its first one again after a second."""


async def reach(address: str, port: int, most_s: float = MOST_S) -> Reached:
    """Open a TCP connection and close it.

    Args:
        address: an IP address, of either family.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as opened:
            opened.setblocking(False)
            async with asyncio.timeout(most_s):
                await asyncio.get_running_loop().sock_connect(opened, (address, port))
    except ConnectionRefusedError:
        return Reached.REFUSED
    except OSError:  # TimeoutError is one too: no route yet, no answer, no file descriptor left
        return Reached.SILENT
    return Reached.REACHED
