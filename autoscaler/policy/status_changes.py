"""A draft and the status that is there → the fields to write, of the daemon's own alone."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from autoscaler.policy.conditions import Claim
from autoscaler.policy.reports import Draft
from autoscaler.policy.statuses import MOMENT, Condition, ScalingPolicyStatus, TenantStatus

Json = Mapping[str, object]

_MOMENT = re.compile(MOMENT)

_OWN = {
    "Tenant": ("observedGeneration", "conditions", "reason", "functions", "namespaces", "budget"),
    "ScalingPolicy": ("observedGeneration", "conditions", "reason", "functions", "clipped"),
}
"""Fields that the daemon writes; `callers` are somebody else's."""


def changes_of(draft: Draft, before: Json, utc_s: float) -> dict[str, object]:
    """Give the fields of a status that have to change so that it says what the draft says; None takes one away.

    A condition keeps its time as long as its `status` is the same.

    Args:
        before: the status that is there; whatever is malformed in it is replaced.
        utc_s: now, UTC seconds.
    """
    wanted = _dumped(draft, before, utc_s)
    own = _OWN[draft.identity.kind]
    return {name: wanted.get(name) for name in own if _text(before.get(name)) != _text(wanted.get(name))}


def _text(value: object) -> str:
    """Write a value as JSON: to Python `false` is 0, to whoever reads a status it is none."""
    return json.dumps(value, sort_keys=True)


def _dumped(draft: Draft, before: Json, utc_s: float) -> dict[str, object]:
    text = draft.text
    times = _times(before)
    now = datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = [
        _condition(claim, times.get((claim.type, claim.status), now), text.generation) for claim in text.claims
    ]
    status: TenantStatus | ScalingPolicyStatus
    if draft.identity.kind == "Tenant":
        status = TenantStatus(
            observed_generation=text.generation,
            conditions=conditions,
            reason=text.reason,
            functions=draft.functions,
            namespaces=list(text.namespaces),
            budget=draft.budget,
        )
    else:
        status = ScalingPolicyStatus(
            observed_generation=text.generation,
            conditions=conditions,
            reason=text.reason,
            functions=draft.functions,
            clipped=list(text.clipped),
        )
    return status.model_dump(mode="json", by_alias=True, exclude_none=True)


def _condition(claim: Claim, since: str, generation: int) -> Condition:
    return Condition(
        type=claim.type,
        status=claim.status,
        reason=claim.reason,
        message=claim.message,
        last_transition_time=since,
        observed_generation=generation,
    )


def _times(before: Json) -> dict[tuple[str, str], str]:
    """Give since when each condition has its status."""
    listed = before.get("conditions")
    found: dict[tuple[str, str], str] = {}
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, Mapping) and _MOMENT.fullmatch(time := str(one.get("lastTransitionTime"))):
            found[str(one.get("type")), str(one.get("status"))] = time
    return found
