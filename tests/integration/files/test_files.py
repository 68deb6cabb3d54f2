"""Policy folders on a real file system, read and watched."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from autoscaler.adapters.files import read, watch
from autoscaler.policy.loading import load
from autoscaler.policy.parsing import MAX_CHARACTERS


def test_only_yaml_files_of_the_folder_are_read(tmp_path: Path) -> None:
    """`*.yaml` and `*.yml` count; hidden files, other files and folders do not."""
    for name in ("a.yaml", "b.yml", ".hidden.yaml", "c.json", "README.md"):
        (tmp_path / name).write_text(name)
    (tmp_path / "folder.yaml").mkdir()
    assert read(tmp_path) == {"a.yaml": "a.yaml", "b.yml": "b.yml"}


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A folder that does not exist is not an empty one."""
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "missing")


def broken(path: Path) -> None:
    path.write_bytes(b"kind: Tenant\nname: \xff\xfe\n")


def huge(path: Path) -> None:
    path.write_bytes(b"#" * (MAX_CHARACTERS + 1))


def unreadable(path: Path) -> None:
    os.mkfifo(path.with_suffix(".fifo"))
    path.symlink_to("/proc/self/mem")  # a regular file, whose reading fails for root, too


@pytest.mark.parametrize("spoil", [broken, huge, unreadable])
def test_a_file_that_cannot_be_understood_is_a_problem_of_that_file(tmp_path: Path, spoil: object) -> None:
    """Broken encoding, too much text or no right to read: the file is there, and has a problem."""
    assert callable(spoil)
    spoil(tmp_path / "bad.yaml")
    problems = load(read(tmp_path)).problems
    assert {problem.file for problem in problems} == {"bad.yaml"}
    for problem in problems:
        str(problem).encode()  # and the problem itself can be printed


async def next_state(states: object) -> dict[str, str]:
    """Give the next state, within a deadline."""
    found: dict[str, str] = await asyncio.wait_for(anext(states), 30)  # type: ignore[call-overload]
    return found


async def test_every_change_is_seen(tmp_path: Path) -> None:
    """The first state comes at once, then one for each change; rewriting the same text is no change."""
    (tmp_path / "a.yaml").write_text("1")
    states = watch(tmp_path)
    assert await next_state(states) == {"a.yaml": "1"}
    waiting = asyncio.ensure_future(next_state(states))
    await asyncio.sleep(0)
    (tmp_path / "a.yaml").write_text("1")
    (tmp_path / "b.yaml").write_text("2")
    assert (await waiting)["b.yaml"] in ("", "2")
    (tmp_path / "a.yaml").unlink()
    state = await next_state(states)
    while "a.yaml" in state:
        state = await next_state(states)
    assert state == {"b.yaml": "2"}
    await states.aclose()  # type: ignore[attr-defined]


async def test_a_mounted_configmap_is_followed(tmp_path: Path) -> None:
    """The kubelet swaps the link `..data` to a new folder; the files are links through it."""

    def version(name: str, text: str) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "policies.yaml").write_text(text)
        (tmp_path / "..data_tmp").symlink_to(name)
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")

    version("..2026_1", "old")
    (tmp_path / "policies.yaml").symlink_to("..data/policies.yaml")
    states = watch(tmp_path)
    assert await next_state(states) == {"policies.yaml": "old"}
    waiting = asyncio.ensure_future(next_state(states))
    await asyncio.sleep(0)
    version("..2026_2", "new")
    assert await waiting == {"policies.yaml": "new"}
    await states.aclose()  # type: ignore[attr-defined]


async def test_a_folder_that_is_away_changes_nothing(tmp_path: Path) -> None:
    """While the folder is gone what was read stays; what is there when it is back is seen."""
    folder, aside = tmp_path / "policies", tmp_path / "aside"
    folder.mkdir()
    (folder / "a.yaml").write_text("1")
    states = watch(folder)
    assert await next_state(states) == {"a.yaml": "1"}
    waiting = asyncio.ensure_future(next_state(states))
    await asyncio.sleep(0)
    folder.rename(aside)
    folder.mkdir()
    (folder / "a.yaml").write_text("2")
    state = await waiting
    while state != {"a.yaml": "2"}:
        state = await next_state(states)
    await states.aclose()  # type: ignore[attr-defined]


WATCHING = """
import asyncio, sys
from autoscaler.adapters.files import watch

async def main():
    async for state in watch(sys.argv[1]):
        print(state["a.yaml"], flush=True)

asyncio.run(main())
"""


NO_NAMESPACE = 77


async def test_without_notices_the_folder_is_read_all_the_same(tmp_path: Path) -> None:
    """Where the kernel gives no watches (other programs of a node's user hold them all), a change is still seen."""
    (tmp_path / "a.yaml").write_text("1")
    command = 'echo 0 > /proc/sys/user/max_inotify_instances || exit 77; exec "$0" -c "$1" "$2"'
    process = await asyncio.create_subprocess_exec(
        *(
            "sh",
            "-c",
            'unshare -Ur true || exit 77; exec unshare -Ur sh -c "$@"',
            "sh",
            command,
            sys.executable,
            WATCHING,
            str(tmp_path),
        ),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        first = await asyncio.wait_for(process.stdout.readline(), 30)
        if not first and await process.wait() == NO_NAMESPACE and not os.environ.get("CI"):
            pytest.skip("no user namespace can be made here")
        assert first == b"1\n"
        (tmp_path / "a.yaml").write_text("2")
        assert await asyncio.wait_for(process.stdout.readline(), 30) == b"2\n"
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
