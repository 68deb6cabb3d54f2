"""HPAs as they were recorded, converted: the guards of their policies are those with which our core was compared with them."""

import gzip
import json
from pathlib import Path
from typing import Any

from pydantic.alias_generators import to_camel

from autoscaler.core.lanes import Select
from autoscaler.policy.conversion import Wanted, convert
from autoscaler.policy.documents import ScalingPolicy
from autoscaler.policy.scaling import ScaleDown, ScaleUp
from autoscaler.simulator.baselines.hpa_spec import HpaDirection, HpaPolicy
from autoscaler.simulator.recordings import HpaSequence, read_hpa
from autoscaler.simulator.replayed_hpa import hpa_spec
from tests.golden.core_as_hpa import behavior_of

RECORDING = Path(__file__).parent / "recordings" / "hpa_decisions.jsonl.gz"
SELECT = {"Max": Select.MAX, "Min": Select.MIN, "Disabled": Select.DISABLED}


def recorded() -> tuple[list[dict[str, Any]], tuple[HpaSequence, ...]]:
    """Give each sequence as it stands in the file, and as it is read."""
    with gzip.open(RECORDING, "rt") as text:
        lines = [line for line in text if line.strip()]
    sequences = read_hpa(lines, RECORDING.name)
    raw = [document for document in map(json.loads, lines) if "spec" in document]
    return raw, sequences


def manifest(written: dict[str, Any], name: str) -> str:
    """Write what a user wrote as the object that it stood in; JSON is YAML."""
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "minReplicas": written["min_replicas"],
        "maxReplicas": written["max_replicas"],
        "metrics": [{"type": "External", "external": {"metric": {"name": "recorded"}}}],
        **({} if written["behavior"] is None else {"behavior": in_camel_case(written["behavior"])}),
    }
    metadata = {"name": name, "namespace": "recorded"}
    return json.dumps(
        {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}
    )


def in_camel_case(value: Any) -> Any:
    """Give the recording's names as the API has them; what is null was left out."""
    if isinstance(value, dict):
        return {to_camel(key): in_camel_case(one) for key, one in value.items() if one is not None}
    return [in_camel_case(one) for one in value] if isinstance(value, list) else value


def as_direction(carried: ScaleUp | ScaleDown) -> HpaDirection:
    """Give a direction of a policy in the baseline's terms."""
    policies = tuple(HpaPolicy(one.type == "Percent", one.value, one.period) for one in carried.policies)
    return HpaDirection(carried.stabilization, SELECT[carried.select_policy], policies, carried.tolerance)


def completed(direction: HpaDirection, default_window_s: float, default_tolerance: float) -> HpaDirection:
    """Fill in what the controller's flags say."""
    return HpaDirection(
        default_window_s if direction.window_s is None else direction.window_s,
        direction.select,
        direction.policies,
        default_tolerance if direction.tolerance is None or direction.tolerance >= 1 else direction.tolerance,
    )


def test_every_recorded_behavior_is_carried_whole() -> None:
    """Both directions of all 150, what users left out filled in as the API server and the controller fill it in."""
    raw, sequences = recorded()
    assert len(raw) == len(sequences) == 150
    for document, sequence in zip(raw, sequences, strict=True):
        found = convert({"a.json": manifest(document["spec"], sequence.name)}, Wanted())
        assert found.problems == ()
        left = {remark.path.split(".")[2] for remark in found.remarks if "behavior" in remark.path}
        (made,) = found.made
        policy = ScalingPolicy.model_validate(made.document).spec
        spec = hpa_spec(sequence.spec)
        behavior = behavior_of(spec)
        # A tolerance that lets a load double, or vanish, is the one thing that a policy of ours does not say.
        unsayable = {name for name in ("up", "down") if (getattr(behavior, name).tolerance or 0) >= 1}
        assert left == {f"scale{name.title()}" for name in unsayable}
        expected_up = completed(behavior.up, 0.0, spec.tolerance)
        expected_down = completed(behavior.down, spec.stabilization_down_s, spec.tolerance)
        assert (as_direction(policy.scale_up), as_direction(policy.scale_down)) == (expected_up, expected_down)
        assert (policy.replicas.min, policy.replicas.max) == (spec.min_replicas, spec.max_replicas)
