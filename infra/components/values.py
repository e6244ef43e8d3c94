"""Helm values: those that arguments set, and the rest that people give as they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import yaml

from infra.components.names import ArgumentError

Values = Mapping[str, Any]


def merged(base: Values, over: Values) -> dict[str, Any]:
    """``over`` laid over ``base``, group by group, as Helm does it. ArgumentError."""
    both = dict(base)
    for key, value in over.items():
        group = base.get(key)
        if isinstance(group, Mapping) and not isinstance(value, pulumi.Output):
            if not isinstance(value, Mapping):
                raise ArgumentError(f"values: {key} is a group of values, not {value!r}")
            both[key] = merged(group, value)
        else:
            both[key] = value
    return both


def from_file(argument: str, file: str) -> dict[str, Any]:
    """The values in a YAML file, none when no file is named. ArgumentError."""
    if not file:
        return {}
    try:
        found = yaml.safe_load(Path(file).read_text())
    except (OSError, UnicodeError, yaml.YAMLError) as failure:
        raise ArgumentError(f"{argument}: {file} cannot be read: {failure}") from None
    if found is not None and not isinstance(found, dict):
        raise ArgumentError(f"{argument}: {file} holds no values; Helm's are KEY: VALUE")
    return found or {}
