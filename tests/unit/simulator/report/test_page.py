"""Reports as HTML."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

from autoscaler.simulator.report.page import Assets, page
from autoscaler.simulator.report.parts import Column, Figure, Picture, Report, Section, Table, View

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028&amp;"
ASSETS = Assets(library="window.library = 1;", script="window.script = 1;", style="body { margin: 0; }")


def report(words: str = "words") -> Report:
    """Give a report with a text in every place that takes one."""
    picture = Picture(
        id="one",
        title=words,
        words=words,
        views=[View(words, [{"type": "scatter", "name": words, "x": [1], "y": [2.5]}]), View("other", [])],
        layout={"xaxis": {"title": {"text": words}}},
    )
    columns = (Column(words), Column("number", words, 2), Column("whole", "", 0))
    table = Table(words, columns, [(words, 1234.5, 1234), (None, None, None)], more=5)
    section = Section("first", words, (words,), [(picture, table)], (table,))
    return Report(words, words, [Figure(words, words, words)], [section], words, {words: words})


class Elements(HTMLParser):
    """The elements of a page, with their attributes and their text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        self.texts.append((self._inside, data))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]

    def text(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]


def test_what_users_wrote_is_never_markup() -> None:
    """A text full of markup makes no element anywhere, and the pictures' values end no script."""
    evil, good = Elements(page(report(EVIL), ASSETS)), Elements(page(report(), ASSETS))
    assert [tag for tag, _ in evil.found] == [tag for tag, _ in good.found]
    assert not evil.of("img")
    values = json.loads(evil.text("script")[0])
    assert values["one"]["title"] == EVIL
    assert values["one"]["views"][0]["traces"][0]["name"] == EVIL
    assert evil.text("h1")[0].startswith("</script>")


def test_the_page_s_own_policy_lets_its_two_scripts_run_and_nothing_else() -> None:
    """No source but the hashes of both scripts may run, and no connection may be opened."""
    elements = Elements(page(report(), ASSETS))
    (policy,) = [one["content"] for one in elements.of("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    texts = elements.text("script")[1:]
    hashes = [f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in texts]
    assert texts == [ASSETS.library, ASSETS.script]
    assert rules["script-src"].split() == hashes
    assert rules["default-src"] == "'none'"
    assert "connect-src" not in rules


def test_nothing_is_fetched() -> None:
    """No element names another file or address; links lead within the page."""
    elements = Elements(page(report(), ASSETS))
    assert not [one for _, one in elements.found if "src" in one or (one.get("href") or "#")[0] != "#"]
    assert not elements.of("link")


def test_pictures_can_be_read_by_those_who_cannot_see_them() -> None:
    """Each has a title and a description that it refers to, a list of its views where there are several, and a table."""
    elements = Elements(page(report(), ASSETS))
    ids = {one["id"] for _, one in elements.found if one.get("id")}
    (picture,) = [one for one in elements.of("div") if one.get("role") == "img"]
    assert {picture["aria-labelledby"], picture["aria-describedby"]} <= ids
    assert len(elements.of("option")) == 2
    assert len(elements.of("table")) == 2
    assert all(one.get("scope") == "col" for one in elements.of("th"))


def test_tables_have_units_and_say_what_is_left_out() -> None:
    """Numbers have their digits, no number is a dash, and rows that were left out are counted."""
    text = page(report(), ASSETS)
    assert '<td class="number">1,234.50</td><td class="number">1,234</td>' in text
    assert '<td class="number">–</td>' in text
    assert "5 more" in text
    assert re.search(r"<th[^>]*>number<small>words</small></th>", text)


def test_the_foot_has_the_command_and_what_it_was_made_with() -> None:
    """The command stands at the foot as it was typed, and every line of provenance beside it."""
    elements = Elements(page(report("autoscaler simulate 'a b.yaml' --seed 3"), ASSETS))
    assert elements.text("code")[0] == "autoscaler simulate 'a b.yaml' --seed 3"


def test_equal_reports_are_equal_pages() -> None:
    """The same values give the same bytes."""
    assert page(report(), ASSETS) == page(report(), ASSETS)
