from dataclasses import replace

import pytest

from infra.tools import build
from infra.tools.errors import ToolError


def test_a_change_of_our_own_source_makes_another_program(shop, hello) -> None:
    before = build.fingerprint(hello.source, shop.sources)
    assert build.fingerprint(hello.source, shop.sources) == before
    main = shop.sources / "hello" / "main.go"
    main.write_text(main.read_text().replace("hello version", "good day, version"))
    assert build.fingerprint(hello.source, shop.sources) != before


def test_a_missing_c_library_is_named_with_the_package_that_holds_it(shop, hello) -> None:
    linked = replace(hello, source=replace(hello.source, c_library="libnonesuch"))
    with pytest.raises(ToolError, match="libnonesuch-dev"):
        build.build(linked, shop.cache.root / "hello", shop, lambda _: None)


def test_a_c_library_that_is_there_is_linked_by_the_compiler_on_path(shop, tmp_path) -> None:
    for name in ("pkg-config", "cc"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    shop = replace(shop, env={"PATH": str(tmp_path)})
    found = build.cgo("libseccomp", shop, lambda _: None)
    assert found == {"CGO_ENABLED": "1", "CC": str(tmp_path / "cc")}
