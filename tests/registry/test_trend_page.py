"""The page of the trend in a browser: accessible in both colours, and on a phone no wider and still readable."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from pipeline.params import read_params
from pipeline.registry.trend import trend
from pipeline.registry.trend_page import to_html
from tests.registry.made_up import make_history
from tests.review.show.test_html import browser, opened

__all__ = ["browser"]


@pytest.fixture
def page_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page of a history with a better, a worse and an undecided step."""
    make_history(tmp_path / "repository", [range(60), range(10), range(10, 21), range(90)])
    monkeypatch.chdir(tmp_path / "repository")
    params = read_params()
    path = tmp_path / "trend.html"
    path.write_text(to_html(trend(Path.cwd(), params), params.review.metrics), encoding="utf-8")
    return path


def test_the_page_passes_axe_and_fits_a_phone(browser: Browser, page_file: Path) -> None:
    for scheme, width in (("light", 1200), ("dark", 1200), ("light", 320)):
        page = opened(browser, page_file, width, scheme)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        size = page.locator("svg.trend text").first.evaluate("text => text.getBoundingClientRect().height")
        assert size >= 8, "what stands in a chart can be read"
        page.close()
