"""The charts of a comment are drawn by GitHub's chart library, in the colours that the text names."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from pipeline.comment.neutral import neutralise
from pipeline.review.curves import Curve
from pipeline.review.report import Report
from pipeline.review.show.render import BASE_COLOUR, HEAD_COLOUR, to_markdown
from tests.browser.comment import CHROMIUM, MERMAID, comment_page
from tests.review.conftest import full_report  # noqa: F401
from tests.tools import needs, needs_file


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    needs_file(MERMAID, "npm ci --prefix tests/browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=needs("chromium"), args=CHROMIUM)
        yield browser
        browser.close()


def drawn(browser: Browser, markdown: str, folder: Path) -> Page:
    (folder / "comment.html").write_text(comment_page(markdown), encoding="utf-8")
    page = browser.new_page()
    page.goto((folder / "comment.html").as_uri())
    page.wait_for_selector("body[data-drawn]")
    assert page.evaluate("document.body.dataset.drawn") == "yes"
    return page


def colours(page: Page) -> list[str]:
    return page.eval_on_selector_all(
        ".line-plot-0 path, .line-plot-1 path", "all => all.map(p => p.getAttribute('stroke'))"
    )


def test_the_chart_has_both_lines_in_the_colours_of_its_legend(
    browser: Browser,
    full_report: Report,  # noqa: F811
    tmp_path: Path,
) -> None:
    page = drawn(browser, neutralise(to_markdown(full_report)), tmp_path)
    assert colours(page) == [BASE_COLOUR, HEAD_COLOUR]
    page.close()


def test_long_curves_of_tiny_and_of_huge_values_are_drawn_too(
    browser: Browser,
    full_report: Report,  # noqa: F811
    tmp_path: Path,
) -> None:
    line = tuple((step, 0.5 * 0.99**step) for step in range(5000))
    huge = tuple((step, 3e6 / (step + 1)) for step in range(5000))
    curves = (Curve("validation/loss", line, line[:4000]), Curve("validation/accuracy", huge, line))
    page = drawn(browser, neutralise(to_markdown(dataclasses.replace(full_report, curves=curves))), tmp_path)
    assert colours(page) == [BASE_COLOUR, HEAD_COLOUR] * 2
    page.close()
