"""Documents that are written to do harm: very many, very large, broken, and never the same for long."""

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autoscaler.policy.documents import API_VERSION
from autoscaler.policy.resources import MAX_BYTES
from tests.servers.controlplane import ControlPlane

EVERY_S = 0.1
_PAIRS = tuple(itertools.pairwise("abcdefghijklmnopqrstuvwxyz"))
PATCH = {"Content-Type": "application/merge-patch+json"}
BROKEN_FILES: tuple[Callable[[], str], ...] = (
    lambda: "[" * 100_000,
    lambda: "a: " + "{b: " * 20_000,
    lambda: "a: &a [x, x]\n" + "".join(f"{one}: &{one} [*{before}, *{before}]\n" for before, one in _PAIRS),
    lambda: "x" * (2 << 20),
    lambda: (
        f"apiVersion: {API_VERSION}\nkind: ScalingPolicy\nmetadata: {{name: a, namespace: nobodys}}\nspec: {{zero: [[[[1]]]]}}\n"
    ),
    lambda: "---\n" * 50_000,
    lambda: "\x00\x01\x02",
)
"""Nested too deep in both ways, an alias bomb, a long word, nonsense, fifty thousand empty documents, no text."""


class Documents:
    """What a tenant's team writes in its namespace, and what comes to stand beside in the folder of files.

    Attributes:
        written: how many were written.
    """

    def __init__(self, plane: ControlPlane, namespace: str, folder: Path) -> None:
        self._plane = plane
        self._path = f"/apis/{API_VERSION}/namespaces/{namespace}/scalingpolicies"
        self._namespace = namespace
        self._file = folder / "hostile.yaml"
        self._numbers = itertools.count()
        self.written = 0

    @contextmanager
    def there(self, count: int) -> Iterator[None]:
        """Have so many policies there, and those that change, for the length of the block."""
        specs = [{"functions": {"names": [f"g{number}"]}, "replicas": {"max": 5}} for number in range(count)]
        try:
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda number: self._create(f"p{number}", specs[number]), range(count)))
            self._create("changing", {"functions": {"names": ["f0"]}})
            self._create("swelling", {"functions": {"names": ["f1"]}})
            yield
        finally:
            self._plane.request("DELETE", self._path)
            self._file.unlink(missing_ok=True)

    def change(self) -> None:
        """Change a policy ten times a second: to a good version, to one that the schema lets through and that is none."""
        number = next(self._numbers)
        target: object = 10 + number % 7 if number % 2 else True
        self._patch("changing", {"metrics": [{"type": "rps", "target": target}]})
        time.sleep(EVERY_S)

    def swell(self) -> None:
        """Fill a policy up to what is just read, then to a megabyte, then with a wrong value at the end."""
        for names, target in (
            ([f"{number:050d}" for number in range(MAX_BYTES // 64)], 10),
            ([f"{number:0200d}" for number in range(5_000)], 10),
            ([f"n{number}" for number in range(4_500)], True),
        ):
            metrics = [{"type": "rps", "target": target}]
            self._patch("swelling", {"functions": {"names": names}, "metrics": metrics})
            time.sleep(EVERY_S)

    def spoil(self) -> None:
        """Put a broken file beside the good ones."""
        for text in BROKEN_FILES:
            self._file.write_text(text())
            self.written += 1
            time.sleep(2 * EVERY_S)

    def settle(self, most: int) -> None:
        """Write a last good version, that has functions of f0's name at most at so many replicas."""
        self._patch("changing", {"metrics": [{"type": "rps", "target": 10}], "replicas": {"max": most}})

    def _create(self, name: str, spec: dict[str, Any]) -> None:
        metadata = {"name": name, "namespace": self._namespace}
        document = {"apiVersion": API_VERSION, "kind": "ScalingPolicy", "metadata": metadata, "spec": spec}
        self._plane.request("POST", self._path, json=document)

    def _patch(self, name: str, spec: dict[str, Any]) -> None:
        self._plane.request("PATCH", f"{self._path}/{name}", json={"spec": spec}, headers=PATCH)
        self.written += 1
