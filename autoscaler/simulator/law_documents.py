"""Laws of service and start-up times as scenarios write them."""

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from autoscaler.policy.quantities import Duration, parse_duration
from autoscaler.policy.strict import Strict
from autoscaler.simulator.laws import Constant, Empirical, Exponential, Law, Lognormal

MOST_VALUES = 1_000_000
"""Values of one empirical law at most."""

MOST_CV = 100.0

NotNegative = Annotated[Duration, Field(ge=0)]
Positive = Annotated[Duration, Field(gt=0)]
Cv = Annotated[float, Field(gt=0, le=MOST_CV)]


class Measured(Strict):
    """Durations that were measured, each as likely as another: listed here, or a column of a file."""

    type: Literal["empirical"]
    values: tuple[NotNegative, ...] | None = Field(
        None, min_length=1, max_length=MOST_VALUES, strict=False, description="The durations. Default: `file` has them."
    )
    file: str | None = Field(None, min_length=1, description="A .csv or .csv.gz that has them. Default: `values`.")
    column: str = Field("duration", min_length=1, description="Its column. Default `duration`.")
    unit: Literal["s", "ms"] = Field("s", description="What the column holds. Default s.")

    @model_validator(mode="after")
    def _are_known(self) -> "Measured":
        if (self.values is None) == (self.file is None):
            raise ValueError("`values` or `file`, one of them")
        if self.values is not None and not any(self.values):
            raise ValueError("one value above 0s at least")
        return self

    def law(self) -> Law:
        """Give the law.

        Raises:
            ValueError: its file was not read.
        """
        if self.values is None:
            raise ValueError(f"{self.file} was not read")
        return Empirical(np.array(self.values))


class ExponentialTimes(Strict):
    """Exponential service times of mean `service`."""

    type: Literal["exponential"]

    def law(self, mean_s: float) -> Law:
        return Exponential(mean_s)


class ConstantTimes(Strict):
    """Every request is served for `service`."""

    type: Literal["constant"]

    def law(self, mean_s: float) -> Law:
        return Constant(mean_s)


class LognormalTimes(Strict):
    """Lognormal service times of mean `service`."""

    type: Literal["lognormal"]
    cv: Cv = Field(description="Standard deviation as a multiple of the mean. No default.")

    def law(self, mean_s: float) -> Law:
        return Lognormal(mean_s, self.cv)


class ConstantStart(Strict):
    """Every start takes the same time."""

    type: Literal["constant"]
    mean: NotNegative = Field(description="That time. No default.")

    def law(self) -> Law:
        return Constant(self.mean)


class ExponentialStart(Strict):
    """Exponential start-up times."""

    type: Literal["exponential"]
    mean: Positive = Field(description="Their mean. No default.")

    def law(self) -> Law:
        return Exponential(self.mean)


class LognormalStart(Strict):
    """Lognormal start-up times."""

    type: Literal["lognormal"]
    mean: Positive = Field(description="Their mean. No default.")
    cv: Cv = Field(description="Standard deviation as a multiple of the mean. No default.")

    def law(self) -> Law:
        return Lognormal(self.mean, self.cv)


SERVICE_TIMES: Mapping[str, type[Strict]] = {
    "exponential": ExponentialTimes,
    "constant": ConstantTimes,
    "lognormal": LognormalTimes,
    "empirical": Measured,
}
START_UPS: Mapping[str, type[Strict]] = {
    "constant": ConstantStart,
    "exponential": ExponentialStart,
    "lognormal": LognormalStart,
    "empirical": Measured,
}
"""The laws of documents by their `type`."""


def _named(value: object) -> object:
    """Take a name for the law without further fields.

    Raises:
        ValueError: it is neither a name nor a law.
    """
    if not isinstance(value, str | Mapping | Strict):
        raise ValueError("exponential, constant, or a law such as {type: lognormal, cv: 2.0}")
    return {"type": value} if isinstance(value, str) else value


def _timed(value: object) -> object:
    """Take a duration for the law that is always it.

    Raises:
        ValueError: it is no law and no duration.
    """
    if isinstance(value, Mapping | Strict):
        return value
    try:
        is_possible = parse_duration(value) >= 0
    except ValueError as error:
        raise ValueError(f"{error}, or a law such as {{type: lognormal, mean: 3s, cv: 2.0}}") from error
    return {"type": "constant", "mean": value} if is_possible else value


ServiceTimes = ExponentialTimes | ConstantTimes | LognormalTimes | Measured
ServiceTimesField = Annotated[ServiceTimes, Field(discriminator="type"), BeforeValidator(_named)]
"""A law of service times; a text is the `type` of one without further fields."""

StartUp = ConstantStart | ExponentialStart | LognormalStart | Measured
StartUpField = Annotated[StartUp, Field(discriminator="type"), BeforeValidator(_timed)]
"""A law of start-up times; a duration is every start's."""


def always(text: str) -> StartUp:
    """Give the start-up time that is always this duration."""
    return ConstantStart.model_validate({"type": "constant", "mean": text})
