"""Who may call, as settings and documents name them."""

from pydantic import Field, model_validator

from autoscaler.policy.field_reference import told
from autoscaler.policy.strict import Sha256, Strict


class CallerSettings(Strict):
    """Somebody with a credential, of one kind: `tokenSHA256`, `username` with `passwordSHA256`, or `certificateSAN`.

    The secret itself is never written down.
    """

    token_sha256: Sha256 | None = Field(
        None,
        alias="tokenSHA256",
        description="SHA-256 of the bearer token, lower-case hex. A hash, so that a leaked file opens nothing.",
        json_schema_extra=told("–", "ours", "null; a leaked hash opens nothing"),
    )
    username: str | None = Field(
        None,
        min_length=1,
        max_length=253,
        pattern=r"^[^:\x00-\x1f\x7f]+$",
        description="User name of basic authentication; with `passwordSHA256`.",
        json_schema_extra=told("–", "ours", "null; a token is simpler"),
    )
    password_sha256: Sha256 | None = Field(
        None,
        alias="passwordSHA256",
        description="SHA-256 of the password of basic authentication, lower-case hex.",
        json_schema_extra=told("–", "ours", "null; a token is simpler"),
    )
    certificate_san: str | None = Field(
        None,
        min_length=1,
        max_length=2048,
        pattern=r"^(DNS|URI|email):[!-~]+$",
        alias="certificateSAN",
        description="A name of the client's certificate, as `DNS:NAME`, `URI:URI` or `email:ADDRESS`; the certificate must "
        "be signed by `tls.clientCAFile`.",
        json_schema_extra=told("–", "ours", "null; it needs TLS of the daemon's own"),
    )

    @model_validator(mode="after")
    def _is_one(self) -> "CallerSettings":
        basic = (self.username, self.password_sha256)
        kinds = [self.token_sha256 is not None, basic != (None, None), self.certificate_san is not None]
        if sum(kinds) != 1 or (kinds[1] and None in basic):
            raise ValueError("allowed: one of tokenSHA256, username with passwordSHA256, certificateSAN")
        return self
