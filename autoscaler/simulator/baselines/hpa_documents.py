"""`behavior` of a HorizontalPodAutoscaler, as `kubectl get hpa -o yaml` shows it and the API server allows it."""

from typing import Annotated, Literal

from pydantic import Field

from autoscaler.core.lanes import Select
from autoscaler.policy.strict import Strict
from autoscaler.simulator.baselines.hpa_spec import HpaBehavior, HpaDirection, HpaPolicy, completed

_SELECT = {"Max": Select.MAX, "Min": Select.MIN, "Disabled": Select.DISABLED}


class PolicyDocument(Strict):
    """One scaling policy."""

    type: Literal["Pods", "Percent"]
    value: int = Field(ge=1, description="Pods, or percent of what ran when the period began. No default.")
    period_seconds: int = Field(ge=1, le=1800, description="Its period. No default.")


class DirectionDocument(Strict):
    """`scaleUp` or `scaleDown`."""

    stabilization_window_seconds: Annotated[int, Field(ge=0, le=3600)] | None = Field(
        None, description="Look-back. Default: 0 up, the controller's `stabilization` down."
    )
    select_policy: Literal["Max", "Min", "Disabled"] | None = Field(
        None, description="Which of several policies holds. Default Max."
    )
    policies: Annotated[list[PolicyDocument], Field(min_length=1)] | None = Field(
        None, description="Default: up 4 Pods or 100 Percent in 15 s, down 100 Percent in 15 s."
    )
    tolerance: Annotated[float, Field(ge=0)] | None = Field(
        None, description="Dead band in this direction. Default: the controller's `tolerance`."
    )


class BehaviorDocument(Strict):
    """How fast objects may scale; what is left out is as the API server fills it in."""

    scale_up: DirectionDocument | None = Field(None, description="Growth. Default: the API server's.")
    scale_down: DirectionDocument | None = Field(None, description="Shrinkage. Default: the API server's.")


def behavior_of(document: BehaviorDocument | None) -> HpaBehavior | None:
    """Give the completed behavior; None: left out, which is no empty one."""
    return None if document is None else completed(_direction(document.scale_up), _direction(document.scale_down))


def _direction(document: DirectionDocument | None) -> HpaDirection | None:
    if document is None:
        return None
    policies = None
    if document.policies is not None:
        policies = tuple(HpaPolicy(one.type == "Percent", one.value, one.period_seconds) for one in document.policies)
    select = None if document.select_policy is None else _SELECT[document.select_policy]
    window_s = document.stabilization_window_seconds
    return HpaDirection(window_s, select, policies, document.tolerance)
