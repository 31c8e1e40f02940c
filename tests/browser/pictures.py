"""Makes docs/pictures, but for those of MNIST: python -m tests.browser.pictures [REPORT_FOLDER]

The change: a smaller hidden layer for the handwritten digits, in a throw-away copy of this repository. The
table that is adopted: customers as an office exports them. It takes Chromium and a font of emoji.
"""

import html
import json
import random
import re
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from pipeline.comment.__main__ import Run, body_of
from pipeline.comment.artifact import Artifact
from tests.browser.comment import CHROMIUM, comment_page
from tests.conftest import ROOT, copy_repository
from tests.tools import needs

PICTURES = ROOT / "docs/pictures"


def make_report(folder: Path) -> Path:
    """Reproduce the base and the change in a copy of this repository; returns the folder of the report."""
    clone = copy_repository(folder / "repository")
    clone.run("dvc", "repro")
    clone.commit("A network with one hidden layer")
    clone.run("git", "switch", "-q", "-c", "smaller")
    params = clone.path / "params.yaml"
    params.write_text(re.sub(r"hidden_layer_sizes: .*", "hidden_layer_sizes: [12]", params.read_text(encoding="utf-8")))
    clone.run("dvc", "repro")
    clone.commit("A smaller hidden layer")
    clone.run("pipeline", "verify", "--reproduce", timeout=1200)
    clone.run("pipeline", "report", "--seeds", "4", check=False, timeout=1200)
    return clone.path / "report"


def make_customers(file: Path) -> None:
    """A table with what tables have: a decimal comma, dates, codes, notes, -999 for a blank, a column too many."""
    draw = random.Random(0)
    notes = "called twice,wants the invoice by post,asked for a discount,happy with the service,moved house,paid late"
    lines = ["customer;since;region;postcode;monthly_fee;age;visits;note;cancelled_on;churned"]
    for place in range(400):
        churned = draw.random() < 0.27
        day = f"{draw.randint(1, 28):02d}.{draw.randint(1, 12):02d}"
        cells = (
            f"C{10000 + place}",
            f"{day}.20{draw.randint(15, 24)}",
            draw.choice(["North", "South", "south", "West", "East"]),
            f"{draw.randint(1000, 9999):05d}",
            f"{draw.choice([9.99, 19.99, 29.5]) + draw.randint(0, 9):.2f}".replace(".", ","),
            draw.choice([-999, *range(18, 80)]),
            draw.choice(["?", *range(1, 30)]),
            f"{draw.choice(notes.split(','))}, case {draw.randint(1, 400)}",
            f"{day}.2024" if churned else "",
            "yes" if churned else "no",
        )
        lines.append(";".join(map(str, cells)))
    file.write_text("\n".join(lines) + "\n", encoding="cp1252")


def adopt_page(folder: Path) -> str:
    """What `pipeline adopt` prints of that table, as a page that looks like a terminal."""
    clone = copy_repository(folder / "adopting")
    make_customers(clone.path / "customers.csv")
    said = clone.run("pipeline", "adopt", "customers.csv", "--target", "churned", env={"COLUMNS": "80"}).stdout
    style = "margin:0;padding:16px 20px;background:#1b1f24;color:#e6e8eb;font:14px/1.3 'DejaVu Sans Mono',monospace"
    lines = f"$ pipeline adopt customers.csv --target churned\n{said}"
    return (
        f'<!doctype html><meta charset="utf-8"><body style="margin:0"><pre style="{style}">{html.escape(lines)}</pre>'
    )


def comment_of(report: Path) -> str:
    """The comment that a CI run with this report would leave on a pull request."""
    content = json.loads((report / "report.json").read_text(encoding="utf-8"))
    head, base = content["head"]["commit"], content["base"]["commit"]
    failed = [] if content["allowed"] else ["Compare with the base, and judge"]
    ended = Run(1, 128, 1, "failure" if failed else "success", head, 1, "you:smaller", "https://github.com")
    artifact = Artifact(12, head, base, 1, 1, {}, (report / "report.md").read_text(encoding="utf-8"))
    return body_of(ended, base, failed, artifact, "")


def shoot(browser: Browser, page_file: Path, name: str, width: int, height: int | None, scheme: str) -> None:
    """One picture of a page in 256 colours, which keeps it small; without a height, of all of it."""
    page = browser.new_page(viewport={"width": width, "height": height or 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(page_file.as_uri())
    if name == "comment":
        page.wait_for_selector("body[data-drawn]")
        page.evaluate(
            "document.querySelectorAll('details').forEach(fold => "
            "fold.open = /All metrics|Learning curves/.test(fold.firstElementChild.textContent))"
        )
    target = PICTURES / f"{name}.png"
    page.screenshot(path=target, full_page=height is None)
    page.close()
    Image.open(target).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)
    sys.stdout.write(f"{target.relative_to(ROOT)} {target.stat().st_size // 1024} kB\n")


def main() -> None:
    """Make all pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        report = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else make_report(Path(scratch))
        comment = Path(scratch) / "comment.html"
        comment.write_text(comment_page(comment_of(report)), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=needs("chromium"), args=CHROMIUM)
        shoot(browser, comment, "comment", 970, None, "light")
        shoot(browser, report / "report.html", "report", 1200, 1500, "light")
        shoot(browser, report / "report.html", "report-dark", 1200, 1500, "dark")
        shoot(browser, report / "report.html", "report-phone", 390, 1400, "light")
        terminal = Path(scratch) / "adopt.html"
        terminal.write_text(adopt_page(Path(scratch)), encoding="utf-8")
        shoot(browser, terminal, "adopt", 760, None, "light")
        browser.close()


if __name__ == "__main__":
    main()
