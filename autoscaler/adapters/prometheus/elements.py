"""What the elements of an answer to a question say of functions."""

from collections.abc import Sequence

import numpy as np

from autoscaler.adapters.prometheus.answers import Series
from autoscaler.adapters.prometheus.errors import AnswerError, UnclearError
from autoscaler.core.columns import Floats
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.further import FUNCTION_LABEL, NAME_LABEL, NAMESPACE_LABEL, POD_LABEL, Names

_LABELS = frozenset((FUNCTION_LABEL, NAME_LABEL, NAMESPACE_LABEL, POD_LABEL))
_KEPT = 10_000


class Elements:
    """Reads answers about certain functions. What was found of pods' names is kept: the same come every time.

    Args:
        names: the functions; every column that is given has a row for each.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._owners: dict[tuple[str, str], FunctionKey | None] = {}

    def pods(self, series: Sequence[Series]) -> tuple[Floats, Floats]:
        """Add up what a function's pods say: the sums, and of how many pods each is.

        Elements that name a function and no pod add up too, and are no pods: nan is their number. A function of which
        any element holds no finite number >= 0 is unknown, and so is one that no element is of.

        Raises:
            AnswerError: an element is no sample.
            UnclearError: the answer is empty, or no element names a pod or a function.
        """
        sums, counts = np.zeros(len(self._names)), np.zeros(len(self._names))
        seen, is_named = np.zeros(len(self._names)), False
        for labels, value in _samples(series):
            function = self._names.named(labels) or self._owner(labels)
            is_named = is_named or function is not None or POD_LABEL in labels
            place = self._names.place(function)
            if place is not None:
                sums[place] += value
                seen[place] += 1
                counts[place] += 1 if labels.get(POD_LABEL) else np.nan
        if not is_named:
            raise UnclearError(_unnamed(series))
        return np.where(seen > 0, sums, np.nan), np.where(seen > 0, counts, np.nan)

    def functions(self, series: Sequence[Series]) -> Floats:
        """Add up what a function's elements say; otherwise as `pods`."""
        sums, seen, is_named = np.zeros(len(self._names)), np.zeros(len(self._names)), False
        for labels, value in _samples(series):
            function = self._names.named(labels)
            is_named = is_named or function is not None
            place = self._names.place(function)
            if place is not None:
                sums[place] += value
                seen[place] += 1
        if not is_named:
            raise UnclearError(_unnamed(series))
        return np.where(seen > 0, sums, np.nan)

    def own(self, series: Sequence[Series]) -> tuple[Floats, str | None]:
        """Give what a tenant's own query says of each function, and why some of it says nothing.

        One element without a name is of all functions. Else each must name a function, by labels `namespace` and
        `function` or by `function_name`; those that name others are passed over, and a function that two elements
        name, or whose element holds no finite number >= 0, is unknown.

        Raises:
            AnswerError: an element is no sample.
            UnclearError: the answer is empty, or nobody can tell which element is of which function.
        """
        samples = _samples(series)
        if not samples:
            raise UnclearError("the answer is empty")
        functions = [self._names.named(labels) for labels, _ in samples]
        if functions == [None]:
            if np.isnan(samples[0][1]):
                raise UnclearError("the answer is not a finite number of 0 or more")
            return np.full(len(self._names), samples[0][1]), None
        if None in functions:
            raise UnclearError(
                f"the answer has {len(samples)} elements, and not each names a function (labels namespace and function, "
                "or function_name); one element is allowed, or one for each function"
            )
        return self._one_each(functions, [value for _, value in samples])

    def _one_each(self, functions: Sequence[FunctionKey | None], values: Sequence[float]) -> tuple[Floats, str | None]:
        result, seen = np.full(len(self._names), np.nan), np.zeros(len(self._names))
        for function, value in zip(functions, values, strict=True):
            place = self._names.place(function)
            if place is not None:
                result[place] = value
                seen[place] += 1
        result[seen > 1] = np.nan
        if (seen > 1).any():
            return result, "several elements of the answer name the same function"
        if (np.isnan(result) & (seen == 1)).any():
            return result, "an element of the answer is not a finite number of 0 or more"
        return result, None

    def _owner(self, labels: dict[str, str]) -> FunctionKey | None:
        namespace, pod = labels.get(NAMESPACE_LABEL), labels.get(POD_LABEL)
        if not namespace or not pod:
            return None
        if len(self._owners) > 4 * len(self._names) + _KEPT:
            self._owners.clear()
        if (namespace, pod) not in self._owners:
            self._owners[namespace, pod] = self._names.owner(namespace, pod)
        return self._owners[namespace, pod]


def _samples(series: Sequence[Series]) -> list[tuple[dict[str, str], float]]:
    """Give labels and value of each element; nan where it holds no finite number >= 0.

    Raises:
        AnswerError: an element is no sample.
    """
    try:
        found = [
            ({name: str(text) for name, text in one["metric"].items() if name in _LABELS}, float(one["value"][1]))
            for one in series
        ]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise AnswerError("an element of the answer is no sample") from None
    return [(labels, value if 0 <= value < np.inf else np.nan) for labels, value in found]


def _unnamed(series: Sequence[Series]) -> str:
    return "no element of the answer names a function" if series else "the answer is empty"
