"""Sparing the garbage collector what a list brings: very many objects that stay, and of which none is garbage."""

import gc

_LARGE = 1_000
"""Objects from which on a list is worth it: a full pass over 10,000 Deployments stops every thread for 30 to 50 ms."""

_NEVER = 1_000_000


class Growth:
    """Keeps full passes away while lists are read, and afterwards what they brought out of the collector's sight.

    References alone free it later. Garbage in cycles that is in sight at that moment is never freed: little, since
    young garbage is collected first, and only after lists that brought much. One for the process: `GROWTH`.
    """

    def __init__(self) -> None:
        self._lists = 0
        self._brought = 0
        self._thresholds = gc.get_threshold()

    def begin(self) -> None:
        """A list begins."""
        if self._lists == 0:
            self._thresholds = gc.get_threshold()
            gc.set_threshold(*self._thresholds[:2], _NEVER)
        self._lists += 1

    def end(self, brought: int) -> None:
        """A list ended, whole or not.

        Args:
            brought: objects in it that are new or were replaced.
        """
        self._lists -= 1
        self._brought += brought
        if self._lists:
            return
        if self._brought >= _LARGE:
            self._brought = 0
            gc.collect(1)
            gc.freeze()
        gc.set_threshold(*self._thresholds)


GROWTH = Growth()
