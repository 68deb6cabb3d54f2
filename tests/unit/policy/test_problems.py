"""What is allowed is told wherever something is wrong."""

from autoscaler.policy.problems import field_names
from autoscaler.policy.settings import Settings


def test_fields_are_named_below_lists_and_mappings() -> None:
    """The fields allowed are known wherever a model stands."""
    assert "scrapeInterval" in field_names(Settings, ["sources", "main"])
    assert "profile" in field_names(Settings, ["sources", "main", "gateways", 0])
    assert "rate" in field_names(Settings, ["sources", "main", "gateways", 0, "queries"])
    assert "writeBurst" in field_names(Settings, ["kubernetes"])
    assert field_names(Settings, ["sources", "main", "headers", "x"]) == []
