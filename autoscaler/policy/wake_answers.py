"""How a gateway wants its wakes answered, where the usual answers mean something else to it."""

from typing import Annotated

from pydantic import Field, field_validator

from autoscaler.policy.strict import NAMED_LOCATION, Strict

NamedLocation = Annotated[str, Field(pattern=NAMED_LOCATION)]

NO_NGINX = frozenset({"caddy", "caddy-log", "haproxy", "traefik", "traefik-v2", "envoy", "istio"})
"""Profiles of gateways that do not know `X-Accel-Redirect`."""

BODYLESS = frozenset({"nginx-ingress"})
"""Profiles of gateways that can ask by auth_request alone, which passes no body of a refusal on."""

_TAKEN = {401: "a credential that is not known", 404: "a function that is not there"}


class WakeAnswers(Strict):
    """How wakes of one gateway are answered; what is left out is answered as to everybody."""

    not_ready_status: int = Field(
        503,
        ge=400,
        le=599,
        description="Status of a wake that is not ready in time, or for which the pool has no replica left. Default 503. "
        "429 for Envoy's ext_authz, which turns 5xx into 403.",
    )
    accel_redirect: list[NamedLocation] = Field(
        default_factory=list,
        max_length=1_000,
        description="Named locations of nginx, such as `@call`, that a wake may name by `?redirect=`: once ready, the answer "
        "sends nginx there by `X-Accel-Redirect`, with method and body kept. Default: none. A path would make a GET of it.",
    )
    waiting_page: bool = Field(
        False,
        description="Whether a browser (GET or HEAD, Accept names text/html) gets a page that loads itself again until the "
        "function is ready, at once and with notReadyStatus, and is not held. Default false: a program that asks for "
        "HTML would take the page for the answer. nginx's auth_request drops it; Caddy and Traefik pass it on.",
    )

    @field_validator("not_ready_status")
    @classmethod
    def _has_no_other_meaning(cls, status: int) -> int:
        if status in _TAKEN:
            raise ValueError(f"allowed: 400 to 599, but {status}, which says {_TAKEN[status]}")
        return status
