"""Work beside a block: its failure ends the block, the block's end ends it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager


@asynccontextmanager
async def beside(work: Coroutine[object, object, None], end: Callable[[], object] | None = None) -> AsyncIterator[None]:
    """Keep work going beside a block; work that fails ends the block with its error, as it is.

    A task group would do the same, and wrap every error of the block itself into groups.

    Args:
        end: asks the work to end; None: it is cancelled.
    """
    body, task = asyncio.current_task(), asyncio.create_task(work)

    def end_body(_: asyncio.Task[None]) -> None:
        if body is not None and _failure(task) is not None:
            body.cancel()

    task.add_done_callback(end_body)
    try:
        yield
    except asyncio.CancelledError:
        if body is None or _failure(task) is None:
            raise
        body.uncancel()
    finally:
        task.remove_done_callback(end_body)
        (end or task.cancel)()
        await asyncio.wait((task,))
    failure = _failure(task)
    if failure is not None:
        raise failure


def _failure(task: asyncio.Task[None]) -> BaseException | None:
    return task.exception() if task.done() and not task.cancelled() else None
