"""The dashboard in a real browser, wide and narrow."""

import pytest
from playwright.async_api import expect

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from autoscaler.ports import HeldView, WakeState
from tests.browser.conftest import Dashboard
from tests.integration.http.fakes import ACME, FakeAutoscaling
from tests.integration.http.fleets import ROWS, Row

pytestmark = pytest.mark.server

WIDTHS = pytest.mark.parametrize("width", [1280, 390])


@WIDTHS
async def test_functions_and_tenants_are_shown_without_a_console_message(dashboard: Dashboard, width: int) -> None:
    """At both widths tenants stand against caps, functions with replicas and reason; the console stays empty."""
    page = await dashboard.open(width)
    await expect(page.locator("#functions tr")).to_have_count(6)
    await expect(page.locator("button.tenant", has_text="umbrella")).to_contain_text("8 of 9")
    render = page.locator("tr[data-key='umbrella/render']")
    await expect(render.locator(".replicas")).to_have_text("8 / 8")
    await expect(render.locator(".rps")).to_have_text("910")
    await expect(render.locator(".why")).to_have_text("budget")
    await expect(page.locator("tr[data-key='acme-dev/search'] .rps")).to_have_text("–")
    assert dashboard.said == []
    assert {address.split("/")[2] for address in dashboard.asked} == {dashboard.url.split("/")[2]}


@WIDTHS
async def test_nothing_is_wider_than_the_window(dashboard: Dashboard, width: int) -> None:
    """No part of the page needs sideways scrolling, with a function's detail open or not."""
    page = await dashboard.open(width)
    await page.locator("tr[data-key='umbrella/render']").click()
    await expect(page.locator("#stages tr")).to_have_count(8)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await page.evaluate("document.getElementById('detail').getBoundingClientRect().right") <= width


@WIDTHS
async def test_a_click_shows_the_stages_in_numbers(dashboard: Dashboard, width: int) -> None:
    """A row opens the whole decision: eight stages with replicas and what bound, sentences, last changes."""
    page = await dashboard.open(width)
    await page.locator("tr[data-key='umbrella/render']").click()
    stages = page.locator("#stages tr")
    await expect(stages.locator(".number")).to_have_text(["14", "14", "14", "14", "12", "8", "8", "8"])
    await expect(stages.nth(5)).to_contain_text("budget")
    await expect(page.locator("#sentences p").first).not_to_be_empty()
    await page.get_by_role("button", name="Close").click()
    await expect(page.locator("#detail")).to_be_hidden()
    await page.locator("tr[data-key='acme-prod/thumbnail']").click()
    await expect(page.locator("#history li")).to_contain_text(["1 → 0"])
    assert dashboard.said == []


@WIDTHS
async def test_a_function_shows_where_the_time_of_its_wakes_went(dashboard: Dashboard, width: int) -> None:
    """Newest first, in the daemon's own words, within the page; where nobody woke it there is no such part."""
    key, log = FunctionKey("acme-prod", "thumbnail"), dashboard.service.wake_log
    log.turned_away(key, "acme", WakeState.REFUSED, 900.0, "BUDGET")
    log.asked(key, "acme", 990.0)
    log.sent(key, 990.25)
    log.written(key, 990.5)
    log.released(key, WakeState.READY, 1, 991.0)
    page = await dashboard.open(width)
    await page.locator("tr[data-key='acme-prod/thumbnail']").click()
    wakes = page.locator("#wakes li")
    await expect(wakes).to_contain_text(["ready after 1.00 s", "BUDGET"])
    await expect(wakes.first.locator("time")).to_have_text("10 s ago")
    inside = "document.getElementById('wakes').getBoundingClientRect().right"
    assert await page.evaluate(inside) <= width
    await page.get_by_role("button", name="Close").click()
    await page.locator("tr[data-key='umbrella/render']").click()
    await expect(page.locator("#stages tr")).to_have_count(8)
    await expect(page.locator("#waking")).to_be_hidden()
    assert dashboard.said == []


async def test_the_page_is_live(dashboard: Dashboard) -> None:
    """What changes in the daemon changes on the page without a reload."""
    page = await dashboard.open()
    line = page.locator("tr[data-key='umbrella/mail']")
    await expect(line.locator(".replicas")).to_have_text("0 / 0 → 1")
    decisions = dashboard.service.decisions
    assert decisions is not None
    decisions.requested[decisions.fleet.keys.index(("umbrella", "mail"))] = 1
    await expect(line.locator(".replicas")).to_have_text("0 / 1")


async def test_the_keyboard_is_enough(dashboard: Dashboard) -> None:
    """A function is reached with Tab, opened with Enter and left with Escape, and the focus goes back to it."""
    page = await dashboard.open()
    name = page.locator("tr[data-key='acme-prod/checkout'] button")
    await page.locator("tr[data-key='acme-dev/search'] button").focus()
    await page.keyboard.press("Tab")
    await expect(name).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#detail-title")).to_have_text("checkout")
    await page.keyboard.press("Escape")
    await expect(page.locator("#detail")).to_be_hidden()
    await expect(name).to_be_focused()


async def test_functions_are_found_by_tenant_reason_and_name(dashboard: Dashboard) -> None:
    """A tenant's card, the list of reasons and the search field each narrow the list."""
    page = await dashboard.open()
    keys = page.locator("#functions tr")
    await page.locator("button.tenant", has_text="umbrella").click()
    await expect(keys).to_have_count(2)
    await page.locator("button.tenant", has_text="umbrella").click()
    await expect(keys).to_have_count(6)
    await page.locator("#reason").select_option("ZERO_IDLE")
    await expect(keys).to_have_count(1)
    await page.locator("#reason").select_option("")
    await page.locator("#search").fill("check")
    await expect(keys).to_have_count(1)


async def test_without_a_token_the_page_asks_for_one(dashboard: Dashboard) -> None:
    """A token typed in shows its tenant alone, stays in the tab, and is forgotten on demand."""
    page = await dashboard.open(token=None)
    await page.get_by_label("Bearer token").fill(ACME)
    await page.keyboard.press("Enter")
    await expect(page.locator("button.tenant")).to_have_count(1)
    await page.reload()
    await expect(page.locator("#functions tr")).to_have_count(3)
    await page.get_by_role("button", name="Forget token").click()
    await expect(page.locator("#sign-in")).to_be_visible()
    assert await page.evaluate("sessionStorage.length") == 0
    assert dashboard.said == []


async def test_a_token_leaves_the_address_at_once(dashboard: Dashboard) -> None:
    """The fragment is cleared, so that the token is in no bookmark and no screen shot."""
    page = await dashboard.open()
    await expect(page.locator("#functions tr")).to_have_count(6)
    assert page.url == dashboard.url
    assert not [address for address in dashboard.asked if "token" in address]


async def test_a_wrong_token_is_told(dashboard: Dashboard) -> None:
    """A token that nobody knows brings the question back, with what is wrong."""
    page = await dashboard.open(token="wrong")
    await expect(page.locator("#sign-in-error")).to_contain_text("not known")


async def test_names_and_sentences_are_never_markup(dashboard: Dashboard) -> None:
    """Markup in what tenants write is shown as text and runs nothing."""
    evil = "<img src=x onerror=document.title=1>"
    stages, reasons = (1,) * 8, (Reason.DEMAND, *(Reason.PASSED,) * 7)
    dashboard.service.__dict__.update(
        FakeAutoscaling((*ROWS, Row(evil, evil, evil, 1.0, Seen.VALUE, 1, 1, stages, reasons))).__dict__
    )
    page = await dashboard.open()
    await expect(page.locator("#functions tr")).to_have_count(7)
    await page.locator("#functions tr", has_text="onerror").click()
    await expect(page.locator("#detail-title")).to_contain_text(evil)
    assert await page.locator("main img").count() == 0
    assert await page.title() == "autoscaler"


async def test_a_silent_daemon_is_told_and_the_last_state_stays(dashboard: Dashboard) -> None:
    """When no answer comes, the page says so and keeps what it showed."""
    page = await dashboard.open()
    await expect(page.locator("#functions tr")).to_have_count(6)
    await page.route("**/v1/**", lambda route: route.abort())
    await expect(page.locator("#notice")).to_contain_text("does not answer")
    await expect(page.locator("#functions tr")).to_have_count(6)


async def test_what_stands_against_writing_is_on_top(dashboard: Dashboard) -> None:
    """Held writes and watches that fail are in the banner and marked, failed steps are marked; well again, they go."""
    dashboard.service.state = {
        "writes_held": "the Deployments are not all listed yet",
        "step_failures": 3,
        "cluster_problems": ["umbrella: deployments cannot be read: 403"],
    }
    page = await dashboard.open()
    notice, badges = page.locator("#notice"), page.locator("#badges")
    await expect(notice).to_contain_text("Nothing is written: the Deployments are not all listed yet")
    await expect(notice).to_contain_text("umbrella: deployments cannot be read: 403")
    for words in ("nothing is written", "1 cluster problem", "3 failed steps"):
        await expect(badges).to_contain_text(words)
    dashboard.service.state = {}
    await expect(notice).not_to_contain_text("Nothing is written")
    await expect(badges).not_to_contain_text("nothing is written")


async def test_a_function_s_detail_says_why_its_source_gives_no_load(dashboard: Dashboard) -> None:
    """The detail of a function whose source is sick has a line about it, that of another has none."""
    page = await dashboard.open()
    await page.locator("tr[data-key='umbrella/render']").click()
    await expect(page.locator("#source")).to_have_text("Source second: HTTP 503 (last whole answer 12 s ago).")
    await page.locator("tr[data-key='acme-prod/checkout']").click()
    await expect(page.locator("#detail-title")).to_have_text("checkout")
    await expect(page.locator("#source")).to_be_hidden()


async def test_before_the_first_tick_the_page_says_so(dashboard: Dashboard) -> None:
    """Without a tick there is a notice, no empty table that looks like nothing runs, and no console message."""
    dashboard.service.empty()
    page = await dashboard.open()
    await expect(page.locator("#notice")).to_contain_text("first tick")
    assert dashboard.said == []


async def test_a_function_left_to_others_says_to_whom(dashboard: Dashboard) -> None:
    """Its detail names the other writer, until when and what ends it; on top stands how many there are."""
    key = FunctionKey("acme-prod", "checkout")
    held = HeldView(key, "argocd-controller", 3, 540.0)
    dashboard.service.left_alone[key] = held
    dashboard.service.state = {"held": [held]}
    page = await dashboard.open()
    await expect(page.locator("#badges")).to_contain_text("1 function left to others")
    await page.locator("tr[data-key='acme-prod/checkout']").click()
    await expect(page.locator("#sentences")).to_contain_text(
        "argocd-controller, taken up again after 9 more quiet minutes"
    )
    await expect(page.locator("#sentences")).to_contain_text("RespectIgnoreDifferences")
    del dashboard.service.left_alone[key]
    await expect(page.locator("#sentences")).not_to_contain_text("argocd-controller")
