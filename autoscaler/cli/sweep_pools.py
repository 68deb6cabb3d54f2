"""Who runs a sweep's cells: processes of this machine, or a Dask cluster, behind one interface."""

import io
import math
import mmap
import multiprocessing
import pickle
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np

from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.sweep_work import Runs, begin, run_here, run_with
from autoscaler.policy.problems import Problem
from autoscaler.simulator.sweeps.running import Work

CONNECT_S = 5

_ADDRESS = re.compile(r"[a-z]+://[^/\s]+:[0-9]{1,5}/?")


@dataclass(frozen=True, slots=True)
class Pool:
    """Workers that are ready.

    Attributes:
        executor: takes tasks.
        work: what a task is, beside its cells.
        size: how many cells run side by side.
    """

    executor: Executor
    work: Work
    size: int


@contextmanager
def local(processes: int, worker: Runs) -> Iterator[Pool]:
    """Start processes on this machine, each with a copy of the worker; one process is this very one.

    They are forked from a server that has imported the program once, where the system can; numpy's threads are left
    alone, since a cell uses none.
    """
    if processes == 1:
        with ThreadPoolExecutor(1) as here:
            yield Pool(here, worker.run, 1)
        return
    is_forking = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if is_forking else "spawn")
    if is_forking:
        context.set_forkserver_preload(["autoscaler.cli.sweep_work"])
    executor = ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(_packed(worker),))
    try:
        yield Pool(executor, run_here, processes)
    except KeyboardInterrupt:
        for process in multiprocessing.active_children():  # else what they run is finished first, for minutes perhaps
            process.terminate()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def cluster(address: str, worker: Runs) -> Iterator[Pool]:
    """Use the workers of a Dask scheduler; what a cell needs is sent to each once.

    Raises:
        WrongConfiguration: `distributed` is not installed, or no scheduler with workers answers at the address.
    """
    try:
        from distributed import Client
    except ImportError as error:
        wrong = "--scheduler needs the package distributed: pip install 'faas-autoscaler[sweep]'"
        raise WrongConfiguration(wrong) from error
    if _ADDRESS.fullmatch(address) is None:
        problem = Problem("flags", None, "--scheduler", f"{address} is no address", "tcp://HOST:PORT")
        raise WrongConfiguration("The sweep cannot be run:", [problem])
    try:
        client: Any = cast(Any, Client)(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        problem = Problem("flags", None, "--scheduler", f"{address} does not answer: {error}", "tcp://HOST:PORT")
        raise WrongConfiguration("The sweep cannot be run:", [problem]) from error
    with client:
        threads = client.nthreads()
        if not threads:
            problem = Problem("flags", None, "--scheduler", f"{address} has no workers", "one worker or more")
            raise WrongConfiguration("The sweep cannot be run:", [problem])
        (placed,) = client.scatter([worker], broadcast=True, hash=False)
        yield Pool(_With(client.get_executor(pure=False), placed), run_with, sum(threads.values()))


class _With(Executor):
    """An executor that gives each task what has been placed on the cluster before."""

    def __init__(self, inner: Executor, placed: object) -> None:
        self._inner, self._placed = inner, placed

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return self._inner.submit(fn, self._placed, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._inner.shutdown(wait=wait, cancel_futures=cancel_futures)


class _Packer(pickle.Pickler):
    """Packs what is mapped from a file by its place in it: each process maps the file once, and none copies it."""

    def reducer_override(self, value: object) -> Any:
        if not isinstance(value, np.memmap) or value.filename is None or not value.flags.c_contiguous or not value.size:
            return NotImplemented
        # A slice of a map says the offset of the whole: where it really begins is told by addresses.
        begins = value.offset - value.offset % mmap.ALLOCATIONGRANULARITY
        mapped: Any = value._mmap  # type: ignore[attr-defined]
        offset = begins + value.ctypes.data - np.frombuffer(mapped, dtype=np.uint8).ctypes.data
        return _view, (str(value.filename), offset, value.dtype, value.shape)


def _view(file: str, offset: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    end = offset + dtype.itemsize * math.prod(shape)
    return _mapped(file)[offset:end].view(dtype).reshape(shape)


@cache
def _mapped(file: str) -> np.ndarray[Any, Any]:
    """Map a file once in this process, however many arrays are in it."""
    return np.memmap(file, dtype=np.uint8, mode="r")


def _packed(worker: Runs) -> bytes:
    stream = io.BytesIO()
    _Packer(stream, protocol=pickle.HIGHEST_PROTOCOL).dump(worker)
    return stream.getvalue()


def _begin(packed: bytes) -> None:
    begin(pickle.loads(packed))  # noqa: S301 - our own parent packed it
