"""The write: a compare-and-set of `spec.replicas`, and what its answers mean."""

from collections.abc import Mapping

from autoscaler.ports import ScaleChange, ScaleOutcome, ScaleResult

_BY_STATUS = {
    403: ScaleOutcome.FORBIDDEN,
    404: ScaleOutcome.GONE,
    409: ScaleOutcome.LOST,
}
_LATER = (401, 408, 425, 429)


def scale_patch(change: ScaleChange) -> list[dict[str, object]]:
    """Write a change as a JSON Patch that only applies to the object and the count that were read.

    A scale at 0 lacks the key `replicas` altogether: testing for 0 fails there, testing for null holds.
    For the same reason the value is added, which replaces too, and never replaced.
    """
    return [
        {"op": "test", "path": "/metadata/uid", "value": change.uid},
        {"op": "test", "path": "/spec/replicas", "value": change.old or None},
        {"op": "add", "path": "/spec/replicas", "value": change.new},
    ]


def read_refusal(status: int, body: Mapping[str, object], retry_after_s: float | None) -> ScaleResult:
    """Say what a refused write means.

    A failed test is a 422 without details; a value that the API server calls wrong is a 422 with them.

    Args:
        status: HTTP status, >= 300.
        body: the `Status` object of the answer.
        retry_after_s: seconds that it asks to wait; None: it does not say.
    """
    message = str(body.get("message") or body.get("reason") or f"HTTP {status}")
    if status >= 500 or status in _LATER:
        return ScaleResult(ScaleOutcome.RETRY, retry_after_s, message, is_throttled=status == 429)
    if status == 422 and not body.get("details") and not message.startswith("admission webhook"):
        return ScaleResult(ScaleOutcome.LOST, None, "replicas or object changed since they were read")
    return ScaleResult(_BY_STATUS.get(status, ScaleOutcome.INVALID), None, message)
