"""In a real browser: no policy violation, no accessibility violation, and no script needed."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect, sync_playwright

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
]
AXE = (Path(__file__).parent / "vendor/axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
GPU = "/gpus/GPU-prod-use1-1-0-4f6c-8c1d-0123456789ab"
PATHS = {
    "overview": "/",
    "clusters": "/clusters",
    "cluster": "/clusters/prod-use1",
    "join": "/clusters/new",
    "rotate": "/clusters/prod-use1/rotate",
    "revoke": "/clusters/prod-use1/revoke",
    "remove": "/clusters/prod-use1/remove",
    "withdraw": "/clusters/research-dc1/withdraw",
    "token": "/clusters/research-dc1",
    "removed": "/clusters?state=removed",
    "gone": "/clusters/5d41402a",
    "edit": "/clusters/prod-use1/edit",
    "keys": "/cluster-keys",
    "tokens": "/join-tokens",
    "versions": "/cluster-versions",
    "gpus": "/gpus",
    "gpu": GPU,
    "nodes": "/nodes",
    "pools": "/pools",
    "workloads": "/workloads?project=vision",
    "workload": "/workloads/w-3",
    "waiting": "/workloads/w-1",
    "stop": "/workloads/w-3/stop",
    "new": "/workloads/new",
    "projects": "/projects",
    "groups": "/groups",
    "quotas": "/quotas",
    "sign-in": "/auth/sign-in",
}
CUT = "[...document.querySelectorAll('.steps li *')].some(e => !e.closest('pre') && \
e.getBoundingClientRect().right > e.closest('.body').getBoundingClientRect().right)"
"""A card cuts what is too wide, so the page itself need not scroll."""
SHOTS = os.environ.get("NEUROX_SCREENSHOTS")
"""A folder that keeps a picture of every page, when it is set."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.fail(f"no browser at {CHROMIUM}: apt-get install chromium")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield made
        made.close()


def context(
    browser: Browser, url: str, scenario: str = "full", **options: object
) -> BrowserContext:
    made = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})  # type: ignore[arg-type]
    made.set_default_timeout(15_000)
    made.add_cookies([{"name": "scenario", "value": scenario, "url": url}])
    return made


def check(page: Page, name: str) -> None:
    """Nothing in the console, nothing sideways, nothing that axe finds."""
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide, f"{name} scrolls sideways"
    cut = page.evaluate(CUT)
    assert not cut, f"{name}: the check-list is wider than its card"
    page.evaluate(AXE)
    found = page.evaluate("rules => axe.run({ runOnly: rules })", RULES)["violations"]
    assert not [(v["id"], v["nodes"][0]["html"]) for v in found], name


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_accessible_and_quiet(
    browser: Browser, pages_url: str, theme: str, width: int
) -> None:
    opened = context(browser, pages_url, viewport={"width": width, "height": 850})
    opened.add_cookies([{"name": "theme", "value": theme, "url": pages_url}])
    page = opened.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    for name, path in PATHS.items():
        page.goto(pages_url + path)
        for plot in page.locator(".plot").all():
            plot.locator("canvas").wait_for()
        if SHOTS:
            target = Path(SHOTS) / f"{name}-{theme}-{width}.png"
            page.screenshot(path=target, full_page=True)
        check(page, name)
        assert not said, name
    opened.close()


@pytest.mark.parametrize(
    "scenario", ["empty", "stale", "revoked", "hostile", "large", "researcher"]
)
def test_odd_data_breaks_neither_layout_nor_rules(
    browser: Browser, pages_url: str, scenario: str
) -> None:
    opened = context(browser, pages_url, scenario, viewport={"width": 390, "height": 850})
    page = opened.new_page()
    alerts: list[str] = []
    page.on("dialog", lambda dialog: alerts.append(dialog.message))
    cluster = "/clusters" if scenario == "empty" else "/clusters/research-dc1"
    for path in ("/", "/workloads", "/gpus", GPU, "/clusters/new", "/join-tokens", cluster):
        page.goto(pages_url + path, wait_until="networkidle")
        check(page, f"{scenario} {path}")
    assert not alerts
    opened.close()


def test_the_overview_weighs_little_on_the_first_visit(browser: Browser, pages_url: str) -> None:
    opened = context(browser, pages_url)
    page = opened.new_page()
    answers: list[Response] = []

    def note(answer: Response) -> None:
        # Playwright takes no built-in method for a handler.
        answers.append(answer)

    page.on("response", note)
    page.goto(pages_url, wait_until="networkidle")
    sizes = {a.url: a.request.sizes()["responseBodySize"] for a in answers}
    assert len(sizes) > 8
    assert sum(sizes.values()) <= 150 * 1024, sizes
    opened.close()


def test_a_poll_morphs_the_page_in_place(browser: Browser, pages_url: str) -> None:
    opened = context(browser, pages_url)
    page = opened.new_page()
    page.goto(pages_url + "/", wait_until="networkidle")
    page.get_by_text("Show as table").click()
    page.locator(".plot canvas").wait_for()
    page.evaluate("document.querySelector('.plot canvas').dataset.kept = 'yes'")
    page.evaluate("document.querySelector('.tile b').textContent = 'old'")
    with page.expect_response(lambda answer: answer.url == pages_url + "/") as polled:
        page.keyboard.press("r")
    assert polled.value.request.headers["hx-request-type"] == "partial"
    expect(page.locator(".tile b").first).to_have_text("43")
    assert page.locator(".figure details").evaluate("e => e.open")
    assert page.locator(".plot canvas[data-kept=yes]").count() == 1
    opened.close()


def test_an_unchanged_poll_costs_no_body_and_a_failing_one_is_told(
    browser: Browser, pages_url: str
) -> None:
    opened = context(browser, pages_url)
    page = opened.new_page()
    page.goto(pages_url + "/workloads", wait_until="networkidle")
    statuses: list[int] = []
    # On a busy machine the second is asked before the first is put into the page.
    while 304 not in statuses and len(statuses) < 5:
        with page.expect_response(lambda answer: answer.url.endswith("/workloads")) as polled:
            page.keyboard.press("r")
        statuses.append(polled.value.status)
        page.wait_for_load_state("networkidle")
    assert (statuses[0], statuses[-1]) == (200, 304)
    expect(page.locator("#offline")).to_be_hidden()
    opened.add_cookies([{"name": "scenario", "value": "broken", "url": pages_url}])
    page.keyboard.press("r")
    expect(page.locator("#offline")).to_be_visible()
    expect(page.get_by_role("link", name="train-vit-00")).to_be_visible()
    opened.close()


def test_the_check_list_goes_from_waiting_to_green_without_a_reload(
    browser: Browser, pages_url: str, app: Flask
) -> None:
    app.extensions["fixture_api"].config["polled"] = 0
    opened = context(browser, pages_url, "joining")
    page = opened.new_page()
    page.goto(pages_url + "/clusters/prod-use1?refresh=off", wait_until="networkidle")
    page.evaluate("window.same = true")
    said = page.locator("#joining [role=status]")
    seen = [said.inner_text()]
    check(page, "joining")
    while page.locator("[data-soon]").count():
        with page.expect_response(lambda answer: answer.url.endswith("/checks")):
            # The tick of three seconds, at once.
            page.evaluate("document.querySelector('[data-soon]').dispatchEvent(new Event('soon'))")
        seen.append(said.inner_text())
    expect(said).to_have_text("7 of 7 done. The cluster has joined.")
    assert seen[0] == "1 of 7 done."
    assert seen == sorted(seen)
    assert page.evaluate("window.same")
    check(page, "joined")
    opened.close()


def test_a_cluster_is_removed_only_by_its_name(browser: Browser, pages_url: str) -> None:
    opened = context(browser, pages_url)
    page = opened.new_page()
    page.goto(pages_url + "/clusters/prod-use1", wait_until="networkidle")
    page.get_by_role("link", name="Remove the cluster…").click()
    page.get_by_label("Type the cluster’s name").fill("prod")
    page.get_by_role("button", name="Remove the cluster").click()
    expect(page.get_by_text("nothing was removed")).to_be_visible()
    page.get_by_label("Type the cluster’s name").fill("prod-use1")
    page.get_by_role("button", name="Remove the cluster").click()
    page.wait_for_url("**/clusters")
    page.get_by_label("State").select_option("removed")
    page.wait_for_url("**/clusters?*state=removed*")
    page.get_by_role("link", name="old-dc").click()
    expect(page.get_by_role("heading", name="How it came and went")).to_be_visible()
    opened.close()


def test_sorting_changes_rows_and_address_in_place_and_back_restores(
    browser: Browser, pages_url: str
) -> None:
    opened = context(browser, pages_url)
    page = opened.new_page()
    page.goto(pages_url + "/gpus", wait_until="networkidle")
    page.evaluate("window.same = true")
    page.get_by_role("link", name="Model").click()
    page.wait_for_url("**/gpus?sort=model")
    expect(page.get_by_role("columnheader", name="Model")).to_have_attribute(
        "aria-sort", "ascending"
    )
    assert page.evaluate("window.same")
    page.go_back()
    expect(page.get_by_role("columnheader", name="Model")).to_have_attribute("aria-sort", "none")
    opened.close()


def test_keys_go_places_and_the_theme_is_kept(browser: Browser, pages_url: str) -> None:
    opened = context(browser, pages_url, color_scheme="light")
    page = opened.new_page()
    page.goto(pages_url, wait_until="networkidle")
    page.keyboard.press("t")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("g")
    page.keyboard.press("w")
    page.wait_for_url("**/workloads")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    opened.close()


def test_everything_works_without_a_script(browser: Browser, pages_url: str) -> None:
    opened = context(browser, pages_url, java_script_enabled=False)
    page = opened.new_page()
    page.goto(pages_url)
    expect(page.get_by_role("region", name="GPU utilisation by pool as a table")).to_be_visible()
    expect(page.locator(".plot")).to_be_hidden()
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("navigation").get_by_role("link", name="Workloads").click()
    page.get_by_label("State").select_option("Running")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**/workloads?*state=Running*")
    page.get_by_role("link", name="GPU memory").click()
    page.wait_for_url("**sort=memory_used_bytes")
    page.get_by_role("link", name="New workload").click()
    page.get_by_label("Name").fill("train")
    page.get_by_label("Project").select_option("vision")
    page.get_by_label("GPUs per pod").fill("99")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("The largest node has 8.")).to_be_visible()
    page.get_by_label("GPUs per pod").fill("8")
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url("**/workloads/w-3")
    page.get_by_role("link", name="Stop…").click()
    page.get_by_role("button", name="Stop it").click()
    page.wait_for_url("**/workloads/w-3")
    opened.close()


def test_a_phone_opens_the_menu(browser: Browser, pages_url: str) -> None:
    opened = context(browser, pages_url, viewport={"width": 390, "height": 850})
    page = opened.new_page()
    page.goto(pages_url, wait_until="networkidle")
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Nodes", exact=True).click()
    page.wait_for_url("**/nodes")
    opened.close()
