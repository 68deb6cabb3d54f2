"""The pages "coming from …" do what they say: what they convert comes to what they show, and what they show is accepted."""

import re
from pathlib import Path

import pytest

from autoscaler.cli import COMMANDS
from autoscaler.cli.output import held_words
from autoscaler.daemon.foreign import CHANGES
from autoscaler.daemon.openfaas import QUIET_S, name
from autoscaler.policy.check import check
from autoscaler.policy.conversion import Wanted, convert
from autoscaler.policy.conversion.rendering import tenant
from autoscaler.policy.labels import MEANINGS, OPENFAAS
from autoscaler.policy.onboarding.rendering import yaml_text
from autoscaler.policy.parsing import read_documents

ROOT = Path(__file__).parents[4]
PAGES = [ROOT / "docs" / f"coming-from-{name}.md" for name in ("keda", "knative", "openfaas")]
BLOCK = re.compile(r"<!-- (converted|policy) -->\n```yaml\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"^(?:.*\| )?autoscaler ([a-z-]+)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#]+)?(#[^)]+)?\)")


def blocks(page: Path, kind: str) -> list[str]:
    """Give the blocks of a page that are marked so."""
    return [text for marked, text in BLOCK.findall(page.read_text()) if marked == kind]


@pytest.mark.parametrize("page", PAGES, ids=lambda one: one.stem)
def test_what_a_page_converts_comes_to_what_it_shows(page: Path) -> None:
    """The converted object and the first policy of a page are each other's, field by field."""
    (given,) = blocks(page, "converted")
    (shown,) = read_documents(page.name, blocks(page, "policy")[0])
    found = convert({page.name: given}, Wanted())
    assert found.problems == ()
    (made,) = found.made
    (written,) = read_documents("written", yaml_text([made.document]))
    assert written.value == shown.value


@pytest.mark.parametrize("page", PAGES, ids=lambda one: one.stem)
def test_every_policy_of_a_page_is_accepted(page: Path) -> None:
    """`check` has nothing against them, in a tenant that has their namespaces."""
    for text in blocks(page, "policy"):
        (document,) = read_documents(page.name, text)
        assert isinstance(document.value, dict)
        namespace = document.value["metadata"]["namespace"]
        of_it = tenant("acme", convert({}, Wanted()))
        of_it["spec"] = {"namespaces": [namespace], "bounds": {"allowZero": True}}
        assert check(None, {"page.yaml": yaml_text([of_it]) + "---\n" + text}) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda one: one.stem)
def test_commands_and_links_of_a_page_are_there(page: Path) -> None:
    """Each command is one of ours, each page that is linked exists, with the heading that is named."""
    text = page.read_text()
    named = set(COMMAND.findall(text))
    assert named
    assert named <= COMMANDS.keys()
    for path, anchor in LINK.findall(text):
        linked = page if not path else (page.parent / path).resolve()
        assert linked.exists(), path
        if anchor:
            assert anchor[1:] in anchors(linked.read_text()), f"{path}{anchor}"


def anchors(text: str) -> set[str]:
    """Give the anchors of a page's headings, as they are made from their words."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_label_of_openfaas_is_on_its_page() -> None:
    """A label that is read and not described would be found by chance alone."""
    text = (ROOT / "docs" / "coming-from-openfaas.md").read_text()
    for label in MEANINGS:
        if label.startswith(OPENFAAS):
            assert label in text or f"`.{label.removeprefix(OPENFAAS)}`" in text, label


def test_the_page_of_openfaas_quotes_what_is_said() -> None:
    """The sentence about the Community Edition's controller is the one that `status` prints."""
    held = {"by": name("faas-netes"), "changes": CHANGES, "ends_in_s": QUIET_S}
    assert held_words(held) in (ROOT / "docs" / "coming-from-openfaas.md").read_text()
