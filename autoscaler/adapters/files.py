"""The folder of policy documents: read, and read again when it changes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import BinaryIO

from watchfiles import awatch

from autoscaler.policy.parsing import MAX_CHARACTERS

_ENDINGS = {".yaml", ".yml"}
_LONGEST_CHARACTER = 4  # bytes of UTF-8
_BLOCK = 64 << 10
_OPENED = {Path("/dev/fd"), Path("/proc/self/fd")}
RECHECK_S = 5.0
"""How often the folder is read without a notice: network file systems give none."""


def read(folder: str | Path) -> dict[str, str]:
    """Give the text of each `*.yaml` and `*.yml` file of a folder, by name.

    Nothing in a file can make this fail: what is no UTF-8 becomes characters that YAML refuses, a file that may not
    be read becomes such a text, and of a huge one no more is read than shows that it is too large. So each becomes a
    problem of that file, which keeps its last good documents in force; a file left out would lose them.

    Hidden files are passed over: a mounted ConfigMap keeps its versions in hidden folders beside links to them.

    Raises:
        OSError: there is no such folder, or it may not be listed.
    """
    found = {}
    for path in sorted(Path(folder).iterdir()):
        if path.suffix in _ENDINGS and not path.name.startswith(".") and path.is_file():
            found[path.name] = text(path)
    return found


async def watch(folder: str | Path) -> AsyncIterator[dict[str, str]]:
    """Give what `read` gives, now and whenever it has changed; a folder that is away for a while changes nothing.

    Raises:
        OSError: there is no such folder at the start.
    """
    last = await asyncio.to_thread(read, folder)
    yield last
    while True:
        async for now in _changed(Path(folder)):
            if now != last:
                last = now
                yield last
        await asyncio.sleep(RECHECK_S)


async def _changed(folder: Path) -> AsyncIterator[dict[str, str]]:
    """Give the folder's state at every notice and now and then, until the folder itself goes."""
    try:
        notices = awatch(
            folder, watch_filter=None, recursive=False, yield_on_timeout=True, rust_timeout=int(RECHECK_S * 1000)
        )
        async for _ in notices:
            yield await asyncio.to_thread(read, folder)
    except (OSError, RuntimeError):  # the latter where the kernel has no watch left for us: a node has few
        with contextlib.suppress(OSError):
            yield await asyncio.to_thread(read, folder)


def text(path: Path) -> str:
    """Give a file's text as `read` does: nothing in it can make this fail, and of a huge one only a part is read."""
    try:
        with path.open("rb") as file:
            content = b"".join(_blocks(file, _LONGEST_CHARACTER * (MAX_CHARACTERS + 1)))
    except OSError as error:
        return f"\0 cannot be read: {error.strerror}"
    return content.decode("utf-8", errors="surrogateescape")


def has_text(path: Path) -> bool:
    """Tell whether this is a file, or a pipe that a shell has opened for this process (`<(kubectl get …)`).

    Any other pipe is not waited for: it may have no writer.
    """
    return path.is_file() or (path.is_fifo() and (path.parent in _OPENED or path == Path("/dev/stdin")))


def _blocks(file: BinaryIO, most: int) -> Iterator[bytes]:
    """Read so many bytes at most; all at once would take room for so many, for a document of a few hundred."""
    while most > 0 and (block := file.read(min(_BLOCK, most))):
        most -= len(block)
        yield block
