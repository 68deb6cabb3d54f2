"""Files, custom resources and namespaces → the documents in force, and every problem at once.

What is unchanged is not read or checked again, so that one document among thousands costs as much as itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from autoscaler.policy.claims import Claims, claims_of, promises
from autoscaler.policy.documents import ScalingPolicy, Tenant
from autoscaler.policy.fitting import fitted, is_version_of, kept, layers_of
from autoscaler.policy.loaded import AnyLoaded, Fitted, Loaded, Memory, PolicySet, Read, ResourceState
from autoscaler.policy.problems import Problem, suggestion
from autoscaler.policy.reading import Pieces, read_file, read_resource
from autoscaler.policy.resources import Given, Identity, Inputs, Resource

__all__ = ["Given", "Identity", "Inputs", "Loaded", "PolicySet", "ResourceState", "layers_of", "load"]

_KEPT = " (the last good version stays in force)"
_LISTED_NAMESPACES = 100


def load(
    inputs: Mapping[str, str] | Inputs, previous: PolicySet | None = None, given: Given | None = None
) -> PolicySet:
    """Read all documents; one that is broken disables itself alone.

    Where a file and a custom resource have the same identity, the file's holds.

    Args:
        inputs: everything that documents are read from, or the text of each file by name.
        previous: what was in force; the last good version of a document that is invalid now is kept from it.
        given: what settings have that documents may name; None: that is not checked.
    """
    inputs = inputs if isinstance(inputs, Inputs) else Inputs(files=inputs)
    previous, given = previous or PolicySet(), given or Given()
    memory = previous.memory if previous.memory.given == given else Memory(good=previous.memory.good)
    loading = _Loading(replace(previous, memory=memory), given, memory)
    for file in sorted(inputs.files):
        loading.read_file(file, inputs.files[file])
    for resource in inputs.resources.values():
        loading.read_resource(resource)
    return loading.finish(inputs)


@dataclass(slots=True)
class _Loading:
    """One pass over everything."""

    previous: PolicySet
    given: Given
    memory: Memory
    found: dict[Identity, AnyLoaded] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    texts: dict[str, tuple[str, Pieces]] = field(default_factory=dict)
    resources: dict[Identity, tuple[Resource, Read]] = field(default_factory=dict)
    refused: set[Identity] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    _places: dict[Identity, tuple[str, int | None]] = field(default_factory=dict)

    def read_file(self, file: str, text: str) -> None:
        """Take every valid document of a file, and the last good version of those that are invalid."""
        old_text, known = self.memory.texts.get(file, ("", {}))
        reads = known if known and text == old_text else read_file(file, text, known, self.given)
        self.texts[file] = text, reads
        has_unnamed, invalid = False, set[Identity]()
        for read in (read for piece in reads.values() for read in piece):
            if read.loaded is None:
                has_unnamed |= read.identity is None
                invalid |= {read.identity} if read.identity is not None else set()
            self._take(read)
        if has_unnamed or invalid:
            for identity, old in (*self.previous.documents(), *self.previous.memory.good.items()):
                # A document that cannot be read has no name: then nothing that this file held is taken for removed.
                is_missing = identity not in self.found and (has_unnamed or identity in invalid)
                if is_missing and is_version_of(old, file, None):
                    self.found[identity] = kept(old, None)
            self.refused |= invalid - self.found.keys()
        if has_unnamed and (file not in self.memory.texts or file in self.previous.unread):
            self.unread.add(file)

    def read_resource(self, resource: Resource) -> None:
        """Take a custom resource, or its last good version where it is invalid; one that a file has too is refused."""
        identity = resource.identity
        old, read = self.memory.resources.get(identity, (None, None))
        if old is None or read is None or not old.has_text_of(resource):
            read = read_resource(resource, self.given)
        elif old != resource and read.loaded is not None:
            read = replace(read, loaded=replace(read.loaded, resource=resource))
        self.resources[identity] = resource, read
        if identity in self._places:
            self._refuse_second(identity, read.place, "DuplicateOfFile")
        elif read.loaded is not None:
            self.found[identity] = read.loaded
        else:
            self.problems += self._with_consequence(read)
            before = self.previous.last_good(identity)
            if before is not None and is_version_of(before, resource.place, resource):
                self.found[identity] = kept(before, resource)
            else:
                self.refused.add(identity)

    def _take(self, read: Read) -> None:
        """Take a document of a file that is valid and the first of its name; say what is wrong with any other."""
        identity = read.identity
        if read.loaded is None:
            self.problems += self._with_consequence(read)
        elif identity is not None and identity in self.found:
            self._refuse_second(identity, read.place, "Invalid")
        elif identity is not None:
            self.found[identity] = read.loaded
        if identity is not None:
            self._places.setdefault(identity, read.place)

    def _with_consequence(self, read: Read) -> list[Problem]:
        """Let the first problem of a document say what holds in its place."""
        first, *others = read.problems
        file, identity = read.place[0], read.identity
        if identity is not None:
            resource = self.resources[identity][0] if read.place[1] is None else None
            is_kept = is_version_of(self.previous.last_good(identity), file, resource)
        else:
            is_kept = any(old.file == file for _, old in self.previous.documents())
        return [replace(first, wrong=first.wrong + _KEPT) if is_kept else first, *others]

    def _refuse_second(self, identity: Identity, place: tuple[str, int | None], code: str) -> None:
        file, line = self._places[identity]
        wrong = f"{identity} is there already, in {file}:{line}"
        self.problems.append(Problem(*place, "metadata.name", wrong, "each name once; a file holds", code))

    def finish(self, inputs: Inputs) -> PolicySet:
        """Check what several documents say together."""
        tenants: dict[str, Loaded[Tenant]] = {}
        policies: list[Loaded[ScalingPolicy]] = []
        for identity, loaded in self.found.items():
            if identity.kind == "Tenant":
                tenants[identity.name] = cast(Loaded[Tenant], loaded)
            else:
                policies.append(cast(Loaded[ScalingPolicy], loaded))
        tenants = dict(sorted(tenants.items()))
        claims = claims_of(tenants, inputs.namespace_labels)
        self.problems += (*claims.problems, *promises(tenants, self.given.pools or {}))
        together = self._together(tenants, self._offered(policies, claims))
        in_force = {namespace: named for one in together.values() for namespace, named in one.policies.items()}
        refused = frozenset(self.refused | _without_place(together))
        problems = sorted(set(self.problems), key=lambda problem: (problem.file, problem.line or 0, problem.path))
        return PolicySet(
            tenants=tenants,
            policies=in_force,
            namespaces=claims.namespaces,
            problems=tuple(problems),
            owned=claims.owned,
            resources=self._states(tenants, in_force, problems),
            refused=refused,
            unread=frozenset(self.unread),
            doubted=self._doubted(refused),
            doubted_files=frozenset(self.unread if not self.previous.memory.texts else self.previous.doubted_files)
            & self.unread,
            memory=Memory(self.given, self.texts, self.resources, together, self._good(in_force)),
        )

    def _good(self, policies: Mapping[str, Mapping[str, Loaded[ScalingPolicy]]]) -> dict[Identity, AnyLoaded]:
        """Give the last good versions of documents that are still there, and of which nothing holds now."""
        idle = {
            identity
            for identity in self.found.keys() | self.refused
            if identity.kind == "ScalingPolicy" and identity.name not in policies.get(identity.namespace, {})
        }
        return {identity: old for identity in idle if (old := self.previous.last_good(identity)) is not None}

    def _doubted(self, refused: frozenset[Identity]) -> frozenset[Identity]:
        """Name the refused documents that were so when they were first read, and there before anybody looked."""
        first = {identity for identity in refused if self._was_there(identity)}
        return frozenset(first | (refused & self.previous.doubted))

    def _was_there(self, identity: Identity) -> bool:
        """Tell whether a document is read for the first time, and nobody saw it being made."""
        before = self.previous.memory
        if identity not in self.resources:
            return not before.texts
        return identity not in before.resources and (not before.resources or self.resources[identity][0].is_found)

    def _offered(
        self, policies: list[Loaded[ScalingPolicy]], claims: Claims
    ) -> dict[str, dict[str, dict[str, Loaded[ScalingPolicy]]]]:
        """Give every tenant's valid policies by namespace and name; those of nobody's namespaces change nothing."""
        offered: dict[str, dict[str, dict[str, Loaded[ScalingPolicy]]]] = {}
        for policy in policies:
            metadata = policy.document.metadata
            tenant = claims.namespaces.get(metadata.namespace)
            if tenant is None:
                self.problems.append(_homeless(policy, claims))
            else:
                offered.setdefault(tenant, {}).setdefault(metadata.namespace, {})[metadata.name] = policy
        return offered

    def _together(
        self,
        tenants: Mapping[str, Loaded[Tenant]],
        offered: Mapping[str, Mapping[str, Mapping[str, Loaded[ScalingPolicy]]]],
    ) -> dict[str, Fitted]:
        together = {name: fitted(tenant, offered.get(name, {}), self.previous) for name, tenant in tenants.items()}
        self.problems += [problem for one in together.values() for problem in one.problems]
        return together

    def _states(
        self,
        tenants: Mapping[str, Loaded[Tenant]],
        policies: Mapping[str, Mapping[str, Loaded[ScalingPolicy]]],
        problems: list[Problem],
    ) -> dict[Identity, ResourceState]:
        """Say what became of each custom resource."""
        places: dict[str, list[Problem]] = {}
        for problem in problems:
            if problem.line is None:
                places.setdefault(problem.file, []).append(problem)
        states = {}
        for identity, (resource, _) in self.resources.items():
            found: AnyLoaded | None
            if identity.kind == "Tenant":
                found = tenants.get(identity.name)
            else:
                found = policies.get(identity.namespace, {}).get(identity.name)
            in_force = found if found is not None and found.resource is not None else None
            found_wrong = tuple(places.get(resource.place, ())) if places else ()
            states[identity] = ResourceState(resource, found_wrong, in_force)
        return states


def _without_place(together: Mapping[str, Fitted]) -> set[Identity]:
    """Name the policies that do not fit, and of which no good version is known."""
    return {
        Identity("ScalingPolicy", namespace, name)
        for one in together.values()
        if one.problems
        for namespace, named in one.offered.items()
        for name in named
        if name not in one.policies.get(namespace, {})
    }


def _homeless(policy: Loaded[ScalingPolicy], claims: Claims) -> Problem:
    namespace, path = policy.document.metadata.namespace, "metadata.namespace"
    allowed = "a namespace that some Tenant has"
    # A team reads this of its own resource, and other tenants' namespaces are none of its business.
    if policy.resource is None and 0 < len(claims.namespaces) <= _LISTED_NAMESPACES:
        allowed = suggestion(namespace, claims.namespaces)
    wrong = f"namespace {namespace} is no tenant's, so this changes nothing"
    return Problem(policy.file, policy.line(path), path, wrong, allowed, "NoTenant")
