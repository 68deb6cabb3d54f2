"""Runs the cluster tests: `python -m tests.cluster [PYTEST ARGUMENT…]`, which is what `make cluster-tests` runs.

They wait more than they compute, so they run in groups side by side, each in a network namespace with a control plane of
its own; one that computes begins when another has ended. A group's output is shown whole when it ends.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, NamedTuple

_HERE = Path(__file__).resolve().parent
_GROUPS = {
    "faults": ["faults"],
    "other writers, leadership, the main job": ["foreign", "installation", "test_leadership.py", "test_wakes_move.py"],
    "tenants": ["isolation", "monitored", "onboarding", "tenants", "test_statuses.py"],
}
"""What takes longest; everything else is a group of its own."""
_AFTERWARDS = {"scale from zero": ["wake"]}
"""What begins when the first of the others has ended: thousands of requests, beside which four groups would be late."""

_SAY_EVERY_S = 60.0
_LOOK_EVERY_S = 0.2


class _Running(NamedTuple):
    name: str
    process: "subprocess.Popen[bytes]"
    output: IO[bytes]
    began_s: float


def main(arguments: list[str]) -> int:
    """Run every group; give 1 where one failed."""
    selections = _selections()
    waiting = {name: selections.pop(name) for name in _AFTERWARDS}
    running = [_start(name, paths, arguments) for name, paths in selections.items()]
    codes = []
    said_s = time.monotonic()
    while running:
        for group in [group for group in running if group.process.poll() is not None]:
            running.remove(group)
            codes.append(group.process.returncode)
            _show(group)
            running += [_start(name, waiting.pop(name), arguments) for name in list(waiting)]
        if running and time.monotonic() - said_s > _SAY_EVERY_S:
            said_s = time.monotonic()
            print("cluster tests still run:", "; ".join(group.name for group in running), flush=True)
        time.sleep(_LOOK_EVERY_S)
    return int(any(codes))


def _selections() -> dict[str, list[str]]:
    named = {name: [str(_HERE / path) for path in paths] for name, paths in {**_GROUPS, **_AFTERWARDS}.items()}
    missing = [path for paths in named.values() for path in paths if not Path(path).exists()]
    if missing:
        sys.exit(f"tests.cluster: named in a group, and not there: {', '.join(missing)}")
    others = [f"--ignore={path}" for paths in named.values() for path in paths]
    return {**named, "everything else": [str(_HERE), *others]}


def _start(name: str, paths: list[str], arguments: list[str]) -> _Running:
    output = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the group's output is shown
    command = [sys.executable, "-m", "tests.servers.netns", sys.executable, "-m", "pytest", *paths, *arguments]
    process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    return _Running(name, process, output, time.monotonic())


def _show(group: _Running) -> None:
    took_s = time.monotonic() - group.began_s
    print(f"== cluster tests: {group.name}, {took_s:.0f} s, exit {group.process.returncode}", flush=True)
    with group.output as output:
        output.seek(0)
        sys.stdout.buffer.write(output.read())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
