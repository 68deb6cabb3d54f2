"""A network namespace of its own for tests whose pods have addresses: `python -m tests.servers.netns COMMAND…`.

Pods may not live on loopback addresses (the EndpointSlice controller refuses those), so the command runs
where 10.244.0.0/16 and 10.96.0.0/16 belong to the machine itself: every address of them can be bound and
reached, and nothing leaves. Needs root, or a kernel that lets users make namespaces; no other program.
"""

import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

MARK = "AUTOSCALER_TEST_NAMESPACE"
"""Environment variable that is set inside."""

HOW = "python -m tests.servers.netns python -m pytest tests/cluster"
"""The command that runs what needs pods."""

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS = 0x8914
_SIOCSIFADDR = 0x8916
_SIOCSIFNETMASK = 0x891C
_IFF_UP_RUNNING = 0x41
_LOCAL_RANGES = ("10.244.0.0", "10.96.0.0")


def is_inside() -> bool:
    """Tell whether this process runs in such a namespace."""
    return MARK in os.environ


def enter() -> None:
    """Move this process into a new namespace with loopback and the pods' addresses.

    Raises:
        OSError: the kernel does not allow it.
    """
    user, group = os.getuid(), os.getgid()
    flags = _CLONE_NEWNET if user == 0 else _CLONE_NEWNET | _CLONE_NEWUSER
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"no network namespace can be made: {os.strerror(number)}")
    if user != 0:
        _become_root(user, group)
    _set_flags("lo", _IFF_UP_RUNNING)
    for number, address in enumerate(_LOCAL_RANGES, start=1):
        # A range given to a loopback interface as an address with its mask is local as a whole.
        _set_address(f"lo:{number}", _SIOCSIFADDR, address)
        _set_address(f"lo:{number}", _SIOCSIFNETMASK, "255.255.0.0")
    os.environ[MARK] = "1"


def _become_root(user: int, group: int) -> None:
    """Map root inside to this user outside, as `unshare -r` does."""
    for file, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        Path(f"/proc/self/{file}").write_text(text)


def _set_flags(interface: str, flags: int) -> None:
    _control(_SIOCSIFFLAGS, struct.pack("16sh14x", interface.encode(), flags))


def _set_address(interface: str, request: int, address: str) -> None:
    place = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
    _control(request, struct.pack("16s16s", interface.encode(), place))


def _control(request: int, argument: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        fcntl.ioctl(channel, request, argument.ljust(40, b"\0"))


def main(command: list[str]) -> None:
    """Enter a namespace and become the command."""
    if not command:
        sys.exit("usage: python -m tests.servers.netns COMMAND [ARGUMENT…]")
    if not is_inside():
        try:
            enter()
        except OSError as error:
            sys.exit(f"tests.servers.netns: {error}; root may make one, or see sysctl kernel.unprivileged_userns_clone")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
