"""The pages that people open are looked at in a real browser: phone and desktop, light and dark."""

import http.server
import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from helpers import servers
from helpers.support import TEMPLATE, copied, representatives, run, sources
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

pytestmark = pytest.mark.tools

WIDTHS = {"phone": (390, 844), "desktop": (1280, 900)}
LOOKS = representatives(itertools.product(WIDTHS, ("light", "dark")), ("phone", "light"), ("desktop", "dark"))
# Each text that shows and has less than 4.5 of contrast (as WCAG 2 computes it) to what lies behind it.
PALE = """() => {
    const parse = (colour) => {
        const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
        return [r, g, b, a];
    };
    const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
    const light = (colour) => {
        const linear = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        const [r, g, b] = colour.map((c) => linear(c / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        if (!element) return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
        const own = parse(getComputedStyle(element).backgroundColor);
        return own[3] === 1 ? own : over(own, behind(element.parentElement));
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    let looked = 0;
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || element.closest("script, style, noscript, option, :disabled")) continue;
        if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
        looked += 1;
        const style = getComputedStyle(element);
        const ground = behind(element);
        const ink = over(parse(element instanceof SVGElement ? style.fill : style.color), ground);
        const [low, high] = [light(ink), light(ground)].sort((a, b) => a - b);
        const contrast = (high + 0.05) / (low + 0.05);
        if (contrast < 4.5) found.push(`${contrast.toFixed(2)}: ${texts.currentNode.data.trim().slice(0, 60)}`);
    }
    return looked ? found : ["there is no text"];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Debian's Chromium, without a window."""
    program = shutil.which("chromium")
    if not program:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program)
        yield started
        started.close()


@pytest.fixture(scope="module")
def reviewed(champion: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with a champion and a candidate that differs from it: a review with all its parts."""
    copy = copied(champion, tmp_path_factory.mktemp("reviewed"))
    params = copy / "params.yaml"
    text = params.read_text(encoding="utf-8")
    assert "max_iter: 100" in text
    params.write_text(text.replace("max_iter: 100", "max_iter: 150"), encoding="utf-8")
    run("make", "pipeline", cwd=copy, **sources(copy))
    here = os.environ | sources(copy)
    review = ["make", "review"]  # its exit code is its verdict, and either is a page
    said = subprocess.run(review, cwd=copy, env=here, capture_output=True, encoding="utf-8", check=False)
    assert (copy / "reports/review.html").is_file(), said.stderr
    return copy


@pytest.fixture(scope="module")
def service(reviewed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the candidate, as `make serve` does, and give its URL."""
    with servers.scoring(reviewed, tmp_path_factory.mktemp("service")) as url:
        yield url


@pytest.fixture(scope="module")
def checked(reviewed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the Data Docs of the project, and those of the same table and a contract that it breaks."""
    folder = tmp_path_factory.mktemp("checked")
    text = (reviewed / "contract.yaml").read_text(encoding="utf-8")
    strict = text.replace("max: 6000", "max: 1000")
    assert strict != text
    (folder / "contract.yaml").write_text(strict, encoding="utf-8")
    command = [str(reviewed / ".venv/bin/flight_delays"), "validate", str(reviewed / "data/raw.parquet")]
    here = os.environ | sources(reviewed)
    ended = subprocess.run([*command, "report.json", "--docs", "docs"], cwd=folder, env=here, check=False)
    assert ended.returncode == 1
    return {"keeps": reviewed / "reports/data_docs/index.html", "breaks": folder / "docs/index.html"}


@contextmanager
def opened(browser: Browser, url: str, width: str, colours: Any = "light", status: int = 200) -> Iterator[Page]:
    """Open *url*; whatever it complains of, or asks of other machines, is an error at the end.

    The browser itself logs each answer that is an error: one of *status* must have come, and is no complaint.
    """
    sizes = {"width": WIDTHS[width][0], "height": WIDTHS[width][1]}
    wrong: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            wrong.append(f"console: {message.text}")

    def asked(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("file", "data", "blob") and parts.hostname != "127.0.0.1":
            wrong.append(f"elsewhere: {request.url}")

    context = browser.new_context(viewport=sizes, color_scheme=colours, reduced_motion="reduce")  # type: ignore[arg-type]
    page = context.new_page()
    page.on("console", heard)
    page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
    page.on("request", asked)
    page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    page.goto(url, wait_until="networkidle")
    yield page
    context.close()
    expected = [line for line in wrong if f"status of {status} " in line]
    assert bool(expected) == (status != 200)
    assert [line for line in wrong if line not in expected] == []


def sound(page: Page) -> None:
    """Hold what every page has to keep: a name, a language, one heading, and nothing beyond its width."""
    assert page.title()
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.locator("h1").count() == 1
    wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1], f"it is {wide[0]} wide where {wide[1]} are shown"
    assert page.evaluate(PALE) == []


def predicted(url: str, row: object, path: str = "predict") -> dict[str, Any]:
    """Return what the service answers to *row*."""
    asked = urllib.request.Request(  # noqa: S310  # of this machine
        f"{url}/{path}", json.dumps(row).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
    return found


@pytest.mark.parametrize(("width", "colours"), LOOKS)
def test_review_says_its_verdict_at_every_width_and_colour(
    width: str, colours: str, browser: Browser, reviewed: Path
) -> None:
    found = json.loads((reviewed / "reports/review.json").read_text(encoding="utf-8"))
    with opened(browser, (reviewed / "reports/review.html").as_uri(), width, colours) as page:
        sound(page)
        assert ("accepted" if found["accepted"] else "refused") == page.locator("header").get_attribute("class")
        assert page.locator("h1").inner_text() in page.title()
        assert page.locator(".gates li").count() == len(found["gates"])
        assert page.locator("svg polyline.candidate").count() == page.locator("svg polyline.champion").count() > 1
        assert "model.max_iter" in page.locator("main").inner_text()


@pytest.mark.parametrize("verdict", ["keeps", "breaks"])
@pytest.mark.parametrize(("width", "colours"), LOOKS)
def test_data_docs_say_what_is_wrong_at_every_width_and_colour(
    width: str, colours: str, verdict: str, browser: Browser, checked: dict[str, Path]
) -> None:
    with opened(browser, checked[verdict].as_uri(), width, colours) as page:
        sound(page)
        assert page.locator("h1").inner_text() == f"The data {verdict} its contract"
        columns = page.locator("section:visible h2").all_inner_texts()
        assert {"Table-Level Expectations", "distance", "late"} <= set(columns)
        assert page.get_by_role("navigation").get_by_role("link").all_inner_texts() == columns
        page.get_by_role("checkbox").check()
        wrong = ["distance"] if verdict == "breaks" else []
        assert page.locator("section:visible h2").all_inner_texts() == wrong
        assert page.get_by_role("navigation").get_by_role("link").all_inner_texts() == wrong
        assert page.locator("section tbody tr:visible", has_text="values must").count() == len(wrong)
        assert page.evaluate(PALE) == []


@pytest.mark.parametrize(("width", "colours"), LOOKS)
def test_row_is_scored_by_hand_at_every_width_and_colour(
    width: str, colours: str, browser: Browser, service: str
) -> None:
    with opened(browser, service, width, colours) as page:
        page.locator("#answer .big").wait_for()
        sound(page)
        page.get_by_label("distance", exact=True).fill("1234")
        page.locator("#answer").evaluate("element => element.replaceChildren()")
        page.get_by_role("button", name="Score").click()
        page.locator("#answer .big").wait_for()
        row = json.loads(page.locator("#body").input_value())
        assert row["distance"] == 1234
        answer = predicted(service, row)
        assert page.locator("#answer .share b").inner_text() == f"{100 * answer['probability']:.1f} %"
        assert page.locator("#answer .big").inner_text().startswith("not ") is not answer["prediction"]
        page.locator("#reasons .share").first.wait_for()
        strongest = predicted(service, row, "explain")["reasons"][:5]
        assert page.locator("#reasons .share span").all_inner_texts() == [each["field"] for each in strongest]
        assert page.locator("#reasons h3").inner_text() == "The 5 strongest reasons"
        sound(page)
        assert page.evaluate(PALE) == []


def test_wrong_value_gets_the_message_of_the_service(browser: Browser, service: str) -> None:
    with opened(browser, service, "phone", status=422) as page:
        page.get_by_label("distance", exact=True).fill("-5")
        page.get_by_role("button", name="Score").click()
        page.locator("#answer .refused").wait_for()
        said = page.locator("#answer .refused li").inner_text()
        assert said.startswith("distance: ")
        field = page.locator(".field", has=page.get_by_label("distance", exact=True))
        assert field.locator(".wrong").inner_text() == said.removeprefix("distance: ")
        assert page.get_by_label("distance", exact=True).get_attribute("aria-invalid") == "true"
        sound(page)


def test_keyboard_alone_reaches_everything_and_scores(browser: Browser, service: str) -> None:
    with opened(browser, service, "desktop") as page:
        page.locator("#answer .big").wait_for()
        page.locator("#answer").evaluate("element => element.replaceChildren()")
        wanted = page.locator("a, button, input, select, textarea").count()
        reached = set()
        for _ in range(3 * wanted):  # a date has a stop for each of its parts
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.id || document.activeElement.getAttribute('href')"))
        assert len(reached - {None}) == wanted
        page.get_by_role("button", name="Score").focus()
        page.keyboard.press("Enter")
        page.locator("#answer .big").wait_for()


def test_no_column_of_the_review_is_cut_on_a_phone(browser: Browser, reviewed: Path) -> None:
    with opened(browser, (reviewed / "reports/review.html").as_uri(), "phone") as page:
        page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        boxes, end = "[...document.querySelectorAll('td, svg')]", "box.getBoundingClientRect().right"
        assert page.locator("td:visible").count() > 50
        assert page.evaluate(f"{boxes}.filter(box => {end} > innerWidth).length") == 0
        assert page.locator("thead:visible").evaluate_all("heads => heads.filter(h => h.clientHeight > 1).length") == 0
        first = "document.querySelector('td.number')"
        assert page.evaluate(f"getComputedStyle({first}, '::before').content") == '"candidate"'
        sound(page)


def test_review_says_what_changed_in_the_data_and_draws_importances(browser: Browser, reviewed: Path) -> None:
    with opened(browser, (reviewed / "reports/review.html").as_uri(), "desktop") as page:
        sentence = page.locator("header p.data").inner_text()
        assert sentence == "The data has not changed: train and test part are the same."
        assert page.locator("svg rect.candidate").count() == page.locator("svg rect.champion").count() == 10


@pytest.mark.parametrize("width", WIDTHS)
def test_documentation_of_the_service_opens_without_another_machine(width: str, browser: Browser, service: str) -> None:
    with opened(browser, f"{service}/docs", width) as page:
        page.get_by_text("/predict").first.wait_for()
        assert page.title()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Build the template's site, and give the URL at which it is."""
    folder = tmp_path_factory.mktemp("site")
    run(sys.executable, str(TEMPLATE / "docs/build.py"), str(folder), cwd=TEMPLATE)
    (folder / "site/versions.json").write_text(
        '[{"version": "main", "title": "main", "aliases": []}]', encoding="utf-8"
    )  # docs/publish.py writes it beside the sites
    handler = partial(Quiet, directory=str(folder / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files, and writes nothing of it."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(("width", "colours"), LOOKS)
@pytest.mark.parametrize("name", representatives(["", "tutorial/", "reference/params/"], "tutorial/"))
def test_site_reads_at_every_width_and_colour(name: str, width: str, colours: str, browser: Browser, site: str) -> None:
    with opened(browser, f"{site}/{name}", width, colours) as page:
        sound(page)
        light = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert light is (colours == "light")
