"""Addresses to listen on, as values."""

import pytest

from autoscaler.server.run import parse_address


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [("0.0.0.0:8080", "0.0.0.0", 8080), ("[::]:0", "::", 0), ("localhost:65535", "localhost", 65_535)],
)
def test_host_and_port_are_split(listen: str, host: str, port: int) -> None:
    """HOST:PORT and [IPv6]:PORT are read."""
    assert parse_address(listen) == (host, port)


@pytest.mark.parametrize(
    "listen", ["", "8080", ":8080", "host:", "host:x", "host:65536", "host:-1", "host:٣", "[]:80", "host:80 "]
)
def test_anything_else_is_refused(listen: str) -> None:
    """What is no address raises ValueError that says what is allowed."""
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse_address(listen)
