"""Inner loops, compiled where numba is installed; without it the same code runs interpreted and gives the same bytes.

Kernels take numbers and arrays alone, draw no random numbers and call no transcendental functions: those come from numpy,
so that a compiled run and an interpreted one agree to the last bit. numba's cache looks at one file: a kernel that
calls kernels of another file keeps their old code when that file changes, so kernels that call each other share a file.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

try:
    import numba
except ImportError:
    IS_COMPILED = False
else:
    IS_COMPILED = True

P = ParamSpec("P")
R = TypeVar("R")


def compiled(kernel: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel at its first call; the machine code is kept beside the file, or in the user's cache."""
    if not IS_COMPILED:
        return kernel
    return _jit(kernel, {})


def inlined(kernel: Callable[P, R]) -> Callable[P, R]:
    """Compile a part of a kernel into every place of its file that calls it; it may make no array.

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
    try:
        result: Callable[P, R] = numba.njit(cache=True, **options)(kernel)
    except RuntimeError:  # neither the folder of the file nor a cache of the user can be written
        result = numba.njit(**options)(kernel)
    return result
