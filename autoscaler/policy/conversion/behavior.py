"""`behavior` of a HorizontalPodAutoscaler → `scaleUp` and `scaleDown`; KEDA has it too, under another name.

Source: kubernetes v1.36.3 pkg/apis/autoscaling/v2/defaults.go for what is left out.
"""

from autoscaler.policy.conversion.converted import Document
from autoscaler.policy.conversion.quantities import quantity
from autoscaler.policy.conversion.written import Written
from autoscaler.policy.quantities import format_duration

TOLERANCE = 0.1
"""`--horizontal-pod-autoscaler-tolerance` as it ships."""
DOWN_S = 300
"""`--horizontal-pod-autoscaler-downscale-stabilization` as it ships."""

_MOST_POLICIES = 8
_NO_RATE = 1000
"""Factor per tick that never binds: an HPA has none."""
_PERCENT = {"type": "Percent", "value": 100, "period": "15s"}
_UP: list[Document] = [{"type": "Pods", "value": 4, "period": "15s"}, _PERCENT]
_DOWN: list[Document] = [_PERCENT]
_SELECT = ("Max", "Min", "Disabled")


def guards(behavior: Written) -> Document:
    """Give `scaleUp`, `scaleDown` and `windows`: what an HPA does with a load, and without its `behavior` as well.

    It averages nothing and knows no panic, so there is no panic window; its own look-back does the rest.
    """
    return {
        "windows": {"panic": None},
        "scaleUp": _direction(behavior.at("scaleUp"), 0, _UP),
        "scaleDown": _direction(behavior.at("scaleDown"), DOWN_S, _DOWN),
    }


def stabilization_s(behavior: Written) -> int:
    """Give the look-back before a cut, seconds."""
    found = behavior.at("scaleDown", "stabilizationWindowSeconds").whole(0, 3600)
    return DOWN_S if found is None else found


def _direction(found: Written, window_s: int, default: list[Document]) -> Document:
    window = found.at("stabilizationWindowSeconds").whole(0, 3600)
    select = found.at("selectPolicy")
    chosen = select.text() or "Max"
    if chosen not in _SELECT:
        select.refuse(", ".join(_SELECT))
        chosen = "Max"
    policies = found.at("policies")
    return {
        "maxRate": _NO_RATE,
        "tolerance": _tolerance(found.at("tolerance")),
        "stabilization": format_duration(window_s if window is None else window),
        "policies": [dict(one) for one in default] if not policies.is_there else _policies(policies),
        "selectPolicy": chosen,
    }


def _tolerance(found: Written) -> float:
    text = found.text()
    try:
        value = TOLERANCE if text is None else quantity(text)
    except ValueError as error:
        found.refuse(str(error))
        return TOLERANCE
    if value >= 1:
        found.drop(f"a tolerance of {value:g} lets a load double or vanish; {TOLERANCE} holds, below 1 is allowed")
        return TOLERANCE
    return value


def _policies(found: Written) -> list[Document]:
    result: list[Document] = []
    for one in found.items():
        kind, value = one.at("type"), one.at("value").whole(1)
        period_s, name = one.at("periodSeconds").whole(1, 1800), kind.text()
        if name not in ("Pods", "Percent"):
            kind.refuse("Pods or Percent") if kind.is_there else one.refuse("a mapping with type, value, periodSeconds")
        elif value is None or period_s is None:
            one.refuse("a mapping with type, value, periodSeconds") if not one.account.problems else None
        elif len(result) == _MOST_POLICIES:
            one.drop(f"a policy has {_MOST_POLICIES} of them at most")
        else:
            result.append({"type": name, "value": value, "period": format_duration(period_s)})
    return result
