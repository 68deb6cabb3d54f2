"""How a command reaches the daemon, and as whom: straight, or through the API server of a kubeconfig."""

import functools
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from autoscaler.cli import PLUGIN
from autoscaler.cli.errors import WrongConfiguration

if TYPE_CHECKING:
    from autoscaler.cli.kubeconfig import Access

HERE = "http://127.0.0.1:8080"
SERVICE = "autoscaler/autoscaler:http"
THROUGH_A_PROXY = "X-Autoscaler-Authorization"
"""Where the daemon's own token stands: the API server keeps `Authorization` for itself."""
CERTIFICATE_OPTIONS = "--ca-file, --client-cert, --client-key and --tls-server-name"

_SERVICE = re.compile(r"([a-z0-9-]{1,63})/((?:https:)?[a-z0-9-]{1,63}):([a-z0-9-]{1,63})")
_MADE_BY_KUBECTL = "a token of `kubectl create token NAME -n NAMESPACE` with --token or --token-file"


@dataclass(frozen=True)
class Target:
    """Where requests go, and what goes with them.

    Attributes:
        url: what paths of the API are put after.
        words: what stands there, for messages.
        option: the option that names it, for messages.
        headers: credentials.
        namespace: the namespace that is meant where none is given; None: all.
        trust: for TLS; None: what the system trusts.
        server_name: name in the certificate; None: that of the address.
        proxy: URL of the proxy in between; None: there is none.
    """

    url: str
    words: str
    option: str
    headers: Mapping[str, str] = field(repr=False)
    namespace: str | None = None
    trust: ssl.SSLContext | None = None
    server_name: str | None = None
    proxy: str | None = None


@dataclass(frozen=True)
class DaemonTLS:
    """How a daemon that speaks TLS is known, and who asks by a certificate.

    Attributes:
        ca_file: authorities that its certificate may be of; None: those that the system trusts.
        server_name: name that its certificate has; None: that of the address.
        client_cert: our own certificate; None: we show none.
        client_key: its key; None: it stands in the same file.
    """

    ca_file: str | None = None
    server_name: str | None = None
    client_cert: str | None = None
    client_key: str | None = None

    def trust(self) -> ssl.SSLContext | None:
        """Give the context to ask with; None: the usual one.

        Raises:
            WrongConfiguration: a file cannot be used.
        """
        if self.client_key is not None and self.client_cert is None:
            raise WrongConfiguration(
                "--client-key without --client-cert; allowed: both, or the certificate's file alone"
            )
        if self.ca_file is None and self.client_cert is None:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except (ssl.SSLError, OSError) as error:
            raise WrongConfiguration(f"--ca-file {self.ca_file}: {_why(error)}; allowed: certificates, PEM") from None
        try:
            if self.client_cert is not None:
                context.load_cert_chain(self.client_cert, self.client_key, password="")
        except (ssl.SSLError, OSError) as error:
            allowed = "a certificate and its unencrypted key, PEM"
            words = f"--client-cert {self.client_cert}, --client-key: {_why(error)}; allowed: {allowed}"
            raise WrongConfiguration(words) from None
        return context


@dataclass(frozen=True)
class Reach:
    """What the options say of the daemon.

    Attributes:
        server: its URL; None: none was given.
        token: bearer token; None: none was given.
        token_file: file with one.
        kubeconfig: file; None: the usual one.
        context: context in it; None: the current one.
        service: `NAMESPACE/NAME:PORT` of the daemon's Service, `NAMESPACE/https:NAME:PORT` where it has TLS.
        is_plugin: the program was called by kubectl.
        tls: how the daemon is known by its certificate, and we by ours.
    """

    server: str | None
    token: str | None = field(repr=False)
    token_file: str | None
    kubeconfig: str | None
    context: str | None
    service: str
    is_plugin: bool
    tls: DaemonTLS = DaemonTLS()

    @functools.cached_property
    def target(self) -> Target:
        """Where requests go; a kubeconfig is read only if it was asked for, or kubectl called.

        Raises:
            WrongConfiguration: an option, the kubeconfig or a token cannot be used.
        """
        own = self._own_token()
        if not self.is_plugin and self.kubeconfig is None and self.context is None:
            return self._straight(self.server or HERE, own, None)
        from autoscaler.cli.kubeconfig import read_access

        access = read_access(self.kubeconfig, self.context)
        if self.server is None:
            return _through(access, self.service, own)
        if own is None and access.token is not None:
            _refuse_clear_text(self.server)
        return self._straight(self.server, own or access.token, access.namespace)

    def _straight(self, server: str, token: str | None, namespace: str | None) -> Target:
        url = server.rstrip("/")
        if self.tls != DaemonTLS() and urlsplit(url).scheme != "https":
            raise WrongConfiguration(
                f"--server {server}: {CERTIFICATE_OPTIONS} are for https; allowed: https://HOST:PORT"
            )
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return Target(
            url, f"The daemon at {url}", "--server", headers, namespace, self.tls.trust(), self.tls.server_name
        )

    def _own_token(self) -> str | None:
        if self.token:
            return _checked(self.token, "--token")
        return _read_token(self.token_file) if self.token_file else None


def daemon_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say where the daemon is and who asks, and hand them on as one `reach`."""

    @functools.wraps(command)
    def bundled(
        *,
        server: str | None,
        token: str | None,
        token_file: str | None,
        kubeconfig: str | None,
        context: str | None,
        service: str,
        ca_file: str | None,
        tls_server_name: str | None,
        client_cert: str | None,
        client_key: str | None,
        **others: object,
    ) -> None:
        is_plugin = click.get_current_context().find_root().info_name == PLUGIN
        tls = DaemonTLS(ca_file, tls_server_name, client_cert, client_key)
        command(reach=Reach(server, token, token_file, kubeconfig, context, service, is_plugin, tls), **others)

    for option in _OPTIONS:
        bundled = option(bundled)
    return bundled


_OPTIONS = (
    click.option(
        "--client-key",
        envvar="AUTOSCALER_CLIENT_KEY",
        metavar="FILE",
        help="Its key, where that file has none. [env var: AUTOSCALER_CLIENT_KEY]",
    ),
    click.option(
        "--client-cert",
        envvar="AUTOSCALER_CLIENT_CERT",
        metavar="FILE",
        help="Certificate to be known by at --server. [env var: AUTOSCALER_CLIENT_CERT]",
    ),
    click.option(
        "--tls-server-name",
        envvar="AUTOSCALER_TLS_SERVER_NAME",
        metavar="NAME",
        help="Name in the certificate of --server, where that is not the address's. [env var: AUTOSCALER_TLS_SERVER_NAME]",
    ),
    click.option(
        "--ca-file",
        envvar="AUTOSCALER_CA_FILE",
        metavar="FILE",
        help="Authorities of the certificate of --server. Default: the system's. [env var: AUTOSCALER_CA_FILE]",
    ),
    click.option(
        "--service",
        default=SERVICE,
        show_default=True,
        metavar="NAMESPACE/NAME:PORT",
        help="Service of the daemon, asked through the API server of the kubeconfig; NAMESPACE/https:NAME:PORT where it has TLS.",
    ),
    click.option(
        "--context", metavar="NAME", help="Context of the kubeconfig; through its cluster the daemon is asked."
    ),
    click.option("--kubeconfig", metavar="FILE", help="Ask through this cluster. As kubectl plugin: the usual one."),
    click.option(
        "--token-file",
        envvar="AUTOSCALER_TOKEN_FILE",
        metavar="FILE",
        help="File with the bearer token. [env var: AUTOSCALER_TOKEN_FILE]",
    ),
    click.option(
        "--token",
        envvar="AUTOSCALER_TOKEN",
        metavar="TOKEN",
        help="Bearer token: an operator's, a tenant's, or one of Kubernetes. [env var: AUTOSCALER_TOKEN]",
    ),
    click.option(
        "--server",
        envvar="AUTOSCALER_SERVER",
        metavar="URL",
        help=f"The daemon. Default: {HERE}; as kubectl plugin through the kubeconfig. [env var: AUTOSCALER_SERVER]",
    ),
)


def _through(access: "Access", service: str, own: str | None) -> Target:
    """Ask through the API server's proxy of Services: who may use it needs no route into the cluster."""
    named = _SERVICE.fullmatch(service)
    if named is None:
        raise WrongConfiguration(
            f"--service {service} is no Service; NAMESPACE/NAME:PORT or NAMESPACE/https:NAME:PORT is allowed, such as {SERVICE}"
        )
    token = own or access.token
    if token is None:
        raise WrongConfiguration(
            f"The context {access.context} logs in without a bearer token, and another credential the daemon cannot "
            f"check; allowed: {_MADE_BY_KUBECTL}"
        )
    headers = {THROUGH_A_PROXY: f"Bearer {token}"}
    if access.token is not None:
        headers["Authorization"] = f"Bearer {access.token}"
    namespace, name, port = named.groups()
    return Target(
        f"{access.url}/api/v1/namespaces/{namespace}/services/{name}:{port}/proxy",
        f"The daemon behind {service} of the context {access.context}",
        "--service, --context",
        headers,
        access.namespace,
        access.trust,
        access.server_name,
        access.proxy,
    )


def _refuse_clear_text(server: str) -> None:
    """Let no cluster credential, which nobody typed for this address, go out where others may read it."""
    parts = urlsplit(server)
    if parts.scheme == "https" or parts.hostname == "localhost" or _is_loopback(parts.hostname or ""):
        return
    raise WrongConfiguration(
        f"--server {server}: the kubeconfig's token is not sent unencrypted; allowed: https, an address of this machine "
        f"(kubectl port-forward), or {_MADE_BY_KUBECTL}"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _why(error: ssl.SSLError | OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "no certificate").lower().replace("_", " ")
    return error.strerror or "cannot be read"


def _read_token(path: str) -> str:
    try:
        return _checked(Path(path).read_text().strip(), f"--token-file {path}")
    except (OSError, UnicodeDecodeError):
        raise WrongConfiguration(f"--token-file {path} cannot be read; a text file with one token is allowed") from None


def _checked(token: str, origin: str) -> str:
    """Give a token that a header can carry; another is refused without being shown."""
    if not token or not all("!" <= sign <= "~" for sign in token):
        raise WrongConfiguration(f"{origin} holds no token; one word of ASCII letters, digits and signs is allowed")
    return token
