"""Answers in JSON."""

from collections.abc import Mapping

import orjson
from aiohttp import web


def json(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer with a JSON document; a number that is not finite becomes null."""
    return web.Response(
        body=orjson.dumps(body), status=status, headers=dict(headers or {}), content_type="application/json"
    )
