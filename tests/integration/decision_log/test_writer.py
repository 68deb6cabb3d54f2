"""The decision log on a real disk: whole after a kill, bounded in size and age, and never in anybody's way."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from autoscaler.adapters.decision_log import DecisionLog
from autoscaler.adapters.decision_log.folder import LogFile, create, listed, remove_old
from autoscaler.adapters.decision_log.writer import QUEUE_BYTES
from autoscaler.core.journal.decoder import read
from autoscaler.core.journal.step import Entry, Gap, Head, Recorded, Step
from autoscaler.policy.provenance import NOWHERE
from autoscaler.policy.settings import DecisionLogSettings
from tests.integration.decision_log.writing import steps_of
from tests.servers.process import wait_until
from tests.unit.core.recorded import fleet_of, run, unlike

ROOT = Path(__file__).parents[3]


class Hand:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.s = 1_000.0

    def __call__(self) -> float:
        return self.s


def settings(**changes: object) -> DecisionLogSettings:
    return DecisionLogSettings.model_validate({"flush": "0s"} | changes)


def entries_of(folder: Path) -> list[Entry]:
    return [entry for file in listed(folder) for entry in read(file.path.read_bytes())]


def steps_in(folder: Path) -> list[Step]:
    return [entry.step for entry in entries_of(folder) if isinstance(entry, Recorded)]


def assert_same(expected: Sequence[Step], found: Sequence[Step]) -> None:
    assert len(expected) == len(found)
    for number, (one, other) in enumerate(zip(expected, found, strict=True)):
        assert unlike(one, other) == [], f"step {number}"


def take(log: DecisionLog, steps: Sequence[Step]) -> None:
    """Let a log take steps, and wait until each is written or lost."""
    for step in steps:
        before = log.state()
        log.take_step(step, NOWHERE)
        wanted = before.steps + before.lost + 1
        wait_until(lambda wanted=wanted: log.state().steps + log.state().lost >= wanted, "a step to be done with", 10.0)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def log(tmp_path: Path, told: list[str], hand: Hand) -> Iterator[DecisionLog]:
    log = DecisionLog(str(tmp_path / "log"), settings(), None, told.append, hand)
    log.start()
    yield log
    log.close()


def test_what_is_written_is_read_back(log: DecisionLog, tmp_path: Path) -> None:
    """Every step that was taken is in the folder, to the bit, once the log is closed; nobody else may read it."""
    steps = run(30)
    for step in steps:
        log.take_step(step, NOWHERE)
    log.close()
    assert_same(steps, steps_in(tmp_path / "log"))
    (file,) = listed(tmp_path / "log")
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o700
    assert log.state().steps == len(steps)
    assert log.state().lost == 0


def test_kill_loses_nothing_that_was_flushed(tmp_path: Path) -> None:
    """A process that is killed with -9 leaves every step it had flushed, to the bit, and at most a torn one behind."""
    with (tmp_path / "errors").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.decision_log.writing", str(tmp_path / "log"), "7"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        flushed = 0
        for line in process.stdout:
            flushed = int(line.split()[0])
            if flushed >= 150:
                break
        process.kill()
        process.communicate()
    found = steps_in(tmp_path / "log")
    assert flushed >= 150, (tmp_path / "errors").read_text()
    assert len(found) >= flushed
    assert_same(steps_of(7)[: len(found)], found)


def test_a_later_start_is_a_run_of_its_own(tmp_path: Path, told: list[str], hand: Hand) -> None:
    """A daemon that starts again never touches what it wrote before; both runs are told apart."""
    steps = run(6)
    for part in (steps[:4], steps[4:]):
        log = DecisionLog(str(tmp_path), settings(), None, told.append, hand)
        log.start()
        take(log, part)
        log.close()
    heads = [entry for entry in entries_of(tmp_path) if isinstance(entry, Head)]
    assert [head.number for head in heads] == [0, 0]
    assert heads[0].run != heads[1].run
    assert_same(steps, steps_in(tmp_path))


def test_an_hour_is_a_file_and_each_is_read_alone(log: DecisionLog, hand: Hand, tmp_path: Path) -> None:
    """After an hour the next tick begins another file of the same run, which needs none of the others."""
    steps = run(24)
    ticks = [place for place, step in enumerate(steps) if step.observation is not None]
    cuts = [ticks[8], ticks[16]]
    for part in (steps[: cuts[0]], steps[cuts[0] : cuts[1]], steps[cuts[1] :]):
        take(log, part)
        hand.s += 3_600
    log.close()
    files = listed(tmp_path / "log")
    assert [file.number for file in files] == [0, 1, 2]
    heads = [next(iter(read(file.path.read_bytes()))) for file in files]
    assert len({head.run for head in heads if isinstance(head, Head)}) == 1
    last = [entry.step for entry in read(files[-1].path.read_bytes()) if isinstance(entry, Recorded)]
    assert_same(steps[cuts[1] :], last)


def test_a_slow_disk_delays_nobody(tmp_path: Path, told: list[str]) -> None:
    """What finds no room in memory is counted and leaves a gap; taking a step never waits for the disk."""
    log = DecisionLog(str(tmp_path), settings(), None, told.append)
    steps = run(2, fleets=[fleet_of([f"f{number:04d}" for number in range(2_000)])])
    taken = 0
    while log.state().lost < 3:  # the writer has not begun: as a disk that hangs
        log.take_step(steps[taken % 2], NOWHERE)
        taken += 1
    assert taken < QUEUE_BYTES // 100_000
    log.start()
    wait_until(lambda: log.state().steps == taken - 3, "what waited to be written", 60.0)
    log.take_step(steps[0], NOWHERE)
    log.close()
    gaps = [entry for entry in entries_of(tmp_path) if isinstance(entry, Gap)]
    assert [gap.lost for gap in gaps] == [3]
    assert unlike(steps_in(tmp_path)[-1], steps[0]) == []


def test_a_folder_that_cannot_be_is_said_and_tried_again(tmp_path: Path, told: list[str], hand: Hand) -> None:
    """Where nothing can be written steps are lost and counted; as soon as it can, the log goes on with a whole tick."""
    place = tmp_path / "log"
    place.write_text("in the way")
    log = DecisionLog(str(place), settings(), None, told.append, hand)
    log.start()
    steps = run(20)
    take(log, steps[:5])
    assert log.state().error is not None
    assert log.state().lost == 5
    place.unlink()
    take(log, steps[5:6])
    assert log.state().lost == 6  # not tried again at every step
    hand.s += 10
    take(log, steps[6:])
    log.close()
    assert (log.state().lost, log.state().error) == (6, None)
    assert len(told) == 2
    entries = entries_of(place)
    assert isinstance(entries[1], Gap)
    assert entries[1].lost == 6
    assert_same(steps[6:], steps_in(place))


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="a small disk of its own needs root and unshare"
)
def test_a_full_disk_is_no_end(tmp_path: Path) -> None:
    """On a disk of 64 KiB the log fills it, says that there is no space, and the writer goes on; what is there is read."""
    disk = tmp_path / "disk"
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o size=64k none {disk} && "
        f"{sys.executable} -m tests.integration.decision_log.writing {disk}/log 3 < /dev/null; "
        f"cp -r {disk}/log {tmp_path}/kept"
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    if "mount" in done.stderr and "denied" in done.stderr:
        pytest.skip("mounting is not allowed here")
    written, lost, *error = done.stdout.splitlines()[-1].split()
    assert int(written) > 10, done.stderr
    assert int(lost) > 10
    assert "No space" in " ".join(error)
    found = steps_in(tmp_path / "kept")
    assert_same(steps_of(3)[: len(found)], found)
    assert len(found) >= int(written)


def made(folder: Path, begins_s: float, size: int) -> LogFile:
    path, descriptor = create(folder, begins_s, 0)
    os.write(descriptor, b"x" * size)
    os.close(descriptor)
    return LogFile(begins_s, 0, path)


def test_old_files_go_and_the_present_one_stays(tmp_path: Path) -> None:
    """A file goes once all of it is too old, the oldest first where all are too large, and the one in use never."""
    files = [made(tmp_path, 1_000.0 * number, 100) for number in range(1, 6)]
    (tmp_path / "notes.txt").write_text("not ours")
    stay = remove_old(tmp_path, before_utc_s=2_500.0, most_bytes=None, keep=files[-1].path)
    assert [file.begins_utc_s for file in stay] == [2_000.0, 3_000.0, 4_000.0, 5_000.0]
    stay = remove_old(tmp_path, before_utc_s=0.0, most_bytes=250, keep=files[-1].path)
    assert [file.begins_utc_s for file in stay] == [4_000.0, 5_000.0]
    stay = remove_old(tmp_path, before_utc_s=9e9, most_bytes=1, keep=files[-1].path)
    assert [file.begins_utc_s for file in stay] == [5_000.0]
    assert (tmp_path / "notes.txt").exists()


def test_the_log_stays_within_its_bytes(tmp_path: Path, told: list[str], hand: Hand) -> None:
    """With a bound of 1 MiB the files never take more, and the latest steps are always there."""
    log = DecisionLog(str(tmp_path), settings(maxBytes=1 << 20), None, told.append, hand)
    log.start()
    steps = run(40, fleets=[fleet_of([f"f{number:04d}" for number in range(3_000)])])
    for _ in range(3):
        take(log, steps)
        assert sum(file.size() for file in listed(tmp_path)) <= 1 << 20
    log.close()
    assert len(listed(tmp_path)) > 1
    assert unlike(steps_in(tmp_path)[-1], steps[-1]) == []
    assert log.state().lost == 0


def test_retention_is_kept_while_the_log_goes_on(tmp_path: Path, told: list[str], hand: Hand) -> None:
    """Files whose steps are all older than the retention are removed as time passes."""
    log = DecisionLog(str(tmp_path), settings(retention="2h"), None, told.append, hand)
    log.start()
    steps = [step for step in run(12, every_s=1_800.0) if step.observation is not None]
    for step in steps:
        take(log, [step])
        hand.s += 1_800
    log.close()
    begins = [file.begins_utc_s for file in listed(tmp_path)]
    assert begins
    assert begins[0] >= steps[-1].now.utc_s - 3 * 3_600


def test_two_daemons_never_write_one_file(tmp_path: Path) -> None:
    """A file that is there is refused, whoever made it."""
    create(tmp_path, 5.0, 0)
    with pytest.raises(FileExistsError):
        create(tmp_path, 5.0, 0)


def test_any_time_names_a_file(tmp_path: Path) -> None:
    """Times that no calendar has still make a file that is listed."""
    for number, begins_s in enumerate((float("nan"), float("inf"), -5.0, 1e300)):
        create(tmp_path, begins_s, number)
    assert len(listed(tmp_path)) == 4
