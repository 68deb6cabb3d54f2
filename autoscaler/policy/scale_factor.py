"""OpenFaaS's label scale.factor: what its own alert adds to a function."""

import math

from autoscaler.policy.labels import FACTOR, Fields, Said
from autoscaler.policy.scaling import AlertRule, Boost


def with_factor(fields: Fields, percent: int | None) -> Fields:
    """Lay what OpenFaaS's scale.factor says over the alert rules.

    As a step it would climb with every notification; here it is a level: the demand, and so many replicas more.

    Args:
        fields: what holds beside it, clipped.
        percent: of the maximum; where there is none, of 20, OpenFaaS's own default. None: the label is not there.
    """
    if percent is None:
        return fields
    if percent == 0:
        return {**fields, "alerts": Said([], FACTOR)}
    most = fields["replicas.max"]
    add = math.ceil((_MOST_OF_OPENFAAS if most.value is None else most.number) * percent / 100)
    if add == 0:
        return fields  # a maximum of 0 is switched off
    boost = Boost.model_construct(factor=1.0, add=add, floor=None)
    rule = AlertRule.model_construct(match=_ALERT_OF_OPENFAAS, boost=boost, expires=300.0)
    return {**fields, "alerts": Said([*fields["alerts"].of(list), rule], FACTOR)}


_MOST_OF_OPENFAAS = 20
"""Its default of scale.max (docs.openfaas.com/architecture/autoscaling)."""
_ALERT_OF_OPENFAAS = {"alertname": "APIHighInvocationRate"}
"""The alert of OpenFaaS's own rule file; its labels name the function."""
