"""Which of the known functions a series is about."""

from collections.abc import Mapping, Sequence

from autoscaler.core.columns import Bools
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.further import Names
from autoscaler.policy.name_patterns import Known
from autoscaler.policy.profiles import Profile

NOBODY = -1
"""Place of a series that is of no known function."""


class Finder:
    """Finds the row of a series of one gateway.

    A value that may be read in several ways counts only where exactly one of them is a function that the gateway
    serves. Where two are, it counts for neither: a part of the load of each is missing, and nobody can say which.

    Args:
        profile: how the gateway's series name functions.
        row_of: `namespace/name` → row.
        serves: `(rows,) bool`, functions whose tenants the gateway serves.
    """

    def __init__(self, profile: Profile, row_of: Mapping[str, int], serves: Bools) -> None:
        self._profile = profile
        self._row_of = row_of
        self._serves = serves
        self._places: dict[tuple[int, ...], int] = {}
        self._meant: list[tuple[int, ...]] = []
        split = [name.split("/", 1) for name in row_of] if profile.names is not None else []
        self._known = Known(frozenset(one[0] for one in split), frozenset(one[1] for one in split))
        self._pods = Names((FunctionKey(*name.split("/", 1)) for name in row_of), None) if profile.names_pods else None

    def place(self, labels: Mapping[str, str]) -> int:
        """Give the row of a series; below 0: it counts for no row.

        Returns:
            A row, or `NOBODY`, or a number below it where several functions may be meant: `meant` tells them.
        """
        if self._pods is not None:
            namespace, pod = self._profile.held(labels)
            owner = self._pods.owner(namespace, pod) if namespace and pod else None
            return NOBODY if owner is None else self._row(owner)
        if self._profile.names is None:
            namespace, name = self._profile.plain(labels)
            return self._row_of.get(f"{namespace}/{name}", NOBODY)
        readings = self._profile.readings(labels, self._known)
        if len(readings) == 1:
            return self._row(next(iter(readings)))
        rows = sorted({row for one in readings if (row := self._row(one)) != NOBODY and self._serves[row]})
        if len(rows) < 2:
            return rows[0] if rows else NOBODY
        return self._place_of(tuple(rows))

    def meant(self, place: int) -> Sequence[int]:
        """Give the rows that a place below `NOBODY` may mean."""
        return self._meant[NOBODY - 1 - place]

    def _place_of(self, rows: tuple[int, ...]) -> int:
        if rows not in self._places:
            self._places[rows] = NOBODY - 1 - len(self._meant)
            self._meant.append(rows)
        return self._places[rows]

    def _row(self, key: FunctionKey) -> int:
        return self._row_of.get(f"{key.namespace}/{key.name}", NOBODY)
