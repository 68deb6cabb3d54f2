"""Every label and annotation on a function, from whoever may write it: read within its bounds, or told and left out."""

import math
import re
from collections.abc import Mapping

from hypothesis import example, given, settings
from hypothesis import strategies as st

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.labels import MEANINGS, OPENFAAS, OURS, Said, marks_of, read_marks
from autoscaler.policy.metrics import Metric
from autoscaler.policy.quantities import format_duration, parse_duration
from autoscaler.policy.scaling import Zero
from tests.property.effort import examples

KEY = FunctionKey("acme", "f")
BELOW: Mapping[str, Said] = {
    "metrics": Said([Metric.model_validate({"type": "rps", "target": 10})], "built-in default"),
    "zero": Said(None, "built-in default"),
    "alerts": Said([], "built-in default"),
}
DIGITS = st.text("0123456789", max_size=12)
LOOKALIKES = st.sampled_from(
    ["٣", "３", "1_000", "0x10", "1e3", "1E3", "+1", "-1", " 1", "1 ", "1\n", "1\0", "", ".5", "5.", "1.", "0.0", "00", "-0",
     "inf", "nan", "Infinity", "1,5", "½", "²", "1%", "100%", "True", "TRUE", "yes", "on", "never ", "Never", "1e400", "9" * 400,
     "9" * 9 + "." + "9" * 9, "0.000000001", "500m", "0m", "5m0s", "1h30m", "1.5h", "1d", "1w", "1y", "1us", "m", "1mm", "s1"]
)  # fmt: skip
TEXTS = st.text(max_size=12) | LOOKALIKES | DIGITS | st.tuples(DIGITS, st.sampled_from(["", "s", "m", "h", "d", "ms", "m5s", ".5"])).map("".join)  # fmt: skip


NAMES = st.sampled_from(sorted(MEANINGS)) | st.from_regex(
    rf"{OURS}[A-Za-z0-9]([-A-Za-z0-9_.]{{0,8}}[A-Za-z0-9])?", fullmatch=True
)
"""Those that we know, and others that Kubernetes would take."""


def numbers(value: object) -> list[float]:
    """Give the numbers in what a label came to."""
    if isinstance(value, Zero):
        return [value.after]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return []
    return [float(value)]


@settings(max_examples=examples(500), deadline=None)
@given(st.sampled_from(sorted(MEANINGS)), TEXTS)
@example(f"{OURS}target", "0." + "0" * 9)
@example(f"{OPENFAAS}zero-duration", "9" * 400 + "d")
def test_a_label_is_a_value_within_bounds_or_says_what_is_allowed(name: str, text: str) -> None:
    """Numbers are finite, none is below 0, and only plain digits make them; what is refused says what is allowed."""
    try:
        value = MEANINGS[name].parse(text)
    except ValueError as error:
        assert str(error).isprintable()  # noqa: PT017
        assert 0 < len(str(error)) < 200  # noqa: PT017
        return
    assert all(math.isfinite(number) and 0 <= number <= 1e9 for number in numbers(value))
    assert re.fullmatch(r"[0-9a-z.]+", text)
    assert MEANINGS[name].parse(text) == value


@settings(max_examples=examples(100), deadline=None)
@given(st.dictionaries(NAMES, TEXTS, max_size=8))
def test_marks_that_cannot_be_read_leave_the_others_as_they_are(texts: dict[str, str]) -> None:
    """Each mark that is wrong is told once, by its name, in one printable line, and the others come to what they come to alone."""
    marks = marks_of({}, texts)
    read = read_marks(marks, BELOW, "acme/f")
    told = [problem.path for problem in read.problems]
    assert len(told) == len(set(told))
    assert set(told) <= set(texts)
    for problem in read.problems:
        assert str(problem).isprintable()
    good = tuple(mark for mark in marks if mark[0] not in told)
    alone = read_marks(good, BELOW, "acme/f")
    assert (alone.fields, alone.flags, alone.problems) == (read.fields, read.flags, [])
    assert set(told) == {name for name, text in marks if not _is_read(name, text)}


def _is_read(name: str, text: str) -> bool:
    if name not in MEANINGS:
        return not name.startswith(OURS)
    try:
        MEANINGS[name].parse(text)
    except ValueError:
        return False
    return True


@settings(max_examples=examples(60), deadline=None)
@given(
    st.dictionaries(st.text(max_size=40) | st.sampled_from(["faas_function", "kubernetes.io/name"]), TEXTS, max_size=6)
)
def test_labels_of_others_are_no_marks(labels: dict[str, str]) -> None:
    """What stands on a function for somebody else is neither read nor told of, whatever it is."""
    labels = {name: text for name, text in labels.items() if not name.startswith((OURS, OPENFAAS))}
    assert marks_of(labels, labels) == ()


DURATIONS = st.lists(
    st.tuples(st.text("0123456789", min_size=1, max_size=6), st.sampled_from(["", ".5", ".25"]), st.sampled_from(["ms", "s", "m", "h", "d"])),
    min_size=1,
    max_size=4,
)  # fmt: skip
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}


@settings(max_examples=examples(200), deadline=None)
@given(DURATIONS)
def test_a_duration_is_the_sum_of_its_parts(parts: list[tuple[str, str, str]]) -> None:
    """Parts in any order and number add up, and what is written from the sum is read as the same."""
    seconds = parse_duration("".join("".join(part) for part in parts))
    assert math.isclose(seconds, sum(float(whole + part) * UNITS[unit] for whole, part, unit in parts), abs_tol=1e-9)
    assert abs(parse_duration(format_duration(seconds)) - seconds) <= 0.0005 + 1e-9 * seconds


@settings(max_examples=examples(200), deadline=None)
@given(TEXTS | st.text("0123456789.smhd ", max_size=10))
@example("9" * 400 + "d")
@example("1" * 100_000)
def test_any_text_is_a_finite_duration_or_none(text: str) -> None:
    """Whatever is written is seconds, finite and not below 0, or a ValueError that says what is allowed."""
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        assert "such as" in str(error)  # noqa: PT017
        return
    assert math.isfinite(seconds)
    assert seconds >= 0
    parse_duration(format_duration(seconds))


def test_the_key_of_a_function_is_no_mark() -> None:
    """The label that makes a Deployment a function steers nothing."""
    function = Deployed(KEY, "u", {f"{OURS}function": "true"}, {})
    assert marks_of(function.labels, function.annotations) == ()
