"""An object of another system as somebody wrote it: each field with its file and line, and what becomes of it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from autoscaler.policy.problems import Problem, line_of, path_text, shown

Parts = tuple[str | int, ...]

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]{1,3})?", re.IGNORECASE)
_LONGEST_NUMBER = 40


@dataclass(frozen=True, slots=True)
class Remark:
    """What became of a field that is not carried over as it is.

    Attributes:
        file: name of the text it is in.
        line: its line, from 1; None where it has none.
        path: the field, such as `spec.pollingInterval`, or the object, such as `Deployment shop/web`.
        words: why, and what to do instead.
        is_carried: it is carried, but means something else here, or is worth a look.
    """

    file: str
    line: int | None
    path: str
    words: str
    is_carried: bool = False

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.path}{' (carried)' if self.is_carried else ' is not carried'}: {self.words}"


@dataclass(slots=True)
class Account:
    """What one object comes to, beside its policy.

    Attributes:
        title: the object in words, such as `Deployment shop/web`.
        remarks: fields that are not carried as they are.
        problems: what cannot be read.
        looked_at: fields that a conversion has asked for.
        whole: fields that are dealt with, with everything in them.
    """

    title: str = ""
    remarks: list[Remark] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    looked_at: set[Parts] = field(default_factory=set)
    whole: set[Parts] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Written:
    """One field, or a whole object; whoever asks for a field below it has looked at it.

    Attributes:
        file: name of the text.
        lines: line of each field path of the text's document.
        value: as parsed; None where there is nothing.
        parts: where in the document.
        account: of the object that it belongs to.
        start: how many parts name the object itself: a List has many.
    """

    file: str
    lines: Mapping[str, int]
    value: object
    parts: Parts = ()
    account: Account = field(default_factory=Account)
    start: int = 0

    def at(self, *keys: str) -> "Written":
        """Give a field below; one that is not there has no value."""
        found, parts = self.value, self.parts
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
            parts = (*parts, key)
            self.account.looked_at.add(parts)
        return Written(self.file, self.lines, found, parts, self.account, self.start)

    @property
    def is_there(self) -> bool:
        return self.value is not None

    @property
    def line(self) -> int | None:
        return line_of(self.lines, self.parts)

    @property
    def path(self) -> str:
        """The field as the object's own documentation names it."""
        return path_text(self.parts[self.start :])

    def items(self) -> Sequence["Written"]:
        """Give the items of a list; none where it is no list, which is a problem."""
        if not isinstance(self.value, list):
            if self.is_there:
                self.refuse("a list")
            return ()
        found = [self._child(position, value) for position, value in enumerate(self.value)]
        self.account.looked_at.update(one.parts for one in found)
        return found

    def fields(self) -> Sequence["Written"]:
        """Give the fields of a mapping, without looking at them; none where it is no mapping, which is a problem."""
        if not isinstance(self.value, Mapping):
            if self.is_there:
                self.refuse("a mapping")
            return ()
        return [self._child(key, value) for key, value in self.value.items()]

    def texts(self) -> dict[str, str]:
        """Give a mapping of texts, such as labels; what is none is a problem."""
        found: dict[str, str] = {}
        for one in self.fields():
            text = one.text()
            if text is not None:
                found[str(one.parts[-1])] = text
        return found

    def text(self) -> str | None:
        """Give a text, a number or a boolean as YAML writes it; None: there is none, or it is something else."""
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        if isinstance(self.value, str | int | float):
            return str(self.value)
        if self.is_there:
            self.refuse("a text")
        return None

    def number(self, least: float = float("-inf"), most: float = 1e12) -> float | None:
        """Give a number, also one in quotes; None: there is none, or it is something else, which is a problem."""
        text = None if isinstance(self.value, bool | list | Mapping) else self.text()
        is_number = text is not None and len(text) <= _LONGEST_NUMBER and _NUMBER.fullmatch(text) is not None
        if text is not None and is_number and least <= float(text) <= most:
            return float(text)
        if self.is_there:
            self.refuse(f"a number{_bounds(least, most)}")
        return None

    def whole(self, least: int = 0, most: int = 1_000_000) -> int | None:
        """Give a whole number, also one in quotes; None: there is none, or it is something else, which is a problem."""
        text = None if isinstance(self.value, bool | float | list | Mapping) else self.text()
        if text is not None and re.fullmatch(r"-?[0-9]{1,12}", text) and least <= int(text) <= most:
            return int(text)
        if self.is_there:
            self.refuse(f"a whole number{_bounds(least, most)}")
        return None

    def refuse(self, allowed: str) -> None:
        """Say that it cannot be read, and what can."""
        self.account.whole.add(self.parts)
        self.account.problems.append(Problem(self.file, self.line, self.path, f"is {shown(self.value)}", allowed))

    def missing(self, key: str, allowed: str) -> None:
        """Say that a field below is needed and not there."""
        self.account.problems.append(Problem(self.file, self.line, self.at(key).path, "is missing", allowed))

    def drop(self, why: str) -> None:
        """Say that it is not carried, with everything in it; nothing is said of what is not there."""
        if self.is_there:
            self.account.whole.add(self.parts)
            self._remark(why)

    def lack(self, why: str) -> None:
        """Say that something is missing which the policy would have to have."""
        self._remark(why)

    def note(self, words: str) -> None:
        """Say that it is carried, and what is different here."""
        self._remark(words, is_carried=True)

    def drop_rest(self, why: str) -> None:
        """Say of every field below that nobody has looked at that it is not carried."""
        for one in self._unseen():
            one.drop(why)

    def _remark(self, words: str, is_carried: bool = False) -> None:
        path = self.path or self.account.title
        self.account.remarks.append(Remark(self.file, self.line, path, printable(words), is_carried))

    def _unseen(self) -> Iterator["Written"]:
        inner: Sequence[Written] = ()
        if isinstance(self.value, Mapping):
            inner = self.fields()
        elif isinstance(self.value, list):
            inner = [self._child(position, value) for position, value in enumerate(self.value)]
        for one in inner:
            if one.parts in self.account.whole:
                continue
            if one.parts in self.account.looked_at:
                yield from one._unseen()
            else:
                yield one

    def _child(self, key: str | int, value: object) -> "Written":
        return Written(self.file, self.lines, value, (*self.parts, key), self.account, self.start)


def printable(text: str) -> str:
    """Give a text as it may stand in a comment or on a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _bounds(least: float, most: float) -> str:
    if least == float("-inf"):
        return ""
    return f" from {least:g}" + ("" if most >= 1e9 else f" to {most:g}")
