"""A headless Chromium with the dashboard in it, served over real sockets."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Page, async_playwright

from autoscaler.server.app import build
from autoscaler.server.run import serve
from tests.integration.http.fakes import OPERATOR, FakeAutoscaling, HandClock
from tests.servers.binaries import require
from tests.servers.process import PATIENCE

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--no-first-run",
)


@dataclass
class Dashboard:
    """The dashboard as a browser shows it, with what the daemon behind it says."""

    service: FakeAutoscaling
    url: str
    browser: Browser
    said: list[str]
    asked: list[str]

    async def open(self, width: int = 1280, height: int = 800, token: str | None = OPERATOR, **context: str) -> Page:
        """Open the page with a token in its fragment; console and errors are kept in `said`, addresses in `asked`."""
        made = await self.browser.new_context(viewport={"width": width, "height": height}, **context)
        page = await made.new_page()
        page.set_default_timeout(20_000 * PATIENCE)
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("request", lambda request: self.asked.append(request.url))
        await page.goto(self.url + (f"#token={token}" if token else ""))
        return page


@pytest.fixture
async def dashboard() -> AsyncIterator[Dashboard]:
    """Serve prepared decisions and start a browser."""
    program = require("chromium")
    service = FakeAutoscaling()
    async with serve(build(service, HandClock()), "127.0.0.1:0") as at, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        try:
            yield Dashboard(service, f"http://{at.host}:{at.port}/", browser, [], [])
        finally:
            await browser.close()
