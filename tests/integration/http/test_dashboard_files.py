"""The dashboard's files over real sockets."""

import pytest

from tests.integration.http.conftest import Listening

FILES = {"/": "text/html", "/app.js": "text/javascript", "/style.css": "text/css", "/icon.svg": "image/svg+xml"}


@pytest.mark.parametrize("path", FILES)
async def test_files_are_open_and_hold_no_data(listening: Listening, path: str) -> None:
    """The page needs no token, for it knows nothing until one is given."""
    async with listening.ask("GET", path, None) as answer:
        text = await answer.text()
        assert (answer.status, answer.content_type) == (200, FILES[path])
    assert "checkout" not in text


async def test_the_page_may_load_nothing_from_elsewhere(listening: Listening) -> None:
    """The policy allows its own files alone: no inline script, no other host, no frame around it."""
    async with listening.ask("GET", "/", None) as answer:
        policy = answer.headers["Content-Security-Policy"]
        text = await answer.text()
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in text.replace("https://", "http://").replace("http-equiv", "")
