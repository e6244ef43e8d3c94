"""Where the control plane is reached, as the chart works it out from ``expose``."""

from collections.abc import Mapping
from typing import Any

from infra.components.names import ArgumentError

NODE_PORT = 30443
"""The chart's default of ``expose.edge.nodePort``."""


def public_url(expose: Mapping[str, Any]) -> str:
    """What people type and clusters dial (the chart's helper ``neurox.publicUrl``)."""
    kind, host = expose.get("type", "edge"), expose.get("host", "")
    edge = expose.get("edge", {})
    if not host:
        if kind in ("edge", "none"):
            return "https://localhost:8443"
        raise ArgumentError(f"host is empty: with expose.type={kind} it names what people type")
    if kind == "edge" and edge.get("service", "NodePort") == "NodePort":
        return f"https://{host}:{int(edge.get('nodePort', NODE_PORT))}"
    return f"https://{host}"


def generated_ca(expose: Mapping[str, Any]) -> bool:
    """Whether the edge signs with a CA of its release (the chart's ``neurox.generatedCa``)."""
    edge = expose.get("edge", {})
    given = edge.get("existingSecret") or edge.get("acmeEmail")
    return expose.get("type", "edge") == "edge" and not given
