"""What replicas and requests cost: a price table of the scenario, in whatever currency its numbers are."""

from typing import Annotated

from pydantic import Field

from autoscaler.policy.strict import Strict

HOUR_S = 3_600.0
MILLION = 1e6

Price = Annotated[float, Field(ge=0)]


class Prices(Strict):
    """Prices; what none is given for costs nothing."""

    replica_hour: Price = Field(
        0.0, description="Of one replica for an hour, while it starts, is ready or ends. Default 0."
    )
    gb_hour: Price = Field(0.0, description="Of one GB (1024 MiB) of a replica's memory for an hour. Default 0.")
    gb_hour_idle: Price | None = Field(
        None, description="The same while a replica is ready and serves nothing. Default: `gbHour`."
    )
    million_requests: Price = Field(0.0, description="Of a million requests that were served. Default 0.")

    def cost(self, *, replica_seconds: float, gb_s: float, idle_gb_s: float, served: int) -> float:
        """Give what this costs in all.

        Args:
            gb_s: GB-seconds, those idle included.
        """
        idle_price = self.gb_hour if self.gb_hour_idle is None else self.gb_hour_idle
        memory = (gb_s - idle_gb_s) * self.gb_hour + idle_gb_s * idle_price
        return (replica_seconds * self.replica_hour + memory) / HOUR_S + served / MILLION * self.million_requests
