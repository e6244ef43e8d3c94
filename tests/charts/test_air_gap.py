"""The page on clusters without the internet names every image, and how to have them elsewhere."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from infra.images import upstream
from infra.images.catalogue import IMAGES
from tests.charts.value_sets import SETS

PAGE = (Path(__file__).parents[2] / "docs/install/air-gap.md").read_text()


def images(objects: list[dict[str, Any]]) -> Iterator[str]:
    """What the pods of the objects pull."""
    for each in objects:
        template = each if each["kind"] == "Pod" else each.get("spec", {}).get("template", {})
        spec = template.get("spec", {})
        for run in [*spec.get("initContainers", []), *spec.get("containers", [])]:
            yield run["image"]


def test_the_page_names_every_image_and_no_other(render: Any) -> None:
    pulled = {image for chart, values in SETS.values() for image in images(render(chart, values))}
    named = set(re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE))
    assert named == {image.rpartition(":")[0] for image in pulled}


def test_we_build_each_of_ours_and_wrap_each_of_the_others(render: Any) -> None:
    pulled = {image for chart, values in SETS.values() for image in images(render(chart, values))}
    ours = {image for image in pulled if image.startswith("ghcr.io/neurox/")}
    assert {image.rpartition("/")[2].partition(":")[0] for image in ours} == set(IMAGES)
    assert pulled - ours == {upstream.reference(tool) for tool in upstream.CHART}


def test_the_command_on_the_page_lists_what_is_pulled(render: Any, helm: Any) -> None:
    ((words, rest),) = re.findall(r"^\$ helm (template .*?) \| (.*)$", PAGE, re.MULTILINE)
    chart = str(Path(__file__).parents[2] / "charts/neurox")
    text = helm(*words.replace("charts/neurox", chart).split()).stdout
    done = subprocess.run(
        ("bash", "-c", rest), input=text, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == sorted(
        set(images(render("neurox", {"workload": {"enabled": True}})))
    )


def test_with_the_values_on_the_page_nothing_comes_from_elsewhere(render: Any) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    values = yaml.safe_load(text)
    values["workload"]["enabled"] = True
    pulled = set(images(render("neurox", values)))
    assert len(pulled) == 8
    assert {image.partition("/")[0] for image in pulled} == {"registry.example.org"}
