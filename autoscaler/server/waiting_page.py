"""The page that a browser shows while a function starts: it loads itself again, and has nothing else."""

import base64
import hashlib
import html
from collections.abc import Mapping

from aiohttp import web

from autoscaler.core.fleet import FunctionKey

_AGAIN_S = 2

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;margin:20vh auto;max-width:30rem;padding:0 1rem;text-align:center}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#eee}}"
)

_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
"""Nothing is loaded and nothing runs; the browser loads the address again that it asked for, whatever that was."""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{again_s}">
<title>Starting</title>
<style>{style}</style>
</head>
<body>
<p role="status">{name} is starting. This page loads itself again.</p>
</body>
</html>
"""


def waiting_page(key: FunctionKey, status: int, headers: Mapping[str, str]) -> web.Response:
    """Answer with the page.

    It names the function and nothing else: no namespace, no tenant, no reason.

    Args:
        status: of the answer; the gateway must not take it for a go.
        headers: further ones.
    """
    return web.Response(
        status=status,
        text=_PAGE.format(again_s=_AGAIN_S, style=_STYLE, name=html.escape(key.name)),
        content_type="text/html",
        charset="utf-8",
        headers={
            **headers,
            "Content-Security-Policy": _POLICY,
            "Refresh": str(_AGAIN_S),
            "Retry-After": str(_AGAIN_S),
            "Vary": "Accept",
        },
    )
