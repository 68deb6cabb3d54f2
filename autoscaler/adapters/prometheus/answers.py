"""Whether a query's answer is whole, and what it says."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from autoscaler.adapters.prometheus.errors import AnswerError

Series = Mapping[str, Any]
"""One element of an instant vector: `metric` (labels) and `value` (time, text)."""

_INFO = "PromQL info:"
_WORD = re.compile(r"[a-z_]{1,40}")


def series_of(body: bytes, takes_scalars: bool = False) -> list[Series]:
    """Give the series of a successful instant query.

    Args:
        takes_scalars: whether a scalar will do, as one series without labels.

    Raises:
        AnswerError: it is no such answer, or not whole.
    """
    return _vector(_data_of(body), takes_scalars)


def ranges_of(body: bytes) -> list[Series]:
    """Give the series of a successful range query; each has `values`, a list of (time, text), in place of `value`.

    Raises:
        AnswerError: it is no such answer, or not whole.
    """
    data = _data_of(body)
    if not isinstance(data, dict) or data.get("resultType") != "matrix" or not isinstance(data.get("result"), list):
        raise AnswerError("the answer is not a matrix")
    series: list[Series] = data["result"]
    return series


def _data_of(body: bytes) -> object:
    """Give what a successful answer holds.

    Thanos and Mimir put what they could not reach into `warnings`, VictoriaMetrics into `isPartial`, both
    with status 200: such an answer is not whole. Notes about the query's text are no sign of missing data:
    `infos`, or (Prometheus 2.48 to 2.52) warnings that begin with "PromQL info:", which every query of a
    counter not named `…_total` gets.

    Raises:
        AnswerError: it is no such answer, or not whole.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise AnswerError("the answer is not JSON") from None
    if not isinstance(document, dict):
        raise AnswerError("the answer is not a JSON object")
    if document.get("status") != "success":
        raise AnswerError(f"the answer's status is not success{error_type(document)}")
    if document.get("isPartial"):
        raise AnswerError("the answer is partial (isPartial)")
    warnings = document.get("warnings") or ()
    if not isinstance(warnings, Iterable) or any(not str(text).startswith(_INFO) for text in warnings):
        raise AnswerError("the answer carries warnings")
    return document.get("data")


def error_type(document: object) -> str:
    """Give Prometheus's word for an error, such as ` (execution)`, or nothing where it gave none."""
    word = document.get("errorType") if isinstance(document, dict) else None
    return f" ({word})" if isinstance(word, str) and _WORD.fullmatch(word) else ""


def error_type_of(body: bytes) -> str:
    """Give Prometheus's word for an error from a refusal's body, or nothing."""
    try:
        return error_type(orjson.loads(body))
    except orjson.JSONDecodeError:
        return ""


def _vector(data: object, takes_scalars: bool) -> list[Series]:
    kind = data.get("resultType") if isinstance(data, dict) else None
    if takes_scalars and isinstance(data, dict) and kind == "scalar":
        return [{"metric": {}, "value": data.get("result")}]
    if not isinstance(data, dict) or kind != "vector":
        raise AnswerError(f"the answer is not a vector{' or scalar' if takes_scalars else ''}")
    result = data.get("result")
    if not isinstance(result, list):
        raise AnswerError("the answer has no list of series")
    return result
