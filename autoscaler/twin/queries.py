"""Which of a gateway profile's queries a text is; the twin answers those and no others."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autoscaler.policy.profiles import SignalName, profile_of
from autoscaler.policy.quantities import format_duration, parse_duration
from autoscaler.policy.source_settings import SourceSettings

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SELECTOR = re.compile(r'\{((?:[^"{}]|"(?:[^"\\]|\\.)*")*)\}')
_MATCHER = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_RANGE = re.compile(r"\[\s*([0-9a-z.]+)\s*\]")
_SHORTEST_S = 1e-3
_ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}


@dataclass(frozen=True, slots=True)
class Recognised:
    """A query of profile `openfaas`.

    Attributes:
        signal: which of the profile's queries.
        match: the labels that its selector asks for.
        range_s: the range that it averages over, seconds; None: it has none (`in_flight`).
    """

    signal: SignalName
    match: dict[str, str]
    range_s: float | None


def recognise(text: str, scrape_interval_s: float) -> Recognised | None:
    """Tell which query of the profile this is, whatever its white space; None: none of them.

    The selector and the ranges are read from the text, the profile's queries are written anew with them,
    and the text must be one of these. So nothing is answered that only looks like a known query.
    """
    found = _SELECTOR.search(text)
    match = _matchers(found.group(1)) if found else {}
    if match is None:
        return None
    wanted = _normal(text)
    ranges = [*dict.fromkeys(_ranges(text)), None]
    looked_back = ranges if '"replaced"' in text else []
    for range_s, timeout_s in ((one, timeout_s) for one in ranges for timeout_s in _timeouts(looked_back, one)):
        source = SourceSettings.model_validate(
            {
                "url": "http://twin",
                "scrapeInterval": format_duration(scrape_interval_s),
                "range": None if range_s is None else format_duration(range_s),
                "gateways": [{"profile": "openfaas", "match": match, "requestTimeout": format_duration(timeout_s)}],
            }
        )
        for query in profile_of(source.gateways[0], source).queries:
            if _normal(query.text) == wanted:
                return Recognised(query.name, match, range_s)
    return None


def _timeouts(ranges: Sequence[float | None], range_s: float | None) -> Iterator[float]:
    """Give what a gateway's `requestTimeout` may be: none of which a query speaks, or what one looks further back by."""
    yield _SHORTEST_S
    if range_s is not None:
        yield from (one - range_s for one in ranges if one is not None and one > range_s)


def _matchers(inside: str) -> dict[str, str] | None:
    """Read `name="value"` matchers; None where there is another kind of matcher."""
    match: dict[str, str] = {}
    position = 0
    while inside[position:].strip():
        found = _MATCHER.match(inside, position)
        if found is None:
            return None
        match[found.group(1)] = re.sub(r'\\[n"\\]', lambda escape: _ESCAPES[escape.group()], found.group(2))
        position = found.end()
    return match


def _ranges(text: str) -> list[float]:
    """Give the ranges of the text's range selectors; 0 and what is no duration is none."""
    ranges = []
    for found in _RANGE.findall(_STRING.sub('""', text)):
        try:
            seconds = parse_duration(found)
        except ValueError:
            continue
        if seconds > 0:
            ranges.append(seconds)
    return ranges


def _normal(text: str) -> str:
    """Take out the white space that means nothing: all of it outside strings, but between two words one blank."""
    parts: list[str] = []
    end = 0
    for string in _STRING.finditer(text):
        parts += [_squeezed(text[end : string.start()]), string.group()]
        end = string.end()
    return "".join([*parts, _squeezed(text[end:])])


def _squeezed(text: str) -> str:
    return re.sub(r"(?<!\w) | (?!\w)", "", re.sub(r"\s+", " ", text))
