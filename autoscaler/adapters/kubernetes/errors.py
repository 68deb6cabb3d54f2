"""What can go wrong between us and the API server, in this package's own words."""


class ClusterError(Exception):
    """Base of everything that this package raises."""


class ConfigurationError(ClusterError):
    """The kubeconfig or the in-cluster files cannot be used."""


class Unreachable(ClusterError):
    """No connection, a time-out, or a connection that broke."""


class Garbled(ClusterError):
    """The answer is no Kubernetes JSON."""


class Expired(ClusterError):
    """The API server no longer knows the resource version or page token (410): list anew."""


class Refused(ClusterError):
    """The API server answered with an error.

    Attributes:
        status: HTTP status.
        retry_after_s: seconds that it asks to wait; None: it does not say.
        body: its answer, a `Status` object where it is one.
    """

    def __init__(self, status: int, body: dict[str, object], retry_after_s: float | None = None) -> None:
        super().__init__(f"{status}: {body.get('message') or body.get('reason') or 'no reason given'}")
        self.status = status
        self.body = body
        self.retry_after_s = retry_after_s
