"""`status` and `explain` against a daemon that answers, refuses, or is no daemon."""

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import root

SECRET = "a-very-secret-token"
DECISION = {
    "namespace": "acme",
    "function": "a",
    "tenant": "acme",
    "decided_ago_s": 1.0,
    "seen": "value",
    "requested": 2,
    "ready": 2,
    "desired": 5,
    "reason": "DEMAND",
    "reason_sentence": "The load asks for it.",
    "sentences": ["It carries 22 requests/s.", "So it gets 5."],
}
FUNCTION = {
    "now": {"requested": 2, "ready": 2},
    "policy": "acme/default",
    "dry_run": True,
    "source": {"name": "main", "is_ok": True, "error": None, "whole_age_s": 0.5},
    "decision": DECISION,
    "history": [DECISION],
}
STATUS = {
    "is_ready": True,
    "dry_run": False,
    "ticks": 7,
    "overruns": 0,
    "last_tick_s": 0.1,
    "last_tick_age_s": 1.0,
    "problems": ["acme.yaml:3: spec: is wrong; allowed: right"],
    "sources": [{"name": "main", "is_ok": False, "error": "HTTP 503", "whole_age_s": 12.4}],
    "writes": {},
    "write_failures": [{"namespace": "acme", "function": "b", "outcome": "forbidden", "message": "no right"}],
    "boosts": [],
    "writes_held": "the API server has not been heard of for 200 s",
    "step_failures": 3,
    "cluster_problems": ["all namespaces: deployments cannot be read: 403: no right"],
}
TENANTS = {
    "tenants": [
        dict.fromkeys(("requested", "ready", "desired", "functions", "at_zero", "unknown"), 1)
        | {"tenant": "acme", "replicas_cap": None}
    ]
}
ROW = {
    name: DECISION[name]
    for name in ("namespace", "function", "tenant", "requested", "ready", "desired", "seen", "reason")
}


class Daemon(BaseHTTPRequestHandler):
    """Answers what the test prepared, by path; functions come in two pages."""

    answers: ClassVar[Mapping[str, tuple[int, object]]]
    seen: ClassVar[list[tuple[str | None, str | None]]]

    def do_GET(self) -> None:
        self.seen.append((self.headers.get("Authorization"), self.headers.get("X-Autoscaler-Authorization")))
        known = self.headers.get("Authorization") == f"Bearer {SECRET}"
        refusal = {
            "error": {"what": "this token is nobody's", "where": "header Authorization", "allowed": "a bearer token"}
        }
        status, answer = self.answers.get(self.path, (404, {})) if known else (401, refusal)
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *arguments: Any) -> None:
        pass


@contextlib.contextmanager
def served(
    answers: Mapping[str, tuple[int, object]], seen: list[tuple[str | None, str | None]] | None = None
) -> Iterator[str]:
    """Serve these answers on loopback; a body that is no bytes is sent as JSON.

    Args:
        seen: gets both headers that may hold a token, of each request.
    """
    handler = type("Prepared", (Daemon,), {"answers": answers, "seen": [] if seen is None else seen})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run(*arguments: str, token: str | None = SECRET) -> Result:
    environment = {
        "AUTOSCALER_TOKEN": token,
        "AUTOSCALER_SERVER": None,
        "AUTOSCALER_TOKEN_FILE": None,
        "COLUMNS": "200",
    }
    return CliRunner().invoke(root, arguments, env=environment)


def test_explain_says_the_sentences_of_the_record() -> None:
    """What the API says is printed: title, sentences, dry run, what changed before."""
    with served({"/v1/functions/acme/a": (200, FUNCTION)}) as url:
        result = run("explain", "acme/a", "--server", url)
    assert result.exit_code == 0
    assert all(sentence in result.output for sentence in DECISION["sentences"])
    assert "acme/default" in result.output
    assert "ry run" in result.output
    assert "2 → 5, DEMAND" in result.output


def test_explain_says_why_the_source_gives_no_load() -> None:
    """Below the record's sentences stands the source's own error, and since when; a source that answers has no line."""
    sick = {"name": "main", "is_ok": False, "error": "no whole answer within 0.8 s", "whole_age_s": 12.2}
    with served(
        {"/v1/functions/acme/a": (200, FUNCTION | {"source": sick}), "/v1/functions/acme/b": (200, FUNCTION)}
    ) as url:
        said = run("explain", "acme/a", "--server", url).output
        well = run("explain", "acme/b", "--server", url).output
    assert "Source main: no whole answer within 0.8 s (last whole answer 12 s ago)" in said
    assert "Source" not in well


HELD = {"by": "argocd-controller", "changes": 3, "ends_in_s": 540.0, "advice": "leave `replicas` out"}


def test_explain_says_to_whom_a_function_is_left() -> None:
    """Who changes it, until when, and what ends it; an autoscaler has it for as long as it is there."""
    scaled = HELD | {"by": "HorizontalPodAutoscaler a", "changes": 0, "ends_in_s": None}
    answers: dict[str, tuple[int, object]] = {
        "/v1/functions/acme/a": (200, FUNCTION | {"held": HELD}),
        "/v1/functions/acme/b": (200, FUNCTION | {"held": scaled}),
        "/v1/functions/acme/c": (200, FUNCTION | {"held": None}),
    }
    with served(answers) as url:
        said, by_autoscaler, free = (run("explain", f"acme/{name}", "--server", url).output for name in "abc")
    assert "argocd-controller" in said
    assert "9 more quiet minutes" in said
    assert "leave `replicas` out" in said
    assert "HorizontalPodAutoscaler a" in by_autoscaler
    assert "minutes" not in by_autoscaler
    assert "left to" not in free


def test_status_names_functions_that_are_left_to_others() -> None:
    """Ten are named one by one, the others are counted; manifests that put replicas back are named too."""
    many = [HELD | {"namespace": "acme", "function": f"f{number}"} for number in range(13)]
    reverted = {"namespace": "acme", "function": "g", "by": "helm", "times": 4, "last_ago_s": 30.0, "advice": "omit it"}
    answers: dict[str, tuple[int, object]] = {
        "/v1/status": (200, STATUS | {"held": many, "reverted": [reverted]}),
        "/v1/tenants": (200, TENANTS),
        "/v1/functions": (200, {"functions": [], "continue": None}),
    }
    with served(answers) as url:
        said = run("status", "--server", url).output
    assert "acme/f9" in said
    assert "acme/f10" not in said
    assert "3 more functions" in said
    assert "acme/g: helm put its replicas back 4 times" in said


@pytest.mark.parametrize(("status", "code"), [(200, 0), (404, 1), (409, 1), (403, 2)])
def test_take_up_says_whether_it_is_so(status: int, code: int) -> None:
    """Taken up is 0; left to nobody, an autoscaler's, or not there is 1, in the daemon's words; without rights it is 2."""
    refusal = {"error": {"what": "it is left to nobody", "where": "path", "allowed": "another"}}
    body = {"namespace": "acme", "function": "a", "taken_up": True} if status == 200 else refusal
    with served({"/v1/functions/acme/a/take-up": (status, body)}) as url:
        result = run("take-up", "acme/a", "--server", url)
    assert result.exit_code == code
    assert ("left to nobody" in result.output) == (code != 0)


def test_take_up_wants_a_function() -> None:
    """A name without its namespace is wrong usage."""
    result = run("take-up", "thumbnail")
    assert result.exit_code == 2
    assert "NAMESPACE/FUNCTION" in result.output


def test_explain_as_json_is_the_api_s_answer() -> None:
    """Programs get the record whole."""
    with served({"/v1/functions/acme/a": (200, FUNCTION)}) as url:
        assert json.loads(run("explain", "acme/a", "--server", url, "--output", "json").output) == FUNCTION


def test_watch_says_it_again_only_when_it_changes() -> None:
    """Of three looks, the middle one the same as the first, two are printed; a function that goes ends it with 1."""
    later = FUNCTION | {"decision": DECISION | {"desired": 6}}
    looks = [FUNCTION, FUNCTION, later]

    class Looks(dict[str, tuple[int, object]]):
        def get(self, path: str, default: Any = None) -> Any:
            return (200, looks.pop(0)) if looks else default

    with served(Looks()) as url:
        result = run("explain", "acme/a", "--server", url, "--watch", "--interval", "0.1", "--output", "json")
    lines = [json.loads(line) for line in result.output.splitlines() if line.startswith("{")]
    assert [line["decision"]["desired"] for line in lines] == [5, 6]
    assert result.exit_code == 1


def test_status_shows_what_is_wrong_beside_tenants_and_functions() -> None:
    """Sick sources, refused writes, held writes and broken policies are all in sight; pages are joined."""
    answers: dict[str, tuple[int, object]] = {
        "/v1/status": (200, STATUS),
        "/v1/tenants": (200, TENANTS),
        "/v1/functions": (200, {"functions": [ROW | {"rps": None, "concurrency": 2.0}], "continue": "acme/a"}),
        "/v1/functions?continue=acme/a": (
            200,
            {"functions": [ROW | {"function": "b", "rps": 1.0, "concurrency": 2.0}], "continue": None},
        ),
    }
    with served(answers) as url:
        table = run("status", "--server", url)
        document = json.loads(run("status", "--server", url, "--output", "json").output)
    assert table.exit_code == 0, table.output
    for words in (
        "HTTP 503",
        "12 s ago",
        "3; its log",
        "403: no right",
        "forbidden",
        "200 s",
        "acme.yaml:3",
        "acme/a",
        "acme/b",
        "DEMAND",
        "?",
    ):
        assert words in table.output
    assert [row["function"] for row in document["functions"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (404, {"error": {"what": "there is no such function", "where": "path", "allowed": "one of yours"}}, 1),
        (503, {"error": {"what": "the first tick is not done", "where": "daemon", "allowed": "ask again"}}, 1),
        (400, {"error": {"what": "odd", "where": "query", "allowed": "even"}}, 2),
        (302, b"", 2),
        (500, b"<html>", 2),
        (200, b"<html>", 2),
        (200, [1], 2),
    ],
)
def test_every_refusal_is_words_and_a_code(status: int, body: object, code: int) -> None:
    """What is not so exits with 1, what was asked wrongly or of the wrong server with 2, never with a traceback."""
    with served({"/v1/functions/acme/a": (status, body)}) as url:
        result = run("explain", "acme/a", "--server", url)
    assert result.exit_code == code
    assert isinstance(result.exception, SystemExit)
    if isinstance(body, dict):
        assert all(word in result.output for word in body["error"].values())


@pytest.mark.parametrize("token", [None, "wrong"])
def test_a_wrong_or_missing_token_is_said_and_not_repeated(token: str | None) -> None:
    """A refused credential exits with 2 and names the flags that give one."""
    with served({}) as url:
        result = run("status", "--server", url, token=token)
    assert result.exit_code == 2
    assert "--token" in result.output
    assert "wrong" not in result.output


def test_a_token_comes_from_a_file(tmp_path: Any) -> None:
    """A token file is read, its newline left out; one that is not there is said."""
    (tmp_path / "token").write_text(f"{SECRET}\n")
    with served({"/v1/functions/acme/a": (200, FUNCTION)}) as url:
        found = run("explain", "acme/a", "--server", url, "--token-file", str(tmp_path / "token"), token=None)
        missing = run("explain", "acme/a", "--server", url, "--token-file", str(tmp_path / "none"), token=None)
    assert found.exit_code == 0
    assert missing.exit_code == 2


@pytest.mark.parametrize("server", ["http://127.0.0.1:1", "nonsense", "http://", "ftp://127.0.0.1"])
def test_a_daemon_that_is_not_there_is_said(server: str) -> None:
    """An address where nothing answers, or that is none, exits with 2 and names the flag."""
    result = run("status", "--server", server)
    assert result.exit_code == 2
    assert "--server" in result.output


@pytest.mark.parametrize(
    "command", [["status"], ["explain", "acme/a"], ["explain", "acme/a", "--policy"], ["take-up", "acme/a"]]
)
@pytest.mark.parametrize(
    "answer", [{}, {"status": "success", "data": {}}, {"decision": {}, "functions": [{}], "namespace": "acme"}]
)
def test_an_answer_of_something_else_is_said(command: list[str], answer: object) -> None:
    """A server that is no daemon, or one of another version, answers with other objects: one line, exit code 2."""
    paths = ["/v1/status", "/v1/tenants", "/v1/functions"]
    paths += [f"/v1/functions/acme/a{more}" for more in ("", "/policy", "/take-up")]
    with served(dict.fromkeys(paths, (200, answer))) as url:
        result = run(*command, "--server", url)
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert "--server" in result.output


def test_a_refusal_of_something_else_names_who_was_asked() -> None:
    """A 404 without the daemon's words comes from another server: its address is said."""
    with served({}) as url:
        result = run("status", "--server", url)
    assert f"{url} answers HTTP 404" in result.output
