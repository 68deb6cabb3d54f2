"""The generated reference: a row for every field, and nothing left out of it."""

import pytest

from autoscaler.core.reasons import Reason
from autoscaler.policy.documents import ScalingPolicy, Tenant
from autoscaler.policy.field_reference import SYSTEMS
from autoscaler.policy.field_rows import Row, rows
from autoscaler.policy.labels import MEANINGS
from autoscaler.policy.precedence import BUILT_IN
from autoscaler.policy.reference import reference, stage_of
from autoscaler.policy.scaling import Scaling

ROWS = [*rows(Tenant), *rows(ScalingPolicy)]
SCALING = {row.path: row for row in rows(Scaling)}
TEXT = reference()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_every_field_says_everything(row: Row) -> None:
    """No field lacks meaning, default, unit, why its default, or the system that it comes from."""
    assert all((row.meaning, row.default, row.unit, row.why, row.source))
    assert all(part.split()[0] in SYSTEMS for part in row.source.split(", "))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_every_field_has_a_row(row: Row) -> None:
    """The reference has each field's path in a row of its own."""
    path = row.path.removeprefix("spec.defaults.")
    short = path.removeprefix("spec.")
    assert f"\n| `{short if short in SCALING else path}` |" in TEXT


def test_every_field_with_a_built_in_default_is_there() -> None:
    """Paths of the reference are those of the built-in defaults: none is missing, and none is misspelt."""
    assert BUILT_IN.keys() - {"fallback"} <= SCALING.keys()


@pytest.mark.parametrize(
    ("path", "default"),
    [
        ("metrics", "`[{type: concurrency, target: 100, utilization: 0.7}]`"),
        ("replicas.max", "`null`"),
        ("windows.stable", "`1m`"),
        ("scaleUp.maxRate", "`1000`"),
        ("scaleUp.selectPolicy", "`Max`"),
        ("schedules", "`[]`"),
        ("schedules[].cron", "needed"),
        ("wake", "`{hold: 25s, waiters: 1000, with: []}`"),
    ],
)
def test_defaults_are_written_as_documents_write_them(path: str, default: str) -> None:
    """A default can be copied into a document; what has none says that it is needed."""
    assert SCALING[path].default == default


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_row(reason: Reason) -> None:
    """The reference has each reason's code, name, stage and sentence."""
    assert f"| {int(reason)} | `{reason.name}` | {stage_of(reason)} | {reason.sentence} |" in TEXT


@pytest.mark.parametrize("name", MEANINGS)
def test_every_label_has_a_row(name: str) -> None:
    """The reference has each label."""
    assert f"| `{name}` |" in TEXT
