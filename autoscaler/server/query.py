"""Query parameters, read strictly: an unknown or repeated one is refused, not ignored."""

import re
from collections.abc import Mapping, Set

from aiohttp import web

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.reasons import Reason
from autoscaler.policy.quantities import parse_duration
from autoscaler.server.errors import Refused
from autoscaler.server.selection import State

_DNS_1123 = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]{1,9}")


def parameters(request: web.Request, allowed: Set[str]) -> Mapping[str, str]:
    """Give the query parameters, each at most once.

    Raises:
        Refused: 400 for one that is not allowed or comes twice.
    """
    found: dict[str, str] = {}
    names = ", ".join(sorted(allowed)) or "none"
    for name, value in request.query.items():
        if name not in allowed:
            raise Refused(400, "unknown query parameter", "query", f"one of: {names}")
        if name in found:
            raise Refused(400, "query parameter given twice", f"query {name}", "once")
        found[name] = value
    return found


def function_key(request: web.Request) -> FunctionKey:
    """Give the function that the path names.

    Raises:
        Refused: 400 where a part is no name that Kubernetes would allow.
    """
    namespace, name = request.match_info["namespace"], request.match_info["function"]
    if not _DNS_1123.fullmatch(namespace):
        raise Refused(400, "this is no namespace", "path, part 3", "a DNS-1123 label: a-z, 0-9 and -, at most 63")
    if not _SUBDOMAIN.fullmatch(name):
        raise Refused(400, "this is no function", "path, part 4", "a DNS-1123 name: a-z, 0-9, - and ., at most 253")
    return FunctionKey(namespace, name)


def named_namespace(request: web.Request) -> str | None:
    """Give the namespace that the path or `?namespace=` names; None: no one, or what cannot be one."""
    text = request.match_info.get("namespace") or request.query.get("namespace", "")
    return text if _DNS_1123.fullmatch(text) else None


def page_size(found: Mapping[str, str], largest: int) -> int:
    """Give `limit`, or the largest page where there is none.

    Raises:
        Refused: 400 where it is no whole number from 1 to `largest`.
    """
    text = found.get("limit", str(largest))
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= largest:
        raise Refused(400, "this is no page size", "query limit", f"a whole number from 1 to {largest}")
    return int(text)


def reason(found: Mapping[str, str]) -> Reason | None:
    """Give the reason to filter by; None where none is asked for.

    Raises:
        Refused: 400 where there is no such reason.
    """
    if "reason" not in found:
        return None
    try:
        return Reason[found["reason"]]
    except KeyError:
        names = ", ".join(Reason.__members__)
        raise Refused(400, "there is no such reason", "query reason", f"one of: {names}") from None


def state(found: Mapping[str, str]) -> State | None:
    """Give the state to filter by; None where none is asked for.

    Raises:
        Refused: 400 where there is no such state.
    """
    if "state" not in found:
        return None
    try:
        return State(found["state"])
    except ValueError:
        names = ", ".join(one.value for one in State)
        raise Refused(400, "there is no such state", "query state", f"one of: {names}") from None


def hold_s(request: web.Request, longest_s: float) -> float | None:
    """Give `hold` in seconds; None where the policy shall say.

    A wake's other parameters are ignored, because a gateway may pass on those of its own client.

    Raises:
        Refused: 400 where it is no duration up to `longest_s`.
    """
    text = request.query.get("hold")
    if text is None:
        return None
    try:
        seconds = 0.0 if text == "0" else parse_duration(text)
    except ValueError:
        seconds = float("inf")
    if seconds > longest_s:
        raise Refused(400, "this is no hold", "query hold", f"0, or a duration such as 25s up to {longest_s:.0f}s")
    return seconds
