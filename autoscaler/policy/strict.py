"""What every model of settings and documents is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from autoscaler.policy.quantities import Duration

HTTP_URL = r"^https?://[^\s]+$"
HEX_64 = r"^[0-9a-f]{64}$"
DNS_NAME = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
FUNCTION_NAME = r"^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/)?[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"
NAMED_LOCATION = r"^@[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"
Sha256 = Annotated[str, Field(pattern=HEX_64)]
Positive = Annotated[Duration, Field(gt=0)]
LabelKey = Annotated[
    str, Field(pattern=r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")
]
LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]


class Strict(BaseModel):
    """Base of every settings and policy model: camelCase outside, unknown fields refused, immutable."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, strict=True, allow_inf_nan=False
    )
