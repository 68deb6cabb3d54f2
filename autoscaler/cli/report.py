"""Reports of runs and sweeps: written as one page, or told at the terminal."""

import os
import shlex
import sys
from collections.abc import Mapping
from importlib import resources, util
from pathlib import Path
from typing import TYPE_CHECKING

from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.report_words import summary
from autoscaler.simulator.report.page import Assets, page
from autoscaler.simulator.report.parts import Report
from autoscaler.simulator.report.ran import Ran
from autoscaler.simulator.report.run_report import run_report

if TYPE_CHECKING:
    from autoscaler.simulator.sweeps.outcome import SweepOutcome

__all__ = ["Ran", "command_line", "needs_plotly", "summary", "write", "write_sweep"]

INSTALL = "pip install 'faas-autoscaler[simulate]'"


def needs_plotly(file: Path | None = None) -> None:
    """Make sure, before a long run, that its report can be written.

    Args:
        file: where it shall be written; None: that is not known yet.

    Raises:
        WrongConfiguration: plotly is not installed, or there is no folder for the file, or one in its place.
    """
    if util.find_spec("plotly") is None:
        raise WrongConfiguration(f"A report needs plotly, which is not installed: {INSTALL}")
    if file is not None and not file.parent.is_dir():
        raise WrongConfiguration(f"The report cannot be written to {file}: {file.parent} is no folder")
    if file is not None and (file.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK)):
        raise WrongConfiguration(f"The report cannot be written to {file}: allowed is a file that may be written")


def command_line() -> str:
    """Give what was typed, so that it can be typed again."""
    return shlex.join(["autoscaler", *sys.argv[1:]])


def write(file: Path, ran: Ran, against: Ran | None = None, command: str | None = None) -> None:
    """Write the report of a run.

    Args:
        against: another run under the same traffic, which it is compared with.
        command: what was typed; None: what this process was started with.

    Raises:
        WrongConfiguration: plotly is not installed, or the file cannot be written.
    """
    write_report(file, run_report(ran, against, command or command_line()))


def write_sweep(file: Path, outcome: "SweepOutcome", foot: Mapping[str, str], command: str | None = None) -> None:
    """Write the report of a sweep.

    Args:
        foot: what it was made with, by name: versions, hashes.
        command: what was typed; None: what this process was started with.

    Raises:
        WrongConfiguration: plotly is not installed, or the file cannot be written.
    """
    from autoscaler.simulator.report.sweep_report import sweep_report

    write_report(file, sweep_report(outcome, command or command_line(), foot))


def write_report(file: Path, report: Report) -> None:
    """Write any report.

    Raises:
        WrongConfiguration: plotly is not installed, or the file cannot be written.
    """
    text = page(report, _assets())
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WrongConfiguration(f"The report cannot be written to {file}: {error.strerror}") from error


def _assets() -> Assets:
    needs_plotly()
    from plotly.offline import get_plotlyjs

    folder = resources.files("autoscaler.simulator.report") / "static"
    script, style = ((folder / name).read_text(encoding="utf-8") for name in ("report.js", "report.css"))
    return Assets(get_plotlyjs(), script, style)
