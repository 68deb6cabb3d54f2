"""Which Deployments are functions."""

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.functions import is_function, tenant_of


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"faas_function": "f"}, True),
        ({"faas_function": ""}, True),
        ({"autoscaler.faas.dev/function": "true"}, True),
        ({"autoscaler.faas.dev/function": ""}, True),
        ({"autoscaler.faas.dev/function": "false", "faas_function": "f"}, False),
        ({"app": "postgres"}, False),
        ({}, False),
        ({"com.openfaas.scale.min": "1"}, False),
    ],
)
def test_a_function_says_so_itself(labels: dict[str, str], expected: bool) -> None:
    """Only the two labels make a function; ours with value false says no."""
    assert is_function(Deployed(FunctionKey("n", "f"), "u", labels, {})) is expected


def test_annotations_make_no_function() -> None:
    """The marks count as labels only."""
    assert not is_function(Deployed(FunctionKey("n", "f"), "u", {}, {"faas_function": "f"}))


def test_a_namespace_of_nobody_has_no_functions() -> None:
    """A function's label alone gives no right: its namespace must be a tenant's."""
    function = Deployed(FunctionKey("n", "f"), "u", {"faas_function": "f"}, {})
    assert tenant_of(function, {"n": "acme"}) == "acme"
    assert tenant_of(function, {"m": "acme"}) is None
