"""The compare-and-set and the meaning of its refusals, as values."""

import pytest

from autoscaler.adapters.kubernetes.scaling import read_refusal, scale_patch
from autoscaler.core.fleet import FunctionKey
from autoscaler.ports import ScaleChange, ScaleOutcome

TEST_FAILED = {"message": "the server rejected our request due to an error in our request", "details": {}}


@pytest.mark.parametrize(("old", "tested"), [(0, None), (1, 1), (5, 5)])
def test_the_patch_tests_what_was_read(old: int, tested: int | None) -> None:
    """The patch tests the uid, then the old count (null at 0), then adds the new one."""
    operations = scale_patch(ScaleChange(FunctionKey("ns", "f"), "u", old, 3))
    assert [(operation["op"], operation["path"], operation["value"]) for operation in operations] == [
        ("test", "/metadata/uid", "u"),
        ("test", "/spec/replicas", tested),
        ("add", "/spec/replicas", 3),
    ]


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (422, TEST_FAILED, ScaleOutcome.LOST),
        (422, {"message": "x", "details": {"causes": [{}]}}, ScaleOutcome.INVALID),
        (422, {"message": 'admission webhook "guard" denied the request: no'}, ScaleOutcome.INVALID),
        (409, {}, ScaleOutcome.LOST),
        (404, {}, ScaleOutcome.GONE),
        (403, {}, ScaleOutcome.FORBIDDEN),
        (401, {}, ScaleOutcome.RETRY),
        (429, {}, ScaleOutcome.RETRY),
        (504, {}, ScaleOutcome.RETRY),
        (415, {}, ScaleOutcome.INVALID),
    ],
)
def test_each_refusal_has_its_outcome(status: int, body: dict[str, object], outcome: ScaleOutcome) -> None:
    """Status and details together say what became of a write, and there are always words."""
    result = read_refusal(status, body, None)
    assert result.outcome is outcome
    assert result.message


def test_only_what_may_be_retried_carries_a_wait() -> None:
    """The wait that the server asks for is kept where a retry makes sense, and dropped elsewhere."""
    assert read_refusal(429, {}, 3.0).retry_after_s == 3.0
    assert read_refusal(403, {}, 3.0).retry_after_s is None
