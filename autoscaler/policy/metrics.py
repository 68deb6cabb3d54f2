"""One entry of `metrics`: what is measured, and how much of it one replica shall carry."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator, model_validator

from autoscaler.policy.field_reference import told
from autoscaler.policy.promql import understood
from autoscaler.policy.strict import Strict

Kind = Literal["rps", "concurrency", "cpu", "queue", "query"]
TargetType = Literal["AverageValue", "Value"]

GATEWAYS = ("rps", "concurrency")
"""Kinds that a gateway measures; the others are lanes of their own."""

_MILLI = re.compile(r"[0-9]{1,9}m")


def amount(value: object) -> object:
    """Read `500m` as 0.5, as Kubernetes writes parts of a core; anything else stays as it is."""
    return int(value[:-1]) / 1000 if isinstance(value, str) and _MILLI.fullmatch(value) else value


Amount = Annotated[
    float,
    BeforeValidator(amount),
    Field(gt=0, le=1e9),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": 1e9},
                {"type": "string", "pattern": "^[0-9]{1,9}m$"},
            ]
        }
    ),
]


def _either_type_or_query(schema: dict[str, Any]) -> None:
    schema["required"] = ["target"]
    schema["anyOf"] = [{"required": ["type"]}, {"required": ["query"]}]


class Metric(Strict):
    """One measure of load and how much of it one replica shall carry."""

    model_config = ConfigDict(json_schema_extra=_either_type_or_query)

    type: Kind = Field(
        description="What is measured: `rps`, requests/s; `concurrency`, mean requests in flight; `cpu`, cores in use; "
        "`queue`, messages that wait; `query`, a PromQL query of one's own.",
        json_schema_extra=told(
            "–",
            "Knative metric, OpenFaaS scale.type, HPA type, KEDA type",
            "none, for the kinds differ by orders of magnitude; `query` where a query is given",
        ),
    )
    target: Amount = Field(
        description="Load of one replica that counts as full; `500m` is 0.5. With targetType Value: the level aimed at.",
        json_schema_extra=told(
            "requests/s, requests, cores, messages, or the query's own",
            "Knative target, OpenFaaS scale.target, HPA averageValue, KEDA threshold",
            "none, for only its owner knows what one replica carries",
        ),
    )
    target_type: TargetType = Field(
        "AverageValue",
        description="`AverageValue`: the metric is a sum that replicas share. `Value`: it is a level that more replicas "
        "lower, so that ready replicas are multiplied by metric / target; for cpu, queue and query alone.",
        json_schema_extra=told("–", "HPA target.type, KEDA metricType", "most loads are shared, KEDA's default too"),
    )
    utilization: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None,
        description="Fraction of the target aimed at; null: 0.7 for rps and concurrency, 1 for the others.",
        json_schema_extra=told(
            "fraction",
            "Knative target-utilization-percentage, OpenFaaS scale.target-proportion",
            "0.7 is Knative's: the rest carries what arrives while replicas start; "
            "HPA and KEDA aim at the target itself",
        ),
    )
    query: str | None = Field(
        None,
        description="PromQL whose answer is one number, or one series for each function by labels namespace and "
        "function. It is confined to the tenant's own namespaces.",
        json_schema_extra=told("–", "KEDA query, HPA external metric", "none, for only its owner knows what to ask"),
    )
    activity: str | None = Field(
        None,
        description="PromQL that is 0 where nothing goes on; without it a function with a query never goes to zero.",
        json_schema_extra=told(
            "–", "KEDA activationThreshold", "null, for a small load is no proof that there is none"
        ),
    )

    @model_validator(mode="before")
    @classmethod
    def _a_query_is_a_type(cls, value: object) -> object:
        if isinstance(value, dict) and "query" in value and "type" not in value:
            return {**value, "type": "query"}
        return value

    @field_validator("query", "activity")
    @classmethod
    def _is_promql(cls, text: str | None) -> str | None:
        return None if text is None else understood(text)

    @model_validator(mode="after")
    def _fits_together(self) -> "Metric":
        if (self.type == "query") != (self.query is not None):
            raise ValueError("a query with type query, or without a type, and with no other type")
        if self.activity is not None and self.query is None:
            raise ValueError("an activity only beside a query; the other types know themselves what is idle")
        if self.target_type == "Value" and self.type in GATEWAYS:
            raise ValueError(f"targetType AverageValue; {self.type} is shared by the replicas")
        return self

    @property
    def share(self) -> float:
        """Fraction of the target aimed at."""
        if self.utilization is not None:
            return self.utilization
        return 0.7 if self.type in GATEWAYS else 1.0

    @property
    def queries(self) -> tuple[str, ...]:
        """The PromQL that it has asked."""
        return tuple(text for text in (self.query, self.activity) if text is not None)
