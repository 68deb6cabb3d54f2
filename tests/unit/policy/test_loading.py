"""Loading: what is in force, what is refused, and what is kept from before."""

import pytest

from autoscaler.policy.loading import Given, PolicySet, load
from tests.unit.policy.texts import ACME, loaded, policy, tenant

GOOD = policy("default", "acme-prod", "{replicas: {max: 7}}")
BAD = policy("default", "acme-prod", "{replicas: {max: seven}}")


def max_of(policies: PolicySet, name: str = "default") -> int | None:
    return policies.policies["acme-prod"][name].document.spec.replicas.max


def test_nothing_is_nothing() -> None:
    """No files, and files without a document, give an empty set without problems."""
    for files in ({}, {"a.yaml": ""}, {"a.yaml": "# only words\n---\n# and more\n"}):
        policies = load(files)
        assert (policies.tenants, policies.policies, policies.problems) == ({}, {}, ())


def test_the_last_good_version_stays_in_force() -> None:
    """A document that is invalid now holds as it was last valid, and the problem says so."""
    before = load({"t.yaml": ACME, "p.yaml": GOOD})
    after = load({"t.yaml": ACME, "p.yaml": BAD}, before)
    assert max_of(after) == 7
    kept = after.policies["acme-prod"]["default"]
    assert kept.is_kept
    assert kept.at("spec.replicas.max") == "p.yaml:5 (last good version)"
    (problem,) = after.problems
    assert "last good version" in problem.wrong


def test_the_last_good_version_survives_many_reloads() -> None:
    """What is kept once is kept for as long as the text stays invalid, and gives way to the next good text."""
    policies = load({"t.yaml": ACME, "p.yaml": GOOD})
    for _ in range(3):
        policies = load({"t.yaml": ACME, "p.yaml": BAD}, policies)
    assert max_of(policies) == 7
    policies = load({"t.yaml": ACME, "p.yaml": GOOD.replace("7", "9")}, policies)
    assert max_of(policies) == 9
    assert not policies.policies["acme-prod"]["default"].is_kept


def test_a_removed_document_is_gone() -> None:
    """A document whose text was taken away is not kept, whether its file stays or not."""
    before = load({"t.yaml": ACME, "p.yaml": GOOD})
    for files in ({"t.yaml": ACME}, {"t.yaml": ACME, "p.yaml": ""}):
        assert load(files, before).policies == {}


def test_a_broken_document_that_moved_to_another_file_keeps_nothing() -> None:
    """The last good version is that of the same file: another file's broken text is another document."""
    before = load({"t.yaml": ACME, "p.yaml": GOOD})
    assert load({"t.yaml": ACME, "q.yaml": BAD}, before).policies == {}


def test_a_file_that_cannot_be_read_removes_nothing() -> None:
    """A syntax error hides which document it was, so all that the file held stays in force."""
    both = GOOD + policy("other", "acme-prod", "{functions: {names: [x]}}")
    before = load({"t.yaml": ACME, "p.yaml": both})
    after = load({"t.yaml": ACME, "p.yaml": "kind: ]"}, before)
    assert set(after.policies["acme-prod"]) == {"default", "other"}
    assert all(one.is_kept for one in after.policies["acme-prod"].values())


def test_a_tenant_that_becomes_invalid_keeps_its_functions() -> None:
    """A typo in a Tenant takes neither its namespaces nor its policies out of force."""
    before = load({"t.yaml": ACME, "p.yaml": GOOD})
    after = load({"t.yaml": ACME.replace("bounds", "bonds"), "p.yaml": GOOD}, before)
    assert after.namespaces == before.namespaces
    assert max_of(after) == 7


def test_a_policy_that_stops_fitting_its_tenant_keeps_its_last_good_version() -> None:
    """A policy that contradicts its tenant's defaults is refused at its own line; the version that fits stays."""
    limited = ACME + "  defaults: {concurrencyLimit: 10}\n"
    before = load({"t.yaml": limited, "p.yaml": policy("default", "acme-prod", "{concurrencyCap: 40}")})
    assert before.problems == ()
    after = load({"t.yaml": limited, "p.yaml": policy("default", "acme-prod", "{concurrencyCap: 4}")}, before)
    assert [(problem.file, problem.line, problem.path) for problem in after.problems] == [
        ("p.yaml", 5, "spec.concurrencyCap")
    ]
    assert after.policies["acme-prod"]["default"].document.spec.concurrency_cap == 40


def test_a_name_that_is_there_twice_is_refused_the_second_time() -> None:
    """Of two documents of one name the first, by file and line, holds; the second is named with the first's place."""
    policies = load({"a.yaml": ACME + GOOD, "b.yaml": GOOD.replace("7", "8")})
    assert max_of(policies) == 7
    (problem,) = policies.problems
    assert (problem.file, problem.line, problem.path) == ("b.yaml", 4, "metadata.name")
    assert "a.yaml:10" in problem.wrong


def test_a_source_that_is_not_there_is_refused() -> None:
    """A Tenant's source must be one of the sources, where they are told."""
    files = {"t.yaml": tenant("acme", "acme-prod", "{source: mian}")}
    assert load(files).problems == ()
    (problem,) = load(files, given=Given(sources=["main", "other"])).problems
    assert (problem.path, problem.line) == ("spec.source", 4)
    assert "did you mean main?" in problem.allowed


def test_one_tenant_may_list_a_namespace_twice() -> None:
    """A namespace that one tenant lists twice is still its own."""
    assert loaded(tenant("acme", "a, a")).namespaces == {"a": "acme"}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("kind: Tennant\n", "kind"),
        ("apiVersion: autoscaler.faas.dev/v1alpha1\n", "kind"),
        (ACME.replace("v1alpha1", "v2"), "apiVersion"),
        (ACME.replace("name: acme", "name: Acme!"), "metadata.name"),
        ("just text\n", ""),
        ("- a\n- list\n", ""),
        ("42\n", ""),
    ],
)
def test_what_is_no_document_of_ours_is_named(text: str, path: str) -> None:
    """A wrong kind, version, name or shape is a problem at its own field."""
    assert [problem.path for problem in load({"a.yaml": text}).problems][:1] == [path]


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("{replicas: {min: 5, max: 3}}", "spec.replicas.min"),
        ("{replicas: {activation: 5, max: 3}}", "spec.replicas.activation"),
        ("{replicas: {activation: 0}}", "spec.replicas.activation"),
        ("{concurrencyCap: 10}", "spec.concurrencyCap"),
        ("{concurrencyLimit: 0}", "spec.concurrencyLimit"),
        ("{metrics: [{type: rps, target: 0}]}", "spec.metrics[0].target"),
        ("{metrics: [{type: rps, target: .inf}]}", "spec.metrics[0].target"),
        ("{metrics: [{type: rps, target: .nan}]}", "spec.metrics[0].target"),
        ("{metrics: [{type: rps, target: 1, utilization: 70}]}", "spec.metrics[0].utilization"),
        ("{metrics: []}", "spec.metrics"),
        ("{metrics: [{target: 1}]}", "spec.metrics[0].type"),
        ("{metrics: [{type: memory, target: 1}]}", "spec.metrics[0].type"),
        ("{metrics: [{type: query, target: 1}]}", "spec.metrics[0]"),
        ("{metrics: [{type: cpu, query: jobs, target: 1}]}", "spec.metrics[0]"),
        ("{metrics: [{type: cpu, activity: jobs, target: 1}]}", "spec.metrics[0]"),
        ("{metrics: [{type: rps, target: 1, targetType: Value}]}", "spec.metrics[0]"),
        ("{metrics: [{type: cpu, target: 5x}]}", "spec.metrics[0].target"),
        ("{metrics: [{type: cpu, target: 0m}]}", "spec.metrics[0].target"),
        ("{metrics: [{query: 'sum(jobs', target: 1}]}", "spec.metrics[0].query"),
        ("{metrics: [{query: jobs, activity: 'vector(0)', target: 1}]}", "spec.metrics[0].activity"),
        ("{metrics: [{query: 'jobs{namespace=\"other\"}', target: 1}]}", "spec.metrics[0].query"),
        ("{metrics: [{query: jobs, target: 1}, {query: jobs, target: 2}]}", "spec.metrics"),
        ("{metrics: [{query: jobs, target: 1}], zero: {after: 5m}}", "spec.metrics"),
        ("{windows: {stable: 10s, panic: 10s}}", "spec.windows.panic"),
        ("{windows: {panicThreshold: 1}}", "spec.windows.panicThreshold"),
        ("{replicas: {initial: 5, max: 3}}", "spec.replicas.initial"),
        ("{scaleUp: {stabilization: 2h}}", "spec.scaleUp.stabilization"),
        ("{scaleUp: {policies: [{type: Pods, value: 0, period: 15s}]}}", "spec.scaleUp.policies[0].value"),
        ("{scaleUp: {policies: [{type: Pods, value: 1, period: 31m}]}}", "spec.scaleUp.policies[0].period"),
        ("{scaleUp: {policies: [{type: Pods, value: 1, period: 500ms}]}}", "spec.scaleUp.policies[0].period"),
        ("{scaleDown: {policies: [{type: Percents, value: 1, period: 15s}]}}", "spec.scaleDown.policies[0].type"),
        (
            f"{{scaleDown: {{policies: [{', '.join(['{type: Pods, value: 1, period: 15s}'] * 9)}]}}}}",
            "spec.scaleDown.policies",
        ),
        ("{scaleDown: {selectPolicy: None}}", "spec.scaleDown.selectPolicy"),
        ("{scaleDown: {delay: 2h}}", "spec.scaleDown.delay"),
        ("{fallback: {behavior: current-if-higher}}", "spec.fallback"),
        ("{fallback: {replicas: 3}}", "spec.fallback"),
        ("{fallback: {after: 0}}", "spec.fallback.after"),
        ("{fallback: {behavior: static, replicas: 3}}", "spec.fallback.behavior"),
        ("{fallback: {behavior: current-if-higher, replicas: 4}, replicas: {max: 3}}", "spec.fallback"),
        ("{progressDeadline: 0s}", "spec.progressDeadline"),
        ("{schedules: [{cron: '0 8 * *', duration: 1h, min: 1}]}", "spec.schedules[0].cron"),
        ("{schedules: [{cron: '0 8 * * *', duration: 1h}]}", "spec.schedules[0]"),
        ("{schedules: [{cron: '0 8 * * *', duration: 1h, min: 4}], replicas: {max: 3}}", "spec.schedules"),
        ("{metrics: [{type: rps, target: 1}, {type: rps, target: 2}]}", "spec.metrics"),
        ("{windows: {stable: 60}}", "spec.windows.stable"),
        ("{windows: {stable: 0s}}", "spec.windows.stable"),
        ("{windows: {stable: 2h}}", "spec.windows.stable"),
        ("{scaleUp: {maxRate: 1}}", "spec.scaleUp.maxRate"),
        ("{scaleDown: {tolerance: 1}}", "spec.scaleDown.tolerance"),
        ("{zero: {}}", "spec.zero.after"),
        ("{zero: 5m}", "spec.zero"),
        ("{alerts: [{match: {}, boost: {add: 1}}]}", "spec.alerts[0].match"),
        ("{alerts: [{match: {a: b}, boost: {}}]}", "spec.alerts[0].boost"),
        ("{alerts: [{match: {a: b}, boost: {factor: 0.5}}]}", "spec.alerts[0].boost.factor"),
        ("{alerts: [{match: {a: b}, boost: {floor: 0}}]}", "spec.alerts[0].boost.floor"),
        ("{alerts: [{match: {a: b}, boost: {floor: 2, add: 1}}]}", "spec.alerts[0].boost"),
        ("{alerts: [{match: {a: b}, boost: {floor: 2, factor: 2}}]}", "spec.alerts[0].boost"),
        ("{alerts: [{match: {a: b}}]}", "spec.alerts[0]"),
        ("{alerts: [{match: {a: b}, freeze: false}]}", "spec.alerts[0]"),
        ("{alerts: [{match: {a: b}, freeze: true, wake: true}]}", "spec.alerts[0]"),
        ("{alerts: [{match: {a: b}, freeze: true, boost: {add: 1}}]}", "spec.alerts[0]"),
        ("{alerts: [{match: {a: b}, wake: 1}]}", "spec.alerts[0].wake"),
        ("{functions: {}}", "spec.functions"),
        ("{functions: {names: [a], matchLabels: {a: b}}}", "spec.functions"),
        ("{functions: {names: ['A b']}}", "spec.functions.names[0]"),
        ("{dryRun: 'true'}", "spec.dryRun"),
    ],
)
def test_a_value_that_no_rule_could_honour_is_refused(spec: str, path: str) -> None:
    """Each wrong value is one problem at its own field, in its own line."""
    problems = load({"t.yaml": ACME, "p.yaml": policy("p", "acme-prod", spec)}).problems
    assert [(problem.line, problem.path) for problem in problems] == [(5, path)]


def test_zero_switches_a_function_off_and_contradicts_nothing() -> None:
    """`max: 0` and `concurrencyCap: 0` are allowed: they switch a function off."""
    schedules = "schedules: [{cron: '0 8 * * *', duration: 1h, min: 4}]"
    spec = f"{{replicas: {{max: 0}}, concurrencyLimit: 1, concurrencyCap: 0, {schedules}}}"
    loaded(ACME, policy("p", "acme-prod", spec))


def test_a_credential_is_never_quoted() -> None:
    """A token written where its hash belongs appears in no problem."""
    problems = load({"t.yaml": tenant("acme", "a", "{callers: [{tokenSHA256: hunter2-secret}]}")}).problems
    assert [problem.path for problem in problems] == ["spec.callers[0].tokenSHA256"]
    assert "hunter2" not in str(problems)


def test_fields_are_found_where_they_stand() -> None:
    """A loaded document gives file and line of a field, or of the nearest field around it."""
    policies = loaded(ACME)
    assert policies.tenants["acme"].at("spec.bounds.allowZero") == "policies.yaml:6"
    assert policies.tenants["acme"].at("spec.budget.replicas.cap") == "policies.yaml:4"
    assert policies.tenants["acme"].at("spec.namespaces[7]") == "policies.yaml:5"


QUERIES = "{{functions: {{names: [{name}]}}, metrics: [{{query: {name}, target: 1}}]}}"


def asking(*names: str) -> list[str]:
    return [policy(name, "acme-prod", QUERIES.format(name=name)) for name in names]


def test_a_tenant_has_so_many_queries() -> None:
    """Distinct queries of a tenant's policies are counted, by name; the one that is too much is refused."""
    two = ACME.replace("maxReplicas: 50", "maxQueries: 2")
    again = policy("again", "acme-dev", "{metrics: [{query: b, target: 5}]}")
    policies = load({"t.yaml": two, "p.yaml": "".join([*asking("c", "b", "a"), again])})
    assert [(problem.path, problem.allowed[:1]) for problem in policies.problems] == [("spec.metrics[0].query", "2")]
    assert set(policies.policies["acme-prod"]) == {"a", "b"}
    assert set(policies.policies["acme-dev"]) == {"again"}


def test_a_query_too_many_keeps_the_last_good_version() -> None:
    """A policy that asks for one query more than there may be stays as it was."""
    one = ACME.replace("maxReplicas: 50", "maxQueries: 1")
    before = load({"t.yaml": one, "p.yaml": asking("a")[0]})
    after = load({"t.yaml": one, "p.yaml": asking("a")[0].replace("[{query", "[{query: c, target: 1}, {query")}, before)
    assert after.policies["acme-prod"]["a"].is_kept
    assert [problem.path for problem in after.problems] == ["spec.metrics[1].query"]


def test_queries_of_a_tenants_defaults_are_checked_in_its_own_document() -> None:
    """A default that names another's namespace, or is one query too many, is a problem of the Tenant."""
    text = tenant("acme", "a", "{bounds: {maxQueries: 0}, defaults: {metrics: [{query: 'jobs', target: 1}]}}")
    foreign = tenant("acme", "a", "{defaults: {metrics: [{query: 'jobs{namespace=\"b\"}', target: 1}]}}")
    for document in (text, foreign):
        (problem,) = load({"t.yaml": document}).problems
        assert problem.path == "spec.defaults.metrics[0].query"


def test_a_short_stable_window_needs_no_word_about_panic() -> None:
    """The built-in panic window gives way to a stable window that is shorter; one that somebody said does not."""
    loaded(ACME, policy("p", "acme-prod", "{windows: {stable: 5s}}"))
    said = ACME + "  defaults: {windows: {panic: 6s}}\n"
    problems = load({"t.yaml": said, "p.yaml": policy("p", "acme-prod", "{windows: {stable: 5s}}")}).problems
    assert [problem.path for problem in problems] == ["spec.windows.panic"]


def test_no_activity_matters_only_where_zero_is_asked_for() -> None:
    """A query without an activity is good where the function stays up."""
    loaded(ACME, policy("p", "acme-prod", "{metrics: [{query: jobs, target: 1}]}"))
    loaded(ACME, policy("p", "acme-prod", "{metrics: [{query: jobs, activity: busy, target: 1}], zero: {after: 5m}}"))
