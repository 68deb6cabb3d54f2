"""A small study that tests sweep."""

from pathlib import Path

SCENARIO = """\
kind: Scenario
duration: 40s
scrapeInterval: 5s
startUp: 1s
functions:
  - {name: work, namespace: acme, workload: {type: constant, rate: 4}, service: 250ms, hold: 10s}
"""
TENANT = """\
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {namespaces: [acme], source: main}
"""
POLICY = """\
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: default, namespace: acme}
spec:
  functions: {names: ["*"]}
  metrics: [{type: rps, target: 4}]
  replicas: {min: 1, max: 8}
"""
STUDY = """\
kind: Study
title: Small
scenario: scenario.yaml
policies:
  - name: own
  - {name: two, decider: {type: fixed, replicas: 2}}
parameters:
  startUp: [1s, 5s]
seeds: 3
minimize: [mean_wait, replica_seconds]
"""


def write(folder: Path, study: str = STUDY, scenario: str = SCENARIO + TENANT + POLICY) -> Path:
    """Write a study and its scenario, and give the study's file."""
    (folder / "scenario.yaml").write_text(scenario)
    file = folder / "study.yaml"
    file.write_text(study)
    return file
