"""Studies that are sweeps: what `autoscaler sweep` gave is kept beside the study, since all of it takes a minute.

`expected.json` holds the outcome, which tables are made of, and single runs, which tests repeat.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from autoscaler.cli.sweep_material import open_study
from autoscaler.cli.sweep_work import Worker
from autoscaler.simulator.sweeps.grid import Cell, Grid, short
from simulations.columns import measure

STUDY = "study.yaml"
EXPECTED = "expected.json"
DECIMALS = 6
KEPT = ("cells", "minimize", "slo", "confidence", "configurations", "searches")
OF_CONFIGURATION = ("policy", "trace", "parameters", "measures", "beaten_by", "slo")

Outcome = Mapping[str, Any]


def expected(folder: Path) -> str:
    """Run a study whole, and give the text of its `expected.json`."""
    outcome = _outcome(folder / STUDY)
    lines = [f'"{name}": {_line(outcome[name])}' for name in KEPT if name != "configurations"]
    lines += [_listed("configurations", outcome["configurations"]), _listed("samples", samples(folder))]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def samples(folder: Path) -> list[Mapping[str, Any]]:
    """Run the first configuration of a study and the last, under its first seed, and give what they measured."""
    opened = open_study(folder / STUDY)
    search = opened.study.search
    grid = list(Grid(opened.study, None if search is None else search.over))
    worker = Worker(opened.material, "all")
    if search is not None and search.over is not None and search.range is not None:
        grid = [grid[0].setting(search.over, search.range[-1])]
    cells = [Cell(configuration, opened.study.seed_list[0]) for configuration in dict.fromkeys((grid[0], grid[-1]))]
    return [
        {
            "configuration": str(result.cell.configuration),
            "seed": result.cell.seed,
            "error": result.error,
            "measures": _rounded(result.measured("all").get("")),
        }
        for result in worker.run(cells)
    ]


@cache
def known(folder: Path) -> Outcome:
    """Read what a study is expected to give."""
    found: Outcome = json.loads((folder / EXPECTED).read_text(encoding="utf-8"))
    return found


def run_line(folder: Path) -> str:
    """Say how a study is run, and how much that is."""
    return f"`autoscaler sweep simulations/{folder.name}/{STUDY}` ({known(folder)['cells']} runs):\n"


def configurations(folder: Path, columns: Sequence[str], only: str | None) -> Iterator[list[str]]:
    """Give a row for each configuration, the front first, in the order of what was searched.

    Args:
        columns: `policy`, `trace`, `beaten by`, `kept`, names of measures, or ends of the paths of parameters.
        only: the trace whose rows are given; None: all.
    """
    yield [column.replace("_", " ") for column in columns]
    outcome = known(folder)
    rows = [one for one in outcome["configurations"] if only is None or one["trace"] == only]
    over = next((one["over"] for one in outcome["searches"]), None)
    for one in sorted(rows, key=lambda row: (row["beaten_by"] is not None, row["parameters"].get(over, 0))):
        yield [_cell(one, column) for column in columns]


def found(folder: Path) -> str:
    """Say what the searches of a study found."""
    outcome = known(folder)
    return "".join(_found(one, outcome["slo"], outcome["confidence"]) for one in outcome["searches"])


def _found(search: Mapping[str, Any], slo: str, confidence: float) -> str:
    best = search["best"]
    if best is None:
        return f"Nothing keeps {slo}.\n"
    share = (
        f"with {100 * confidence:g} % confidence under {100 * search['share_of_further_seeds']:.0f} % of further ones"
    )
    words = f"Smallest {short(search['over'])} that keeps {slo}: **{best['parameters'][search['over']]}**. "
    words += (
        f"Chosen by {search['seeds']} seeds, kept under {search['fresh_held']} of {search['fresh_seeds']} fresh ones "
    )
    words += f"({share} or more); {search['tried']} values tried"
    erlang = search["erlang_replicas"]
    return words + (".\n" if erlang is None else f". Erlang's number of always-ready replicas: **{erlang}**.\n")


def _cell(one: Mapping[str, Any], column: str) -> str:
    match column:
        case "policy" | "trace":
            return str(one[column])
        case "beaten by":
            return "nobody" if one["beaten_by"] is None else _named(one["beaten_by"])
        case "kept":
            return f"{one['slo']['held']} of {one['slo']['judged']}"
    if column in one["measures"]:
        return measure(column, one["measures"][column])
    return next((_value(value) for path, value in one["parameters"].items() if path.endswith(column)), "")


def _named(one: Mapping[str, Any]) -> str:
    return " ".join([one["policy"], *(_value(value) for value in one["parameters"].values())])


def _value(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    return "none" if value is None else str(value)


def _outcome(study: Path) -> Outcome:
    """Run the command, and give its JSON, numbers rounded."""
    with TemporaryDirectory() as results:
        command = [
            sys.executable,
            "-m",
            "autoscaler.cli",
            "sweep",
            str(study),
            "--output",
            "json",
            "--results",
            results,
        ]
        ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    outcome: dict[str, Any] = json.loads(ran.stdout)
    wanted = outcome["configurations"]
    outcome["configurations"] = [{name: one[name] for name in OF_CONFIGURATION} for one in wanted]
    return outcome


def _listed(name: str, rows: Sequence[object]) -> str:
    """Write a list with a line for each row, so that a difference shows as one."""
    return f'"{name}": [\n' + ",\n".join(map(_line, rows)) + "\n]"


def _line(value: object) -> str:
    return json.dumps(_rounded(value), sort_keys=True, ensure_ascii=False)


def _rounded(value: object) -> Any:
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0  # -0.0 and 0.0 are one number
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value
