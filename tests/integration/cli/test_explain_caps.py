"""`explain` says whether a function takes what its concurrencyLimit says."""

from tests.integration.cli.test_client import FUNCTION, run, served

CAP = {"state": "told-more", "problem": "cap_not_enforced", "limit": 20.0, "enforced": 50.0, "words": "Some words."}


def test_explain_says_whether_a_cap_is_enforced() -> None:
    """A difference is told by its name and in words, a limit that is known in words, and none not at all."""
    answers: dict[str, tuple[int, object]] = {
        "/v1/functions/acme/a": (200, FUNCTION | {"cap": CAP}),
        "/v1/functions/acme/b": (200, FUNCTION | {"cap": CAP | {"state": "enforced", "problem": None}}),
        "/v1/functions/acme/c": (200, FUNCTION | {"cap": None}),
        "/v1/functions/acme/d": (200, FUNCTION),  # a daemon of before
    }
    with served(answers) as url:
        told, known, none, before = (run("explain", f"acme/{name}", "--server", url).output for name in "abcd")
    assert "cap_not_enforced: Some words." in told
    assert "Some words." in known
    assert "cap_not_enforced" not in known + none + before
    assert "Some words." not in none + before
