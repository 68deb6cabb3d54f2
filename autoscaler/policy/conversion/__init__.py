"""Settings of other autoscalers → ScalingPolicy documents, and every field that is not carried, with why.

KEDA's ScaledObjects, HorizontalPodAutoscalers, Knative's annotations and OpenFaaS's labels, each in a file of its own.
What comes out is what `check` accepts; whatever cannot be carried is a `Remark`, whatever cannot be read a `Problem`.
"""

from autoscaler.policy.conversion.converted import Converted, Made, Wanted
from autoscaler.policy.conversion.converting import convert
from autoscaler.policy.conversion.written import Remark

__all__ = ["Converted", "Made", "Remark", "Wanted", "convert"]
