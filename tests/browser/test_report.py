"""Reports in a real browser: drawn, quiet, alone, and within the window, wide and narrow, light and dark."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

from autoscaler.cli import report
from autoscaler.simulator.report.ran import Ran
from autoscaler.simulator.run import simulate
from autoscaler.simulator.scenario import parse
from autoscaler.simulator.timeline import Timeline
from tests.browser.conftest import ARGUMENTS
from tests.servers.binaries import require
from tests.unit.simulator.report.test_sweep_report import outcome
from tests.unit.simulator.test_timeline import SCENARIO

pytestmark = pytest.mark.server

PICTURES = ("trade", "both", "over-time", "by-tenant", "waits-tail", "cold", "shortages", "reasons", "cost")

DRAWN = """[...document.querySelectorAll('.picture')].map(place => ({
    id: place.id,
    traces: [...place.querySelectorAll('.main-svg .trace')].filter(one => one.querySelector('path[d]')).length,
    asked: place.data.length,
    titles: [...place.querySelectorAll('.xtitle, .ytitle, .y2title, .y3title')].map(one => one.textContent),
    right: Math.max(...[...place.querySelectorAll('.main-svg')].map(one => one.getBoundingClientRect().right)),
    ink: getComputedStyle(place.querySelector('.main-svg text')).fill,
}))"""

BEYOND = """width => [...document.querySelectorAll('body *')]
    .filter(one => !one.closest('.scroll, .unseen') && (!one.closest('svg') || one.closest('text')))
    .filter(one => one.getBoundingClientRect().right > width + 0.5)
    .map(one => one.tagName)"""


@dataclass
class Opened:
    """A browser, with what its pages said and asked for."""

    browser: Browser
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def open(self, file: Path, width: int, scheme: str) -> Page:
        """Open a file and wait until its pictures are drawn."""
        context = await self.browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page = await context.new_page()
        page.set_default_timeout(120_000)
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("request", lambda request: self.asked.append(request.url))
        await page.goto(file.as_uri())
        await page.wait_for_selector(f"html[data-drawn~={scheme}]")
        return page


@pytest.fixture
async def opened() -> AsyncIterator[Opened]:
    """Start a browser."""
    program = require("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        try:
            yield Opened(browser)
        finally:
            await browser.close()


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run of two tenants with a cap, against the same with a larger one."""
    file = tmp_path_factory.mktemp("report") / "run.html"
    capped, wider = (
        followed("a cap of 6", SCENARIO),
        followed("a <b>cap</b> of 9", SCENARIO.replace("cap: 6", "cap: 9")),
    )
    report.write(file, wider, capped, command="autoscaler simulate scenario.yaml --report run.html")
    return file


def followed(name: str, text: str) -> Ran:
    timeline = Timeline()
    scenario, documents = parse(text)
    return Ran(name, simulate(scenario, {"scenario.yaml": documents}, watch=timeline.watch), timeline)


async def check(page: Page, opened: Opened, file: Path, width: int) -> list[dict[str, Any]]:
    """Check what every report owes at a width, and give its pictures."""
    pictures: list[dict[str, Any]] = await page.evaluate(DRAWN)
    for one in pictures:
        assert one["traces"] == one["asked"] > 0, one["id"]
        assert one["titles"], one["id"]
        assert one["right"] <= width, one["id"]
    assert opened.said == []
    assert opened.asked == [file.as_uri()]
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await page.evaluate(BEYOND, width) == []
    return pictures


async def test_a_report_of_a_run_is_drawn_whole_and_follows_the_choice(opened: Opened, run_file: Path) -> None:
    """Every picture has all its traces and named axes, nothing is said or fetched; another view and scheme are drawn anew."""
    page = await opened.open(run_file, 1280, "light")
    pictures = await check(page, opened, run_file, 1280)
    assert [one["id"] for one in pictures] == [f"picture-{name}" for name in PICTURES]
    assert await page.locator("h2").first.inner_text() == "a <b>cap</b> of 9 against a cap of 6"
    assert await page.locator("#picture-both .legendtext").all_text_contents() == ["a cap of 6", "a <b>cap</b> of 9"]
    await page.get_by_label("Show").select_option("Tenant capped")
    await page.wait_for_selector("#picture-over-time[data-view='1']")
    assert max(await page.evaluate("document.getElementById('picture-over-time').data[1].y")) == 9
    await page.emulate_media(color_scheme="dark")
    await page.wait_for_selector("html[data-drawn~=dark]")
    inks = {one["id"]: one["ink"] for one in await check(page, opened, run_file, 1280)}
    assert all(inks[one["id"]] != one["ink"] for one in pictures)


async def test_a_narrow_window_holds_pictures_and_open_tables(opened: Opened, run_file: Path) -> None:
    """At 390 px, in the dark and with every table open, nothing is wider than the window."""
    page = await opened.open(run_file, 390, "dark")
    await page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert await page.locator("table").first.is_visible()
    assert len(await check(page, opened, run_file, 390)) == len(PICTURES)


async def test_a_report_of_a_sweep_shows_the_front_with_its_intervals(opened: Opened, tmp_path: Path) -> None:
    """The front, every policy and the paired differences are drawn with error bars, and again when the window gets narrow."""
    file = tmp_path / "sweep.html"
    report.write_sweep(file, outcome(), {"autoscaler": "0"}, command="autoscaler sweep study.yaml --report sweep.html")
    page = await opened.open(file, 1280, "light")
    assert [one["id"] for one in await check(page, opened, file, 1280)] == ["picture-front", "picture-paired"]
    assert await page.locator("#picture-front .errorbar").count() > 0
    await page.set_viewport_size({"width": 390, "height": 900})
    await page.wait_for_selector("html[data-drawn~=narrow]")
    await check(page, opened, file, 390)
