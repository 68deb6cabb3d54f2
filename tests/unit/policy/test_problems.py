"""What is allowed is told wherever something is wrong."""

from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from autoscaler.policy.problems import field_names, problems_of
from autoscaler.policy.quantities import Duration
from autoscaler.policy.settings import Settings
from autoscaler.policy.strict import Strict


class Example(Strict):
    """One field of each sort."""

    hold: Annotated[Duration, Field(gt=0, le=600)] = 30.0
    share: float = Field(0.5, ge=0, lt=1)
    names: list[str] = Field(["a"], min_length=1, max_length=2)
    inner: dict[str, int] = Field({}, max_length=1)


def test_fields_are_named_below_lists_and_mappings() -> None:
    """The fields allowed are known wherever a model stands."""
    assert "scrapeInterval" in field_names(Settings, ["sources", "main"])
    assert "profile" in field_names(Settings, ["sources", "main", "gateways", 0])
    assert "rate" in field_names(Settings, ["sources", "main", "gateways", 0, "queries"])
    assert "writeBurst" in field_names(Settings, ["kubernetes"])
    assert field_names(Settings, ["sources", "main", "headers", "x"]) == []


@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        ({"hold": "1h"}, "10m at most"),
        ({"hold": "0s"}, "more than 0s"),
        ({"hold": 5}, "a duration such as 30s, 5m, 1h30m or 500ms (units ms, s, m, h, d)"),
        ({"share": 1.5}, "less than 1"),
        ({"share": -1}, "greater than or equal to 0"),
        ({"share": "x"}, "a number"),
        ({"names": []}, "at least 1 entry"),
        ({"names": ["a", "b", "c"]}, "at most 2 entries"),
        ({"names": "a"}, "a list"),
        ({"inner": [1]}, "a mapping"),
        ({"inner": {"a": 1, "b": 2}}, "at most 1 entry"),
    ],
)
def test_what_is_allowed_is_said_in_the_units_of_documents(fields: dict[str, object], allowed: str) -> None:
    """Bounds of durations are durations, and nothing speaks of validation, items or dictionaries."""
    with pytest.raises(ValidationError) as caught:
        Example.model_validate(fields)
    (problem,) = problems_of(caught.value, Example, "f", {})
    assert problem.allowed == allowed
