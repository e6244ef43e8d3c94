"""A person at the portal of a running fleet: sign in, look, submit, see it run."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from fleet import Fleet, eventually
from playwright.sync_api import Page, expect, sync_playwright

from portal.schemas import GpuOut, GroupIn, PoolIn, ProjectIn, WorkloadIn

pytestmark = [pytest.mark.slow, pytest.mark.browser]

AXE = (Path(__file__).parents[1] / "portal/pages/vendor/axe.min.js").read_text()
SHOTS = Path(__file__).parents[1] / "screenshots"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture(scope="module")
def page(fleet: Fleet) -> Iterator[Page]:
    client = fleet.client()
    eventually("16 GPUs in the API", lambda: client.gpus.list(limit=1).total == 16, 90)
    client.pools.put("all", PoolIn())
    client.groups.put("robots", GroupIn())
    client.projects.put("arms", ProjectIn(groups=["robots"], pools=["all"]))
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=_chromium(), args=FLAGS)
        tab = chromium.new_page(base_url=fleet.url, viewport={"width": 1440, "height": 900})
        tab.noise = []  # type: ignore[attr-defined]
        tab.on("console", lambda said: tab.noise.append(said.text))  # type: ignore[attr-defined]
        tab.on("pageerror", lambda error: tab.noise.append(str(error)))  # type: ignore[attr-defined]
        yield tab
        chromium.close()


def _chromium() -> str:
    import shutil

    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "the browser tests need Chromium: apt install chromium"
    return found


def judged(page: Page, name: str) -> None:
    """No accessibility violation in either theme, desktop and phone; a screenshot of each."""
    SHOTS.mkdir(exist_ok=True)
    for theme in ("light", "dark"):
        page.context.add_cookies([{"name": "theme", "value": theme, "url": page.url}])
        page.reload()
        page.wait_for_load_state("networkidle")
        found = page.evaluate(f"{AXE}; axe.run(document, {json.dumps(RULES)})")
        assert [v["id"] for v in found["violations"]] == [], f"{name} in {theme}"
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.screenshot(path=SHOTS / f"{name}-{theme}-{width}.png", full_page=True)
        page.set_viewport_size({"width": 1440, "height": 900})


def test_a_wrong_password_is_told_and_the_right_one_opens_the_overview(
    fleet: Fleet, page: Page
) -> None:
    page.goto("/")
    expect(page).to_have_url(f"{fleet.url}/auth/sign-in?next=/")
    judged(page, "sign-in")
    page.fill("input[name=name]", "admin")
    page.fill("input[name=password]", "not the password")
    page.click("main button")
    expect(page.get_by_role("alert")).to_be_visible()
    page.fill("input[name=password]", fleet.password)
    page.click("main button")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_the_overview_shows_the_fleet_as_simulated(page: Page) -> None:
    page.goto("/")
    expect(page.locator("main")).to_contain_text("simulated")
    expect(page.locator("main")).to_contain_text("sandbox-1")
    expect(page.locator("main")).to_contain_text("16 GPUs")
    judged(page, "overview")


def test_a_workload_submitted_in_the_form_is_seen_running_and_stopped(page: Page) -> None:
    page.goto("/workloads/new")
    judged(page, "new-workload")
    page.fill("input[name=name]", "from-the-form")
    page.select_option("select[name=project]", "arms")
    page.select_option("select[name=group]", "robots")
    page.select_option("select[name=pool]", "all")
    page.fill("input[name=pods]", "1")
    page.fill("input[name=gpus_per_pod]", "99")
    page.click("button[value=submit]")
    expect(page.locator("main")).to_contain_text("99")
    expect(page.locator("input[name=name]")).to_have_value("from-the-form")
    page.fill("input[name=gpus_per_pod]", "2")
    page.click("button[value=submit]")
    expect(page.get_by_role("heading", level=1)).to_have_text("from-the-form")

    def running() -> bool:
        page.reload()
        return page.locator("main").get_by_text("Running").count() > 0

    eventually("the workload running", running)
    judged(page, "workload")
    page.get_by_role("link", name="Stop").or_(page.get_by_role("button", name="Stop")).first.click()
    page.get_by_role("button", name="Stop").last.click()

    def stopped() -> bool:
        page.reload()
        return page.locator("main").get_by_text("Stopped").count() > 0

    eventually("the workload stopped", stopped)


def test_the_page_of_a_gpu_shows_what_a_pod_does_with_it_and_what_befell_it(
    fleet: Fleet, page: Page
) -> None:
    client = fleet.client()
    team = {"project": "arms", "group": "robots", "pool": "all"}
    trouble = {"load": "0.9", "throttle": "thermal", "xid": "31"}
    annotations = {f"neurox.io/simulated-{name}": value for name, value in trouble.items()}
    asked = client.workloads.create(
        WorkloadIn.model_validate({"name": "hot", "annotations": annotations, **team})
    )

    def troubled() -> GpuOut | None:
        held = [gpu for gpu in client.gpus.all() if gpu.workload_id == asked.id]
        # The H200 of the simulated driver turns nine tenths of the time into this much activity;
        # the first mean of the kind also holds the time before the pod.
        busy = [gpu for gpu in held if gpu.sm_active == pytest.approx(0.88 * 0.9, abs=0.12)]
        told = [gpu for gpu in busy if gpu.xids and gpu.clock_events]
        # Whoever had it before is gone once the agent has asked the kubelet again.
        alone = told and [h.memory_used_bytes for h in told[0].holders] == [
            told[0].memory_used_bytes
        ]
        return told[0] if alone else None

    gpu = eventually("its GPU with all that befell it", troubled, 90)
    assert gpu.tensor_active
    shown = page.locator("main")

    def throttled() -> bool:
        page.goto(f"/gpus/{gpu.uuid}")
        tile = shown.get_by_role("listitem").filter(has_text="Throttled")
        return " s" in tile.inner_text() and "0 s" not in tile.inner_text()

    eventually("seconds of throttling", throttled, 90)
    for words in ("SM activity", "it is too hot", "A program used an invalid address", "°C"):
        expect(shown).to_contain_text(words)
    expect(shown).not_to_contain_text("not supported")
    expect(shown.get_by_role("link", name="hot")).to_be_visible()
    judged(page, "gpu")
    client.workloads.stop(asked.id)


def invited(fleet: Fleet, secret: str) -> None:
    """Give the sandbox's relay-client another join Secret, as kubectl would."""
    (file,) = fleet.folder.glob("state/**/sandbox-1/join.kubeconfig")
    file.write_text(yaml.safe_load(secret)["stringData"]["kubeconfig"])


def rotated(fleet: Fleet, page: Page, name: str) -> None:
    """The button on its page has a connected cluster make a new key."""
    clusters = fleet.client().clusters
    before = clusters.get(name).credential.key_id
    page.get_by_role("link", name="Rotate the key…").click()
    page.get_by_role("button", name="Rotate the key").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    eventually("another key", lambda: clusters.get(name).credential.key_id != before)
    page.reload()
    expect(page.locator("main")).to_contain_text(clusters.get(name).credential.key_id or "?")
    assert clusters.link(name).state == "connected"


def test_the_check_list_goes_from_waiting_to_green_as_a_cluster_joins(
    fleet: Fleet, page: Page
) -> None:
    """The sandbox leaves its record for a new one, and comes back to it in the end."""
    page.goto("/clusters/new")
    page.fill("input[name=name]", "moved")
    page.get_by_role("button", name="Make the join Secret").click()
    said = page.locator("#joining [role=status]")
    expect(said).to_have_text("0 of 7 done.")
    expect(page.locator("#check-name")).to_contain_text("Nothing heard for")
    expect(page.locator("#check-name pre")).to_contain_text("kubectl -n neurox-system")
    page.evaluate("window.same = true")
    try:
        invited(fleet, page.locator("#join-secret").inner_text())
        expect(said).to_have_text("7 of 7 done. The cluster has joined.", timeout=120_000)
        assert page.evaluate("window.same")
        expect(page.locator("#joining")).to_contain_text("GPUs found: 16")
        expect(page.locator("[data-soon]")).to_have_count(0)
        assert fleet.run("cluster", "status", "moved").returncode == 0
        page.goto("/clusters/moved")
        card = page.locator("section", has=page.get_by_role("heading", name="Connection"))
        expect(card).to_contain_text("Connected")
        judged(page, "cluster")
        rotated(fleet, page, "moved")
        lost = fleet.run("cluster", "status", "sandbox-1")
        assert lost.returncode == 1
        assert "No connection for" in lost.stdout
    finally:
        invited(fleet, fleet.client().clusters.join("sandbox-1").secret)
        done = fleet.run("cluster", "status", "sandbox-1", "--watch")
    assert done.returncode == 0
    fleet.client().clusters.delete("moved")


@pytest.mark.parametrize("path", ["clusters", "nodes", "gpus", "pools", "workloads"])
def test_every_table_is_readable_in_both_themes(page: Page, path: str) -> None:
    page.goto(f"/{path}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    judged(page, path)


def test_nothing_was_blocked_or_failed_in_the_browser(page: Page) -> None:
    refused = [said for said in page.noise if "status of 4" not in said]  # type: ignore[attr-defined]
    assert refused == []
