"""What a table of the self-test works with: reference data, seeded generators, and how long it may run."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from autoscaler.simulator.streams import named
from autoscaler.simulator.validation.check import Check

Lines = Callable[[str], Iterable[str]]
"""Gives the lines of a file of reference data, by its name."""

QUICK = 0.05
"""Share of the requests of a full run that a quick one simulates; tolerances widen with the standard errors."""

MORE = 4
"""Times the requests of a first run that a second one simulates."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How the tables are run.

    Attributes:
        lines: reference data.
        seed: of all randomness.
        share: of the requests of a full run, > 0.
        attempt: which run it is of a case; each draws other numbers.
    """

    lines: Lines
    seed: int
    share: float = 1.0
    attempt: int = 1

    def generator(self, *names: str) -> np.random.Generator:
        """Give the generator of a name: no table's draws depend on another's."""
        return named(np.random.Generator(np.random.PCG64(self.seed)), *names, f"attempt {self.attempt}")

    @property
    def scenario_seed(self) -> int:
        """The seed of a scenario, another one at each attempt."""
        return int(self.generator("scenario").integers(2**31))

    def again(self) -> "Setting":
        """Give the setting of one more run: other random numbers, and more of them."""
        return replace(self, attempt=self.attempt + 1, share=self.share * MORE)


Case = Callable[[Setting], Iterable[Check]]
"""What is run together: a point, or a scenario of many."""


def once(case: Case) -> Callable[[Setting], Iterable[Case]]:
    """Give the cases of a table that has one."""
    return lambda _setting: (case,)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the self-test.

    Attributes:
        name: what `--only` calls it.
        title: what it compares, in a line.
        source: where the expected values come from.
        cases: what is run, in the order of its rows.
    """

    name: str
    title: str
    source: str
    cases: Callable[[Setting], Iterable[Case]]

    def checks(self, setting: Setting) -> Iterator[Check]:
        """Run it, and give its rows.

        Of two hundred rows that chance may carry beyond three standard errors, one does every other time. So a case in
        which it happens is run once more, with other random numbers and four times as many requests, and that run is the
        one that is judged: a mistake stands out the more.
        """
        for case in self.cases(setting):
            found = list(case(setting))
            if any(check.is_chance and check.verdict == "fail" for check in found):
                found = [replace(check, basis=f"{check.basis}, second run") for check in case(setting.again())]
            yield from found
