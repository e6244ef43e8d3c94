import pytest

from portal.auth.next_page import next_page


@pytest.mark.parametrize("path", ["/", "/gpus", "/gpus?state=idle,free&sort=-index", "/a%2F/b#c"])
def test_a_path_of_ours_is_kept(path: str) -> None:
    assert next_page(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "gpus",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        " //evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "http://[::1",
        "/é",
        "/auth/sign-out",
        "/" + "x" * 3000,
    ],
)
def test_anything_that_a_browser_could_read_as_elsewhere_leads_home(path: str | None) -> None:
    assert next_page(path) == "/"
