"""What the flags of a sweep change in its study."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from autoscaler.cli.sweep_material import Opened
from autoscaler.policy.problems import Problem
from autoscaler.simulator.slo import Each, Slo, SloError, measure_names
from autoscaler.simulator.sweeps.paths import Path, PathError
from autoscaler.simulator.sweeps.study import Requirement, SearchSettings, StudyError

_OVER = "PATH=LOW:HIGH or PATH=LOW:HIGH:STEP, such as decider.replicas=1:50"


def with_flags(opened: Opened, flags: Mapping[str, str | None]) -> Opened:
    """Give a study with another objective or search; without flags nothing changes.

    Args:
        flags: `slo`, `each`, `minimize` and `over`; None: not given.

    Raises:
        StudyError: a flag says nothing that can be done.
    """
    study, changes, problems = opened.study, dict[str, Any](), list[Problem]()

    def check(flag: str, made: Callable[[], object]) -> Any:
        try:
            return made()
        except (SloError, PathError) as error:
            problems.append(Problem("flags", None, f"--{flag}", error.wrong, error.allowed))
            return None

    slo, each, minimize, over = (flags.get(name) for name in ("slo", "each", "minimize", "over"))
    if slo is not None and check("slo", lambda: Slo.parse(slo)) is not None:
        changes["slo"] = Requirement(require=slo, each=cast(Each, each or "all"))
    elif each is not None and slo is None:
        problems.append(Problem("flags", None, "--each", "says nothing by itself", "--slo beside it"))
    if minimize is not None and check("minimize", lambda: measure_names([minimize])) is not None:
        given: dict[str, object] = {"minimize": minimize, **_kept(study.search)}
        if over is not None:
            given |= check("over", lambda: _over(over)) or {}
        changes["search"] = SearchSettings.model_validate(given)
    elif over is not None and minimize is None:
        problems.append(Problem("flags", None, "--over", "says nothing by itself", "--minimize beside it"))
    if minimize is not None and slo is None and study.slo is None:
        problems.append(
            Problem("flags", None, "--minimize", "has nothing to keep", "--slo beside it, or `slo` in the study")
        )
    if problems:
        raise StudyError(problems)
    return replace(opened, study=study.model_copy(update=changes))


def _kept(search: SearchSettings | None) -> dict[str, object]:
    return {} if search is None else search.model_dump(by_alias=True, exclude={"minimize"})


def _over(text: str) -> dict[str, object]:
    path, _, numbers = text.rpartition("=")
    Path.parse(path)
    parts = numbers.split(":")
    try:
        values = [_number(part) for part in parts]
    except ValueError:
        values = []
    if len(values) not in (2, 3) or values[1] < values[0] or min(values[2:], default=1) <= 0:
        raise PathError(f"{numbers!r} is no range", _OVER)
    return {"over": path, "from": values[0], "to": values[1], "step": values[2] if len(values) == 3 else 1}


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        value = float(text)
        if not abs(value) < float("inf"):
            raise
        return value
