"""What the outcome of a simulation rests on, beside its seed: who repeats all of it gets the same bytes."""

import platform
from collections.abc import Mapping
from hashlib import sha256

import numpy as np
import orjson

from autoscaler import __version__
from autoscaler.policy.parsing import read_documents
from autoscaler.simulator.compiled import IS_COMPILED
from autoscaler.simulator.recorded import Recorded, Traces
from autoscaler.simulator.scenario import Scenario

NOT_COMPILED = "no: interpreted, same bytes"
_SORTED = orjson.OPT_SORT_KEYS


def provenance(scenario: Scenario, files: Mapping[str, str], traces: Traces) -> dict[str, str]:
    """Name versions, the CPU's features, and hashes of everything that was read.

    Hashes are of what documents say, so that a comment or another file name changes none. The scenario's is of its
    values: written as documents, times are whole milliseconds, and 1.2ms and 1.4ms were one.

    Args:
        files: texts of the policy documents by name.
    """
    hashes = traces.hashes if isinstance(traces, Recorded) else {}
    return {
        "faas-autoscaler": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": _numba(),
        "cpu": cpu_level(),
        "scenario": _hash(repr([(name, value) for name, value in scenario if name != "policies"]).encode()),
        "policies": _hash(b"\n".join(sorted(_documents(files)))),
        **{f"trace {name}": digest for name, digest in hashes.items()},
    }


def cpu_level() -> str:
    """Name the machine and the CPU features that numpy uses: on others its exp, log and power give other last bits."""
    found = np.show_config(mode="dicts")["SIMD Extensions"]
    return " ".join([platform.machine(), *found["baseline"], *found.get("found", [])])


def _numba() -> str:
    if not IS_COMPILED:
        return NOT_COMPILED
    import numba

    return str(numba.__version__)


def _documents(files: Mapping[str, str]) -> list[bytes]:
    found = (one for name, text in files.items() for one in read_documents(name, text))
    return [orjson.dumps(one.value, default=str, option=_SORTED | orjson.OPT_NON_STR_KEYS) for one in found]


def _hash(content: bytes) -> str:
    return sha256(content).hexdigest()
