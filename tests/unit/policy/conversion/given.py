"""What tests of conversions share: texts in, one policy's spec and what is said of its fields out."""

from typing import Any, NamedTuple

from autoscaler.policy.check import check
from autoscaler.policy.conversion import Converted, Wanted, convert
from autoscaler.policy.conversion.rendering import text

FILE = "given.yaml"


class Outcome(NamedTuple):
    """What a text came to.

    Attributes:
        spec: of the one policy.
        dropped: path and line of each field that is not carried.
        noted: path and line of each field that is carried and means something else here.
    """

    spec: dict[str, Any]
    dropped: dict[str, int | None]
    noted: dict[str, int | None]


def converted(*texts: str, namespace: str | None = None) -> Converted:
    """Convert texts, named `given.yaml` and so on, and see that `check` accepts what comes of them."""
    files = {FILE if number == 0 else f"{number}-{FILE}": one for number, one in enumerate(texts)}
    found = convert(files, Wanted(namespace))
    if found.made:
        assert check(None, {"converted.yaml": text(found, "some-tenant")}) == []
    return found


def one(*texts: str) -> Outcome:
    """Convert texts that come to one policy without a problem."""
    found = converted(*texts)
    assert found.problems == ()
    (made,) = found.made
    spec = dict(made.document["spec"])
    assert spec.pop("dryRun") is True
    return Outcome(
        spec,
        {remark.path: remark.line for remark in found.remarks if not remark.is_carried},
        {remark.path: remark.line for remark in found.remarks if remark.is_carried},
    )


def wrong(*texts: str) -> list[tuple[int | None, str, str, str]]:
    """Give line, path, what is wrong and what is allowed of each problem; nothing is converted beside them."""
    found = converted(*texts)
    assert found.made == ()
    return [(problem.line, problem.path, problem.wrong, problem.allowed) for problem in found.problems]
