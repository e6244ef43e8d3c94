import shutil
from pathlib import Path

import pytest

from infra.images import upstream
from infra.tools.catalogue import TOOLS
from infra.tools.errors import ToolError


def test_each_image_bears_the_version_of_the_program_in_it() -> None:
    for tool in upstream.IMAGES:
        assert upstream.reference(tool).endswith(TOOLS[tool].version)
    assert set(upstream.IMAGES) == {*upstream.SYSTEM, *upstream.CHART}


@pytest.mark.parametrize("tool", upstream.IMAGES)
def test_the_program_lies_where_the_command_looks_for_it(tool: str) -> None:
    made = upstream.image(tool, Path(shutil.which("cat")))
    first = (*made.entrypoint, *made.command)[0]
    assert made.files[0][1].endswith(first)


def test_a_program_that_is_not_static_brings_its_loader_along() -> None:
    targets = [target for _, target in upstream.image("valkey-server", Path("/bin/cat")).files]
    assert any("ld-linux" in target for target in targets)
    assert any("libc.so" in target for target in targets)


def test_a_tool_without_an_image_is_refused_by_name() -> None:
    with pytest.raises(ToolError, match="helm"):
        upstream.reference("helm")
