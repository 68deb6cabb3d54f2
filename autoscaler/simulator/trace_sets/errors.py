"""What is wrong with a trace: all of it at once, with file, line and column."""

from collections.abc import Sequence

from autoscaler.policy.problems import Problem, shown

MOST_PROBLEMS = 20
"""Problems that are listed of one file; one who mistook a column needs no million of them."""


class TraceError(Exception):
    """A trace that cannot be used; `problems` says why, with lines and columns."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class Findings:
    """What was found wrong with one file so far.

    Args:
        file: its name.
        counts_rows: whether places in it are rows of a table without lines, as in Parquet.
    """

    def __init__(self, file: str, *, counts_rows: bool = False) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._counts_rows = counts_rows

    def add(self, line: int | None, column: str, wrong: str, allowed: str) -> None:
        """Note a problem.

        Args:
            column: its name; empty for the whole line.

        Raises:
            TraceError: it is the last one that is listed.
        """
        path = f"column {shown(column)}" if column else ""
        if line is not None and self._counts_rows:
            path, line = f"row {line}" + (f", {path}" if path else ""), None
        self.problems.append(Problem(self.file, line, path, wrong, allowed))
        if len(self.problems) >= MOST_PROBLEMS:
            self.check()

    def check(self) -> None:
        """Raise if anything is wrong.

        Raises:
            TraceError: something is.
        """
        if self.problems:
            raise TraceError(self.problems)
