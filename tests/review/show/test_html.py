"""The page: one file, nothing foreign in it, accessible, readable in the dark, on a phone and on paper."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from pipeline.review.changes import Change
from pipeline.review.report import Report, Revision
from pipeline.review.show.charts import nice_ticks
from pipeline.review.show.html import to_html
from pipeline.review.where import Flip
from tests.browser.comment import CHROMIUM
from tests.tools import needs


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=needs("chromium"), args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def page_file(tmp_path: Path, full_report: Report) -> Path:
    path = tmp_path / "report.html"
    path.write_text(to_html(full_report), encoding="utf-8")
    return path


def opened(browser: Browser, path: Path, width: int = 1200, scheme: str = "light") -> Page:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(path.as_uri())
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_passes_axe(browser: Browser, page_file: Path, scheme: str) -> None:
    page = opened(browser, page_file, scheme=scheme)
    found = Axe().run(page)
    page.close()
    assert found.violations_count == 0, found.generate_report()


def test_dark_is_dark_and_light_is_light(browser: Browser, page_file: Path) -> None:
    colours = {}
    for scheme in ("light", "dark"):
        page = opened(browser, page_file, scheme=scheme)
        colours[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.close()
    assert colours == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_the_page_never_scrolls_sideways(browser: Browser, page_file: Path, width: int) -> None:
    page = opened(browser, page_file, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_the_metrics_fit_a_laptop_and_no_name_is_broken(browser: Browser, page_file: Path) -> None:
    page = opened(browser, page_file)
    table = page.locator(".scroll").first
    assert table.evaluate("table => table.scrollWidth <= table.clientWidth")
    names = table.locator("tbody th")
    assert max(name.evaluate("name => { const r = document.createRange(); r.selectNodeContents(name);"
                             " return r.getClientRects().length }") for name in names.all()) == 1  # fmt: skip
    page.close()


def test_everything_is_printed(browser: Browser, page_file: Path) -> None:
    page = opened(browser, page_file)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('pre')).maxHeight") == "none"
    assert page.pdf().startswith(b"%PDF")
    page.close()


def test_the_page_asks_for_nothing(browser: Browser, page_file: Path) -> None:
    asked: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    page.close()
    assert [url for url in asked if not url.startswith("data:")] == [page_file.as_uri()]
    assert "<script" not in page_file.read_text(encoding="utf-8")


def test_text_from_the_repository_stays_text(full_report: Report) -> None:
    text = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
    assert full_report.changes is not None and full_report.proof is not None
    report = dataclasses.replace(
        full_report,
        head=Revision(text, "a" * 40, text, text),
        changes=dataclasses.replace(full_report.changes, parameters=(Change(text, text, text),)),
        broken=(Flip(text, text, text, text, None, None),),
        proof=dataclasses.replace(full_report.proof, patch=f"diff --git a/dvc.lock b/dvc.lock\n{text}"),
        curves=tuple(dataclasses.replace(curve, name=f"{text}/loss") for curve in full_report.curves),
        problem=text,
    )
    html = to_html(report)
    assert "<script" not in html and "<img src=x" not in html
    assert re.findall(r"onerror", html), "it is shown, as text"


@pytest.mark.parametrize(
    "part", ["All metrics", "What changed", "Per class", "flipped", "Learning curves", "Gate", "Patch"]
)
def test_every_part_has_its_heading(full_report: Report, part: str) -> None:
    assert any(part in heading for heading in re.findall(r"<h2[^>]*>(.*?)</h2>", to_html(full_report)))


@pytest.mark.parametrize("report", [Report(), Report(problem="it broke")])
def test_an_empty_report_is_a_page_too(report: Report) -> None:
    assert to_html(report).strip().endswith("</html>")


def test_charts_say_their_last_values_to_a_screen_reader(full_report: Report) -> None:
    assert 'aria-label="loss by step: base, validation ends at' in to_html(full_report)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.91, 0.98), (-3, 250), (5, 5), (0, 1e-9), (1e12, 3e12)])
def test_ticks_are_few_and_span_the_values(low: float, high: float) -> None:
    ticks = nice_ticks(low, high)
    assert len(ticks) <= 8
    assert ticks[0] <= low and ticks[-1] >= high
