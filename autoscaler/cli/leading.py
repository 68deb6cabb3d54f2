"""Wires this daemon's part in the election."""

import ipaddress
import os
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import numpy as np

from autoscaler.adapters import kubernetes
from autoscaler.adapters.kubernetes.lease import open_lease, own_namespace
from autoscaler.cli.errors import WrongConfiguration
from autoscaler.daemon.leadership import Election
from autoscaler.policy.settings import Settings
from autoscaler.policy.shards import Shard
from autoscaler.ports import Clock
from autoscaler.server.run import parse_address

_TRIES = 2
"""Questions that may hang one after another before a holder must stop writing."""


@asynccontextmanager
async def election(settings: Settings, clock: Clock, generator: np.random.Generator) -> AsyncIterator[Election | None]:
    """Open the Lease of the settings for the length of a block; None where they name none: this daemon is alone.

    Raises:
        WrongConfiguration: neither in-cluster files nor a kubeconfig can be used, or `listen` is no address.
    """
    asked = settings.leadership
    if asked is None:
        yield None
        return
    if settings.shard is not None:
        asked = asked.model_copy(update={"lease": Shard.parse(settings.shard).lease(asked.lease)})
    opening = open_lease(
        settings.kubernetes,
        asked.namespace or own_namespace(),
        asked.lease,
        timeout_s=min(settings.kubernetes.timeout, asked.renew_deadline / _TRIES),
        silence_s=asked.duration,
        utc=lambda: clock.now().utc_s,
    )
    async with AsyncExitStack() as stack:
        try:
            lease = await stack.enter_async_context(opening)
        except kubernetes.ConfigurationError as error:
            raise WrongConfiguration(f"kubernetes: {error}") from None
        yield Election(clock, lease, asked, identity(asked.identity), reachable_at(settings), generator)


def identity(name: str | None) -> str:
    """Name this process: two that were given one name, or one that starts again, must not be taken for each other."""
    return f"{name or socket.gethostname()}_{uuid.uuid4().hex[:12]}"


def reachable_at(settings: Settings) -> str:
    """Give where standbys reach the main listener: as the settings say, else where it is bound, else at the pod's.

    Raises:
        WrongConfiguration: `listen` is no address.
    """
    if settings.leadership is not None and settings.leadership.address is not None:
        return settings.leadership.address
    try:
        host, port = parse_address(settings.listen)
    except ValueError as error:
        raise WrongConfiguration(f"listen: {error}") from None
    if _is_everywhere(host):
        host = os.environ.get("POD_IP") or socket.gethostname()
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_everywhere(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
