"""Inner loops, compiled where numba is installed; without it the same code runs interpreted and gives the same bytes.

Kernels take numbers and arrays alone, draw no random numbers and call no transcendental functions: those come from numpy,
so that a compiled run and an interpreted one agree to the last bit. numba would keep a kernel's machine code for as long
as its own file stays as it is, and with it the old code of what it calls in others. So ours is kept for as long as the
sources of all kernels are what they were.
"""

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, ParamSpec, TypeVar

try:
    import numba
    from numba.core.caching import FunctionCache, IndexDataCacheFile
except ImportError:
    IS_COMPILED = False
else:
    IS_COMPILED = True

P = ParamSpec("P")
R = TypeVar("R")

KERNELS = ("autoscaler.simulator.kernels", "autoscaler.simulator.per_request")
"""The packages that have all kernels, and the constants that are compiled into them."""


def compiled(kernel: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel at its first call; the machine code is kept beside the file, or in the user's cache."""
    if not IS_COMPILED:
        return kernel
    return _jit(kernel, {})


def inlined(kernel: Callable[P, R]) -> Callable[P, R]:
    """Compile a part of a kernel into every place that calls it; it may make no array.

    Without counts of references: those of twenty arrays, handed on with every call, take ten times as long as a request.
    """
    if not IS_COMPILED:
        return kernel
    return _jit(kernel, {"forceinline": True, "_nrt": False})


def apart(kernel: Callable[P, R]) -> Callable[P, R]:
    """Likewise, but once, for all that call it: what is rare leaves the common way short."""
    if not IS_COMPILED:
        return kernel
    return _jit(kernel, {"_nrt": False})


def _jit(kernel: Callable[P, R], options: dict[str, Any]) -> Callable[P, R]:
    dispatcher = numba.njit(**options)(kernel)
    try:
        keeping = FunctionCache(kernel)  # type: ignore[no-untyped-call]
    except RuntimeError:  # neither the folder of the file nor a cache of the user can be written
        pass
    else:
        parts = keeping.cache_path, keeping._impl.filename_base, _sources()  # numba's own has its own file's stamp
        keeping._cache_file = IndexDataCacheFile(*parts)  # type: ignore[no-untyped-call]
        dispatcher._cache = keeping
    result: Callable[P, R] = dispatcher
    return result


@cache
def _sources() -> str:
    """Give a digest of the sources of all kernels."""
    digest = sha256()
    for package in KERNELS:
        for file in sorted(files(package).iterdir(), key=lambda file: file.name):
            if file.name.endswith(".py"):
                digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
