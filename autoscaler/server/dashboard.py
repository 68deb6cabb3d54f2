"""The dashboard: static files without data, under a policy that allows nothing but themselves."""

from collections.abc import Awaitable, Callable
from importlib import resources

from aiohttp import web

_TYPES = {"index.html": "text/html", "app.js": "text/javascript", "style.css": "text/css", "icon.svg": "image/svg+xml"}

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


class Dashboard:
    """`/` and the files beside it, read once."""

    def __init__(self) -> None:
        folder = resources.files("autoscaler.server") / "static"
        self._files = {name: (folder / name).read_bytes() for name in _TYPES}

    def routes(self) -> list[web.RouteDef]:
        """Give one route for each file; no path of a request ever reaches the disk."""
        paths = {name: "/" if name == "index.html" else f"/{name}" for name in _TYPES}
        return [web.get(path, self._handler(name)) for name, path in paths.items()]

    def _handler(self, name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def serve(_request: web.Request) -> web.Response:
            return web.Response(
                body=self._files[name],
                content_type=_TYPES[name],
                charset="utf-8",
                headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"},
            )

        return serve
