"""Endpoints written out as Kubernetes discovery would find them: Debian's Prometheus is built without that discovery."""

import re
from collections.abc import Iterator
from typing import Any

from tests.servers.controlplane import ControlPlane, Document

_NOT_IN_LABEL_NAMES = re.compile(r"[^a-zA-Z0-9_]")


def write_out(plane: ControlPlane, config: Document) -> Document:
    """Put in place of each `kubernetes_sd_configs` what it would find now, with the labels that it would give."""
    scrapes = [_written_out(plane, one) for one in config["scrape_configs"]]
    alerting = config["alerting"]
    told = [_written_out(plane, one) for one in alerting["alertmanagers"]]
    return {**config, "scrape_configs": scrapes, "alerting": {**alerting, "alertmanagers": told}}


def _written_out(plane: ControlPlane, one: Document) -> Document:
    rest = {key: value for key, value in one.items() if key != "kubernetes_sd_configs"}
    found = [
        {"targets": [address], "labels": labels}
        for discovery in one["kubernetes_sd_configs"]
        for namespace in discovery["namespaces"]["names"]
        for address, labels in _endpoints(plane, namespace)
    ]
    return {**rest, "static_configs": found}


def _endpoints(plane: ControlPlane, namespace: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Give the addresses that a namespace's EndpointSlices name, and what discovery tells of each."""
    slices = plane.request("GET", f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices")["items"]
    services = plane.request("GET", f"/api/v1/namespaces/{namespace}/services")["items"]
    by_name = {service["metadata"]["name"]: service for service in services}
    for one in slices:
        service = by_name[one["metadata"]["labels"]["kubernetes.io/service-name"]]
        for port in one["ports"]:
            labels = {**_labels(service), "__meta_kubernetes_endpointslice_port_name": port["name"]}
            for endpoint in one["endpoints"]:
                for address in endpoint["addresses"]:
                    yield f"{address}:{port['port']}", labels


def _labels(service: dict[str, Any]) -> dict[str, str]:
    metadata = service["metadata"]
    labels = {
        "__meta_kubernetes_namespace": metadata["namespace"],
        "__meta_kubernetes_service_name": metadata["name"],
    }
    for key, value in metadata.get("labels", {}).items():
        name = _NOT_IN_LABEL_NAMES.sub("_", key)
        labels[f"__meta_kubernetes_service_label_{name}"] = value
        labels[f"__meta_kubernetes_service_labelpresent_{name}"] = "true"
    return labels
