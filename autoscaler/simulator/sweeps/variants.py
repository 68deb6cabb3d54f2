"""From a configuration to what is run: a scenario and policy documents, with its parameters put in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autoscaler.policy.parsing import read_documents
from autoscaler.simulator.minutes import document as minutes
from autoscaler.simulator.scenario import Scenario, validated
from autoscaler.simulator.sweeps.grid import OWN_TRACE, Configuration
from autoscaler.simulator.sweeps.paths import Path, PathError, put
from autoscaler.simulator.sweeps.study import PolicyVariant, TraceVariant, as_text


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A file of policy documents.

    Attributes:
        name: of the file.
        text: as it stands.
        documents: line and value of each of its documents; none where one cannot be read, which is said where the
            file is used.
    """

    name: str
    text: str
    documents: tuple[tuple[int, object], ...]

    @classmethod
    def read(cls, name: str, text: str) -> "PolicyFile":
        """Read a file's documents."""
        found = read_documents(name, text)
        is_whole = not any(document.problems for document in found)
        return cls(name, text, tuple((one.lines[""], one.value) for one in found) if is_whole else ())

    def with_changes(self, changes: Mapping[int, object]) -> str:
        """Give the text with other documents, by their place; each still begins in its line."""
        if not changes:
            return self.text
        text = ""
        for place, (line, value) in enumerate(self.documents):
            gap = "\n" * max(line - 1 - text.count("\n"), 0)
            text += f"{gap}--- {as_text(changes.get(place, value))}\n"
        return text


@dataclass(frozen=True, slots=True)
class Variants:
    """Everything that configurations are made of, read and plain, so that it can go to other processes.

    Attributes:
        file: name of the scenario's file.
        scenario: its value.
        lines: line of each of its fields.
        policies: by name.
        files: policy documents of each policy, by its name.
        traces: by name; file names in them are those that are opened.
    """

    file: str
    scenario: Mapping[str, object]
    lines: Mapping[str, int]
    policies: Mapping[str, PolicyVariant]
    files: Mapping[str, tuple[PolicyFile, ...]]
    traces: Mapping[str, TraceVariant]

    def made(self, configuration: Configuration) -> tuple[Scenario, dict[str, str]]:
        """Give the scenario and the texts of the policy documents of a configuration.

        Raises:
            PathError: a parameter is of nothing that is there.
            ScenarioError: the scenario so made cannot be run.
        """
        value: object = self._under(configuration)
        files = self.files[configuration.policy]
        changes: list[dict[int, object]] = [{} for _ in files]
        for text, new in configuration.values.items():
            path = Path.parse(text)
            if path.kind is None:
                value = put(value, path.steps, new)
            else:
                _put_in_documents(files, changes, path, new)
        texts = {file.name: file.with_changes(changed) for file, changed in zip(files, changes, strict=True)}
        return validated(value, self.lines, self.file), texts

    @property
    def is_on_counts(self) -> bool:
        """Whether the scenario is one of counts per minute: no requests, no waits, no documents, no randomness."""
        return self.scenario.get("kind") == minutes.KIND

    def made_on_counts(self, configuration: Configuration) -> minutes.MinuteScenario:
        """Give the scenario of a configuration on counts: with one decider, the policy's or the scenario's first.

        Raises:
            PathError: a parameter is of nothing that is there.
            ScenarioError: the scenario so made cannot be run.
        """
        given = self.scenario.get("deciders")
        own = given[0] if isinstance(given, list) and given else None
        value: object = {**self.scenario, "decider": self.policies[configuration.policy].decider or own}
        if configuration.trace != OWN_TRACE:
            traces = self.traces[configuration.trace].traces
            value = put(value, ("trace",), traces[0] if traces else None)
        for text, new in configuration.values.items():
            path = Path.parse(text)
            if path.kind is not None:
                raise PathError(f"{text} is of a document", "paths such as decider.after: on counts a decider decides")
            value = put(value, path.steps, new)
        fields = dict(value) if isinstance(value, Mapping) else {}
        decider = fields.pop("decider")
        return minutes.parse(as_text({**fields, "deciders": [decider]}), self.file)

    def _under(self, configuration: Configuration) -> dict[str, object]:
        """Give the scenario's value with the decider and the workloads of a configuration."""
        value = dict(self.scenario)
        decider = self.policies[configuration.policy].decider
        if decider is not None:
            value["decider"] = decider
        if configuration.trace == OWN_TRACE:
            return value
        trace, groups = self.traces[configuration.trace], value.get("functions")
        if trace.traces is not None:
            value["traces"] = trace.traces
        if trace.workload is not None and isinstance(groups, list):
            mappings = (group if isinstance(group, Mapping) else {} for group in groups)
            value["functions"] = [{**group, "workload": trace.workload} for group in mappings]
        return value


def _put_in_documents(
    files: Iterable[PolicyFile], changes: Iterable[dict[int, object]], path: Path, new: object
) -> None:
    """Put a value in every document that a path means, over the changes that are made already."""
    names: list[str] = []
    is_there = False
    for file, changed in zip(files, changes, strict=True):
        for place, (_, value) in enumerate(file.documents):
            names += [_name(value)] if isinstance(value, Mapping) else []
            if path.is_of(value):
                changed[place] = put(changed.get(place, value), path.steps, new)
                is_there = True
    if not is_there:
        allowed = ", ".join(names) or "a path to a field of the scenario: this policy has no documents"
        raise PathError(f"there is no document {path.kind}/{path.document}", allowed)


def _name(document: Mapping[str, object]) -> str:
    """Name a document as a path does."""
    metadata = document.get("metadata")
    fields = metadata if isinstance(metadata, Mapping) else {}
    names = [str(fields[key]) for key in ("namespace", "name") if key in fields]
    return "/".join([str(document.get("kind")), *names])
