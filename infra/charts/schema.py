"""``python -m infra.charts.schema``: values.schema.json and docs/reference/values.md.

Both come from ``values.schema.yaml`` and ``values.yaml``; a test fails when they are out of step.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
UMBRELLA, PART = CHARTS = ("neurox", "neurox-workload")
GROUPS = {"#/definitions/foreignImage", "#/definitions/storage"}
"""Definitions that are groups of values."""
REFERENCE = ROOT / "docs" / "reference" / "values.md"
INTRODUCTION = """\
# Values

Every value of the two charts, with its default. A key that is not listed is refused.
This page is made by `make charts`.
"""
Schema = dict[str, Any]


def read(chart: str) -> tuple[Schema, dict[str, Any]]:
    """The chart's schema, and its default values."""
    folder = ROOT / "charts" / chart
    schema = yaml.safe_load((folder / "values.schema.yaml").read_text())
    return schema, yaml.safe_load((folder / "values.yaml").read_text())


def rows(schema: Schema, values: Any, root: Schema, path: str = "") -> Iterator[tuple[str, ...]]:
    """Path, default and sentence of every value that is no group of values."""
    for key, each in schema.get("properties", {}).items():
        here, known = f"{path}{key}", _resolved(each, root)
        default = values.get(key) if isinstance(values, dict) else None
        described = known.get("properties", {})
        if any("description" in one for one in described.values()):
            yield here, "", known["description"]
            yield from rows(known, default, root, f"{here}.")
        elif key != "global":
            yield here, _shown(default), known["description"]


def reference() -> str:
    """The page of the documentation."""
    parts = [INTRODUCTION]
    for chart in CHARTS:
        schema, values = read(chart)
        lines = [f"\n## {chart}\n", "| value | default | meaning |", "|---|---|---|"]
        for path, default, sentence in rows(schema, values, schema):
            name = f"`{path}`" if default else f"**`{path}`**"
            lines.append(f"| {name} | {default} | {sentence.replace('|', chr(92) + '|')} |")
        parts.append("\n".join(lines) + "\n")
    return "".join(parts)


def json_schema(chart: str) -> str:
    """What Helm reads."""
    schema, values = read(chart)
    made = _with_required(schema, values)
    if chart == UMBRELLA:
        # Helm checks the values of a part only where that part is enabled.
        part, _ = read(PART)
        workload = made["properties"]["workload"]
        workload["properties"] = {**part["properties"], **workload["properties"]}
        workload["additionalProperties"] = False
        made["definitions"] = {**part["definitions"], **made["definitions"]}
    return json.dumps(made, indent=1) + "\n"


def _with_required(schema: Schema, values: Any) -> Schema:
    """The same, but a group that somebody sets to null is refused by its name."""
    described = {
        key: _with_required(each, values.get(key, {}))
        for key, each in schema.get("properties", {}).items()
    }
    groups = [key for key, each in described.items() if key in values and _is_group(each)]
    return {
        **schema,
        **({"properties": described} if described else {}),
        **({"required": groups} if groups else {}),
    }


def _is_group(schema: Schema) -> bool:
    return "properties" in schema or schema.get("$ref") in GROUPS


def _resolved(schema: Schema, root: Schema) -> Schema:
    name = schema.get("$ref", "").rpartition("/")[2]
    return {**root["definitions"][name], **schema} if name else schema


def _shown(value: Any) -> str:
    return f"`{json.dumps(value, sort_keys=True)}`"


def main() -> None:
    """Write all of it."""
    for chart in CHARTS:
        (ROOT / "charts" / chart / "values.schema.json").write_text(json_schema(chart))
    REFERENCE.write_text(reference())


if __name__ == "__main__":
    main()
