"""Scenario documents: what they say, and what is said of mistakes in them."""

import numpy as np
import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.problems import Problem
from autoscaler.simulator.laws import Constant, Exponential, Lognormal
from autoscaler.simulator.memory import format_memory, parse_memory
from autoscaler.simulator.recorded import Recorded, RecordedFunction
from autoscaler.simulator.recorded_rates import RecordedRates
from autoscaler.simulator.scenario import ScenarioError, parse
from autoscaler.simulator.spec import FunctionSpec

SMALL = """\
kind: Scenario
duration: 1m
functions:
  - {name: resize, namespace: acme, workload: {type: constant, rate: 5}, service: 200ms}
"""
TENANT = """\
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
"""


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ScenarioError) as caught:
        parse(text)
    return caught.value.problems


def test_the_smallest_scenario_has_the_daemons_defaults() -> None:
    """Duration and one function are enough; tick, scrapes and blast radius are the daemon's own defaults."""
    scenario, others = parse(SMALL)
    assert (scenario.duration, scenario.tick, scenario.scrape_interval, scenario.seed) == (60.0, 2.0, 15.0, 1)
    assert scenario.blast_radius is not None
    assert others == ""


def test_policy_documents_keep_their_line_numbers() -> None:
    """What follows the first document is given back at the same lines, for problems to point at."""
    _, others = parse(f"# about\n---\n{SMALL}{TENANT}")
    lines = others.splitlines()
    assert lines.index("---") == f"# about\n---\n{SMALL}".count("\n")
    assert lines[-1] == "metadata: {name: acme}"


def test_a_group_makes_functions_with_names_and_the_label_of_a_function() -> None:
    """Three alike are NAME-0 to NAME-2, each labelled as a function, with the group's own labels."""
    text = SMALL.replace("name: resize", "name: resize, count: 3, labels: {team: a}")
    scenario, _ = parse(text)
    specs = list(scenario.specs())
    assert [spec.key for spec in specs] == [FunctionKey("acme", f"resize-{number}") for number in range(3)]
    assert specs[1].labels == {"faas_function": "resize-1", "team": "a"}
    assert set(scenario.workloads({})) == {(spec.key, "") for spec in specs}


def test_every_mistake_is_named_at_once_with_line_and_path() -> None:
    """Five mistakes give five problems, each with its line, its path, and what is allowed."""
    text = """\
kind: Scenario
duration: 10m
functions:
  - {name: a, namespace: acme, workload: {type: constant, rte: 5, rate: 1}, service: 200ms}
  - {name: b, namespace: acme, workload: {type: sine, mean: 1, amplitude: 2, period: 1h}, service: 200}
events:
  - {type: prometheusOutage, from: 10s, to: 5s}
typo: 1
"""
    found = {(problem.line, problem.path): problem.allowed for problem in problems(text)}
    assert sorted(found) == [
        (4, "functions[0].workload.rte"),
        (5, "functions[1].service"),
        (5, "functions[1].workload"),
        (7, "events[0]"),
        (8, "typo"),
    ]
    assert "rate" in found[4, "functions[0].workload.rte"]
    assert all(found.values())


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ""),
        ("- 1\n", ""),
        ("kind: [", ""),
        (SMALL.replace("Scenario", "Tenant"), "kind"),
        (SMALL.replace("duration: 1m", ""), "duration"),
        (SMALL.replace("1m", "0s"), "duration"),
        (SMALL.replace("1m", "5"), "duration"),
        (SMALL.replace("resize", "Re_size"), "functions[0].name"),
        (SMALL.replace("resize", "resize, count: 0"), "functions[0].count"),
        (SMALL.replace("resize", "resize, replicas: -1"), "functions[0].replicas"),
        (SMALL.replace("rate: 5", "rate: .nan"), "functions[0].workload.rate"),
        (SMALL.replace("constant", "trace"), "functions[0].workload"),
        (SMALL + "seed: -1\n", "seed"),
        (SMALL + "range: 20s\n", ""),
        (SMALL + "tick: 1ms\nduration: 1h\n", "duration"),
        (SMALL + "duration2: 1m\n", "duration2"),
        (SMALL + "blastRadius: {share: 2}\n", "blastRadius.share"),
        (SMALL + "events: [{type: wake, at: 1s, namespace: acme, function: other}]\n", ""),
        (SMALL + "events: [{type: nonsense}]\n", "events[0]"),
        (SMALL + "events: [{type: quota, from: 1s, to: 5s, functions: []}]\n", "events[0].functions"),
        (SMALL + "events: [{type: quota, from: 1s, to: 5s, functions: [resize]}]\n", "events[0].functions[0]"),
        (SMALL + "events: [{type: crash, from: 5s, to: 5s, functions: [acme/*]}]\n", "events[0]"),
        (SMALL + "events: [{type: unschedulable, from: 1s, to: 5s, functions: [acme/other]}]\n", ""),
        (SMALL + "utc: 2026-03-01\n", "utc"),
        (SMALL + "utc: 2026-03-01T08:00:00\n", "utc"),
        (SMALL + "utc: 1772352000\n", "utc"),
        (SMALL.replace("rate: 5", "rate: 2000000"), "functions[0].workload.rate"),
        (SMALL.replace("constant, rate: 5", "csv, file: ''"), "functions[0].workload.file"),
        (SMALL.replace("resize", "resize, metrics: {cpu: {type: levels}}"), "functions[0].metrics.cpu.values"),
        (SMALL.replace("resize", "resize, metrics: {cpu: 5}"), "functions[0].metrics.cpu"),
        (SMALL.replace("1m", "400d") + "tick: 1ms\n", ""),
        (SMALL.replace("service: 200ms", "replicas: 1"), "functions[0].service"),
        (SMALL.replace("200ms", "200ms, serviceTimes: gamma"), "functions[0].serviceTimes"),
        (SMALL.replace("200ms", "200ms, serviceTimes: lognormal"), "functions[0].serviceTimes.cv"),
        (SMALL.replace("200ms", "200ms, serviceTimes: {type: lognormal, cv: 0}"), "functions[0].serviceTimes.cv"),
        (SMALL.replace("200ms", "200ms, serviceTimes: {type: constant, cv: 1}"), "functions[0].serviceTimes.cv"),
        (SMALL.replace("200ms", "200ms, serviceTimes: {type: empirical, values: [1s]}"), "functions[0].service"),
        (SMALL.replace("service: 200ms", "serviceTimes: {type: empirical}"), "functions[0].serviceTimes"),
        (SMALL.replace("service: 200ms", "serviceTimes: {type: empirical, values: [0s]}"), "functions[0].serviceTimes"),
        (
            SMALL.replace("service: 200ms", "serviceTimes: {type: empirical, values: [1s, 5]}"),
            "functions[0].serviceTimes.values[1]",
        ),
        (SMALL.replace("200ms", "200ms, startUp: 5"), "functions[0].startUp"),
        (SMALL.replace("200ms", "200ms, startUp: {type: lognormal, mean: 0s, cv: 1}"), "functions[0].startUp.mean"),
        (SMALL + "startUp: {type: exponential}\n", "startUp.mean"),
        (SMALL.replace("200ms", "200ms, memory: 256"), "functions[0].memory"),
        (SMALL.replace("200ms", "200ms, memory: 0Mi"), "functions[0].memory"),
        (SMALL.replace("200ms", "200ms, memory: 1.5Qi"), "functions[0].memory"),
        (SMALL.replace("200ms", "200ms, routing: nearest"), "functions[0].routing"),
        (SMALL.replace("200ms", "200ms, replicaQueue: 5"), "functions[0]"),
        (SMALL.replace("200ms", "200ms, gatewayQueue: -1"), "functions[0].gatewayQueue"),
        (SMALL.replace("200ms", "200ms, terminationGrace: 30"), "functions[0].terminationGrace"),
        (SMALL.replace("200ms", "200ms, slo: fast"), "functions[0].slo"),
        (SMALL.replace("200ms", "200ms, replicas: 1000000000"), "functions[0].replicas"),
        (SMALL.replace("200ms", "200ms, concurrencyLimit: 1000000000"), "functions[0].concurrencyLimit"),
        (SMALL.replace("200ms", "200ms, routing: random, replicaQueue: 1000000000"), "functions[0].replicaQueue"),
        (SMALL.replace("200ms", "200ms, maxReplicas: 0") + "mode: perRequest\n", "functions[0].maxReplicas"),
        (SMALL.replace("200ms", "200ms, whenFull: drop"), "functions[0].whenFull"),
        (SMALL.replace("200ms", "200ms, serviceTimes: 5"), "functions[0].serviceTimes"),
        (SMALL.replace("200ms", "200ms, keepAlive: 5m"), "functions[0].keepAlive"),
        (SMALL + "mode: lambda\n", "mode"),
        (SMALL + "mode: perRequest\ndecider: {type: fixed, replicas: 2}\n", "decider"),
        (SMALL + "mode: perRequest\nevents: [{type: prometheusOutage, from: 1s, to: 5s}]\n", "events"),
        (SMALL + "decider: {type: magic}\n", "decider"),
        (SMALL + "decider: {type: fixed}\n", "decider.replicas"),
        (
            SMALL + "decider: {type: hpa, behavior: {scaleUp: {window: 5}}}\n",
            "decider.behavior.scaleUp.window",
        ),
        (
            SMALL + "decider: {type: hpa, behavior: {scaleUp: {policies: [{pods: 5}]}}}\n",
            "decider.behavior.scaleUp.policies[0].pods",
        ),
        (SMALL + "prices: {replicaHour: -1}\n", "prices.replicaHour"),
        (SMALL + "prices: {perHour: 1}\n", "prices.perHour"),
        (SMALL + "traces: [{format: azure2019}]\n", "traces[0].file"),
        ("kind: Scenario\nduration: 1m\n", "functions"),
        (SMALL.replace("constant, rate: 5", "mmpp, states: [{rate: 1, mean: 5s}]"), "functions[0].workload.states"),
        (
            SMALL.replace("constant, rate: 5", "mmpp, states: [{rate: 0, mean: 5s}, {rate: 0, mean: 5s}]"),
            "functions[0].workload",
        ),
        (
            SMALL.replace("constant, rate: 5", "mmpp, states: [{rate: 1, mean: 5s}, {rate: 1, mean: 5}]"),
            "functions[0].workload.states[1].mean",
        ),
        (SMALL + SMALL.splitlines()[3] + "\n", ""),
    ],
)
def test_a_scenario_that_cannot_be_run_is_refused(text: str, path: str) -> None:
    """Each kind of mistake is a problem at its place that says what is allowed."""
    found = problems(text)
    assert path in {problem.path for problem in found}
    assert all(problem.wrong and problem.allowed for problem in found)


def test_a_field_of_a_workload_within_a_metric_is_told_with_its_own_names() -> None:
    """A misspelt field two unions deep has its plain path, and the names that are allowed there."""
    text = SMALL.replace(
        "resize", "resize, metrics: {queue: {type: backlog, arriving: {type: constant, rte: 1}, service: 1s}}"
    )
    found = {problem.path: problem.allowed for problem in problems(text)}
    assert set(found) == {"functions[0].metrics.queue.arriving.rte", "functions[0].metrics.queue.arriving.rate"}
    assert "did you mean rate?" in found["functions[0].metrics.queue.arriving.rte"]


def test_the_calendar_begins_at_the_moment_given_or_with_2026() -> None:
    """`utc` is a moment of any zone; without it a run begins on the first of January 2026."""
    assert parse(SMALL + "utc: 2026-03-29T01:30:00+01:00\n")[0].utc == 1_774_744_200.0
    assert parse(SMALL)[0].utc == 1_767_225_600.0


def test_recorded_workloads_are_named_for_every_function_and_metric() -> None:
    """A group of two with a CSV of calls and one of messages needs four records, each named by function and use."""
    text = SMALL.replace("type: constant, rate: 5", "type: csv, file: a.csv").replace(
        "resize", "resize, count: 2, metrics: {queue: {type: backlog, arriving: {type: csv, file: b.csv}, service: 1s}}"
    )
    scenario, _ = parse(text)
    found = {(str(key), name): path for (key, name), path, _ in scenario.traces()}
    assert found == {
        ("acme/resize-0", ""): "functions[0].workload",
        ("acme/resize-1", ""): "functions[0].workload",
        ("acme/resize-0", "queue"): "functions[0].metrics.queue.arriving",
        ("acme/resize-1", "queue"): "functions[0].metrics.queue.arriving",
    }


def test_a_span_takes_the_place_of_every_workload() -> None:
    """Under a span of ten minutes the run lasts as long, begins at its moment, and every function asks for it."""
    scenario, _ = parse(SMALL.replace("resize", "resize, count: 2"))
    span = {"url": "http://p", "query": "x", "start": "2026-03-02T00:00:00Z", "end": "2026-03-02T00:10:00Z"}
    under = scenario.under_span(span, "flags")
    assert (under.duration, under.utc) == (600.0, 1_772_409_600.0)
    assert [path for _, path, _ in under.traces()] == ["functions[0].workload"] * 2
    with pytest.raises(ScenarioError) as caught:
        scenario.under_span(span | {"end": "never", "stp": "1m"}, "flags")
    assert {(problem.file, problem.path) for problem in caught.value.problems} == {("flags", "end"), ("flags", "stp")}


def test_a_functions_traits_reach_what_is_simulated() -> None:
    """Laws, memory, queues, grace and slo of a group are those of its functions."""
    text = SMALL.replace(
        "200ms}",
        "200ms, serviceTimes: {type: lognormal, cv: 2.0}, startUp: {type: exponential, mean: 3s}, memory: 256Mi, "
        "routing: leastLoaded, replicaQueue: 3, gatewayQueue: 10, terminationGrace: null, slo: 500ms}",
    )
    (spec,) = parse(text)[0].specs()
    assert (spec.service_law, spec.start_law(9.0)) == (Lognormal(0.2, 2.0), Exponential(3.0))
    assert (spec.service_s, spec.memory_gb, spec.routing, spec.replica_queue) == (0.2, 0.25, "leastLoaded", 3)
    assert (spec.gateway_queue, spec.termination_grace_s, spec.slo_s) == (10, None, 0.5)
    alone = SMALL.replace("200ms}", "200ms, keepAlive: 1m, maxReplicas: 4, whenFull: queue}\nmode: perRequest")
    (spec,) = parse(alone)[0].specs()
    assert (spec.keep_alive_s, spec.max_replicas, spec.when_full) == (60.0, 4, "queue")


def test_fields_that_do_nothing_in_a_mode_are_refused_all_at_once() -> None:
    """Each is named with its line and the mode in which it means something; what the document leaves out is no mistake."""
    fields = {
        "tick": "5s",
        "scrapeInterval": "30s",
        "range": "2m",
        "writeDelay": "3s",
        "blastRadius": "null",
        "decider": "{type: controller}",
        "events": "[]",
    }
    traits = "terminationGrace: 1s, metrics: {cpu: {type: perRequest, value: 0.3}}, hold: 5s"
    text = SMALL.replace("200ms}", f"200ms, {traits}}}") + "mode: perRequest\n"
    text += "".join(f"{name}: {value}\n" for name, value in fields.items())
    found = {problem.path: problem for problem in problems(text)}
    inner = {f"functions[0].{name}" for name in ("terminationGrace", "metrics", "hold")}
    assert set(found) == {*fields, *inner}
    lines = text.splitlines()
    assert all(lines[(found[name].line or 0) - 1].startswith(f"{name}:") for name in fields)
    assert all("terminationGrace" in lines[(found[name].line or 0) - 1] for name in inner)
    assert "mode: windowed" in found["tick"].allowed
    assert "whenFull: queue" in found["functions[0].hold"].allowed
    parse(SMALL.replace("200ms}", "200ms, whenFull: queue, hold: 5s, gatewayQueue: 3}") + "mode: perRequest\n")


def test_a_run_without_ticks_may_last_as_long_as_it_likes() -> None:
    """Ten million ticks are the most of a run that has them; where every request decides for itself there are none."""
    year = SMALL.replace("duration: 1m", "duration: 8760h")
    assert [problem.path for problem in problems(year)] == [""]
    assert parse(year + "mode: perRequest\n")[0].duration == 8760 * 3600.0


def test_what_a_group_leaves_out_is_kubernetes_and_lambdas() -> None:
    """30 s of grace, 128 MiB, ten minutes of keep-alive, and the scenario's start-up time, 5 s."""
    scenario, _ = parse(SMALL)
    (spec,) = scenario.specs()
    assert (spec.termination_grace_s, spec.memory_gb, spec.keep_alive_s) == (30.0, 0.125, 600.0)
    assert spec.start_law(scenario.start_up.law()) == Constant(5.0)


def test_measured_durations_have_their_own_mean() -> None:
    """Service times that are listed need no mean beside them; ones in a file need that to be read."""
    measured = SMALL.replace("service: 200ms", "serviceTimes: {type: empirical, values: [100ms, 300ms, 800ms]}")
    (spec,) = parse(measured)[0].specs()
    assert spec.service_s == pytest.approx(0.4)
    scenario, _ = parse(SMALL.replace("service: 200ms", "serviceTimes: {type: empirical, file: d.csv}"))
    ((path, law),) = scenario.law_files()
    assert (path, law.file, scenario.reads_anything()) == ("functions[0].serviceTimes", "d.csv", True)
    with pytest.raises(ScenarioError) as caught:
        scenario.resolved({})
    assert [problem.path for problem in caught.value.problems] == ["functions[0].serviceTimes"]
    read = scenario.resolved(Recorded(laws={path: law.model_copy(update={"values": (0.1, 0.5)})}))
    assert [spec.service_s for spec in read.specs()] == [pytest.approx(0.3)]


def test_functions_of_traces_stand_beside_those_of_the_document() -> None:
    """What a trace gives is a function like any other; its workload is known without a document's saying it."""
    spec = FunctionSpec(FunctionKey("other", "encode"), 0.5)
    rates = RecordedRates(np.array([0.0, 60.0]), np.array([2.0]))
    read = Recorded(functions=(RecordedFunction(spec, rates, "other"),))
    scenario = parse(SMALL)[0].resolved(read)
    assert [str(one.key) for one in scenario.specs()] == ["acme/resize", "other/encode"]
    assert scenario.workloads(read)[spec.key, ""] is rates
    assert not parse(SMALL)[0].reads_anything()


def test_a_name_that_a_trace_has_too_is_refused() -> None:
    """A function of the document and one of a trace of the same name cannot both run."""
    rates = RecordedRates(np.array([0.0, 60.0]), np.array([2.0]))
    read = Recorded(functions=(RecordedFunction(FunctionSpec(FunctionKey("acme", "resize"), 0.5), rates),))
    with pytest.raises(ScenarioError, match="twice"):
        parse(SMALL)[0].resolved(read)


def test_traces_that_nobody_read_stop_the_run() -> None:
    """A scenario whose functions are all in a file cannot be run without it: the field that names it is told."""
    scenario, _ = parse("kind: Scenario\nduration: 1m\ntraces: [{file: azure.csv}]\n")
    with pytest.raises(ScenarioError) as caught:
        scenario.resolved({})
    assert [problem.path for problem in caught.value.problems] == ["traces[0]"]


@pytest.mark.parametrize(
    ("text", "amount_gb"), [("128Mi", 0.125), ("1.5Gi", 1.5), ("512M", 512e6 / 2**30), ("1Ki", 2**-20)]
)
def test_memory_is_read_as_kubernetes_writes_it(text: str, amount_gb: float) -> None:
    """Binary and decimal units, and back again to the byte."""
    assert parse_memory(text) == amount_gb
    assert parse_memory(format_memory(amount_gb)) == amount_gb
