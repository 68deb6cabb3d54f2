"""The public formats: Azure's three traces, OpenDC's, IBM's, and containers by the minute."""

import numpy as np
import pytest

from autoscaler.simulator.trace_sets.azure import read_azure_2019
from autoscaler.simulator.trace_sets.errors import Findings, TraceError
from autoscaler.simulator.trace_sets.formats import detected
from autoscaler.simulator.trace_sets.opendc import read_opendc
from autoscaler.simulator.trace_sets.tenancy import regrouped
from autoscaler.simulator.trace_sets.trace_set import TraceSet
from tests.unit.simulator.trace_sets.reading import counts, events, problems, read

OWNERS = [letter * 64 for letter in "abc"]
INVOCATIONS = (
    "HashOwner,HashApp,HashFunction,Trigger,1,2,3\n"
    f"{OWNERS[0]},{'1' * 64},{'2' * 64},http,0,5,70000\n"
    f"{OWNERS[0]},{'1' * 64},{'2' * 64},timer,1,1,1\n"
    f"{OWNERS[1]},{'1' * 64},{'3' * 64},queue,0,0,2\n"
)
_PERCENTILES = ",".join(f"percentile_Average_{one}" for one in (0, 1, 25, 50, 75, 99, 100))
DURATIONS = (
    f"HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum,{_PERCENTILES}\n"
    f"{OWNERS[0]},{'1' * 64},{'2' * 64},200,9,0,900,0,10,100,150,200,800,900\n"
)
MEMORY = f"HashOwner,HashApp,SampleCount,AverageAllocatedMb\n{OWNERS[1]},{'1' * 64},5,256\n"
OPENDC = (
    "Timestamp [ms],Invocations, Avg Exec time per Invocation,Provisioned CPU [Mhz],Provisioned Memory [mb],"
    " Avg cpu usage per Invocation [Mhz], Avg mem usage per Invocation [mb],name\n"
)


def azure(invocations: str = INVOCATIONS, durations: str = DURATIONS, memory: str = MEMORY) -> TraceSet:
    parts = [(text.splitlines(keepends=True), Findings(name)) for name, text in (("d", durations), ("m", memory))]
    return read_azure_2019(invocations.splitlines(keepends=True), Findings("i"), *parts)


def test_a_day_of_azure_has_counts_laws_and_memory() -> None:
    """Triggers of one function are summed; service times have the percentiles' shape at the recorded mean; memory is
    the application's; owners are tenants, their hashes cut to what tells them apart."""
    found = azure()
    assert counts(found).matrix.tolist() == [[1, 6, 70001], [0, 0, 2]]
    one, other = found.functions
    assert (one.tenant, one.namespace, one.name) == ("a" * 12, "a" * 12, "2" * 12)
    assert one.identity.owner == OWNERS[0]
    assert one.service is not None
    assert one.service_s == pytest.approx(0.2)
    assert one.service.mean_s == pytest.approx(0.2)
    assert one.service.values_s[5] / one.service.values_s[2] == pytest.approx(8.0)
    assert (one.memory_gb, other.memory_gb, other.service) == (None, 0.25, None)
    assert any("1 of 2 functions are without service times" in note for note in found.notes)


def test_invocations_alone_are_a_trace_too() -> None:
    """Without the two other files nothing is known of service times and memory, which is said."""
    found = read(INVOCATIONS)
    assert [one.service_s for one in found] == [None, None]
    assert any("2 of 2 functions are without service times, 2 without memory" in note for note in found.notes)


@pytest.mark.parametrize(
    ("change", "line", "path"),
    [
        (("0,5,70000", "0,-5,70000"), 2, "column '2'"),
        (("0,5,70000", "0,nan,70000"), 2, "column '2'"),
        (("0,5,70000", "0,5.5,70000"), 2, "column '2'"),
        (("0,5,70000", "0,5"), 2, ""),
        (("Trigger,1,2,3", "Trigger,1,3,2"), 1, ""),
        (("HashApp,HashFunction,T", "HashApp,Function,T"), 1, "column 'HashFunction'"),
    ],
)
def test_mistakes_of_azure_counts_are_said(change: tuple[str, str], line: int, path: str) -> None:
    """Negative, broken and missing counts, and minutes out of order, are named by line and minute."""
    with pytest.raises(TraceError) as caught:
        azure(INVOCATIONS.replace(*change))
    first = caught.value.problems[0]
    assert (first.file, first.line, first.path) == ("i", line, path)


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("0,10,100,150", "0,100,10,150", ""),
        (",200,9,", ",-1,9,", "column 'Average'"),
        ("Average,C", "Mean,C", "column 'Average'"),
    ],
)
def test_mistakes_of_azure_durations_are_said(old: str, new: str, path: str) -> None:
    """Percentiles that fall, negative means and missing columns are found in their own file."""
    with pytest.raises(TraceError) as caught:
        azure(durations=DURATIONS.replace(old, new))
    assert (caught.value.problems[0].file, caught.value.problems[0].path) == ("d", path)


def test_requests_of_2021_arrive_a_duration_before_their_end() -> None:
    """Ends are in order and arrivals are not: they are sorted; one that began before the trace arrives at its beginning."""
    found = read("app,func,end_timestamp,duration\nx,f,2,3\nx,g,4,1\nx,f,9,8.5\n")
    load = events(found)
    assert load.times_of(0).tolist() == [0.0, 0.5]
    assert load.times_of(1).tolist() == [3.0]
    assert load.durations_of(0) is not None
    assert found.functions[0].tenant == "x"
    assert any("1 requests that began before" in note for note in found.notes)
    assert problems("app,func,end_timestamp,duration\nx,f,-2,3\n")[0].path == "column 'end_timestamp'"


@pytest.mark.parametrize(
    "text",
    [
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:47.1805900,10,4\n",
        "t,ContextTokens,GeneratedTokens\n7,374,44\n7.5,10,4\n",
    ],
)
def test_requests_of_the_llm_trace_have_no_service_times(text: str) -> None:
    """Moments without a zone are UTC; what tokens took is not recorded, and that is said."""
    found = read(text)
    assert events(found).times_s.tolist() == pytest.approx([0.0, 0.5])
    assert events(found).durations_s is None
    assert found.service_s(0) is None
    assert "192 of context and 24 generated" in found.notes[0]


def test_opendc_has_a_file_for_each_function() -> None:
    """Counts by step, the mean time over all requests, and memory; files of other lengths are refused."""
    first = (OPENDC + "60000,2,100,100,256,0,0,x\n120000,6,500,100,256,0,0,x\n").splitlines(keepends=True)
    second = (OPENDC + "60000,0,0,100,128,0,0,x\n180000,1,90,100,128,0,0,x\n").splitlines(keepends=True)
    found = read_opendc([("one", first, Findings("one.csv"))])
    assert counts(found).matrix.tolist() == [[2, 6]]
    assert (found.functions[0].name, found.functions[0].service_s) == ("one", pytest.approx(0.4))
    assert found.functions[0].memory_gb == 0.25
    with pytest.raises(TraceError) as caught:
        read_opendc([("one", first, Findings("1")), ("two", second, Findings("2"))])
    assert "as the first file has" in caught.value.problems[0].allowed
    late = OPENDC + "60000,2,100,100,256,0,0,x\n60000,2,100,100,256,0,0,x\n"
    assert [(one.line, one.path) for one in problems(late, "opendc")] == [(3, "column 'Timestamp [ms]'")]


def test_configurations_of_ibm_have_no_load() -> None:
    """What a replica is made of and how many there are at least is known, and how often it was called is not."""
    found = read("ns,app,cpu,mem_gb,concurrency,min_scale,days\nn,a,0.5,4,100,1,62\nn,b,1,2,10,0,62\n")
    assert found.load is None
    one = found.functions[0]
    assert (one.cpu, one.memory_gb, one.concurrency_limit, one.min_replicas) == (0.5, 4.0, 100, 1)
    assert found.tenants() == {"n": ("n",)}
    assert np.isnan(found.rates()).all()


def test_containers_by_the_minute_are_no_requests() -> None:
    """The matrix says what it counts."""
    load = counts(read("app,mem_mb,invocations_day,m0,m1\nx,128,3,0,2\n"))
    assert (load.of, load.matrix.tolist()) == ("containers", [[0, 2]])
    assert problems("app,mem_mb,m0,m2\nx,128,0,2\n")[0].allowed == "columns m0, m1, … in their order"


def test_what_is_no_other_format_is_plain() -> None:
    """A format is known by the columns that it alone has, whatever is beside them."""
    assert detected(["app", "func", "end_timestamp", "duration", "more"]) == "azure2021"
    assert detected(["function", "time"]) == "plain"


@pytest.mark.parametrize(("tenancy", "tenants"), [("byOwner", 2), ("byApp", 1), ("one", 1)])
def test_tenants_are_owners_or_applications_or_one(tenancy: str, tenants: int) -> None:
    """Grouped anew, every function still has a name of its own."""
    found = regrouped(azure(), tenancy)  # type: ignore[arg-type]
    assert len(found.tenants()) == tenants
    assert len({one.key for one in found}) == 2
