"""The HTML page in a real Chromium. Skips where there is none (MCPBRIDGE_CHROMIUM names one elsewhere)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from mcpbridge.audit.report import html
from mcpbridge.audit.report.document import Chart, Section, Series
from mcpbridge.audit.report.durations import LABELS
from tests.audit_report import hostile
from tests.audit_report.made import Asked, decision, reported, write
from tests.cli_run.shell import ROOT

_CHROMIUM = os.environ.get("MCPBRIDGE_CHROMIUM") or next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
pytestmark = pytest.mark.skipif(
    _CHROMIUM is None, reason="no Chromium here; install one, or set MCPBRIDGE_CHROMIUM"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Watched:
    """A page, and everything that it tried."""

    def __init__(self, page: Page, file: Path) -> None:
        self.page = page
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(file.as_uri())

    def wider_than_the_window(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


@pytest.fixture
def hostile_page(tmp_path: Path) -> Path:
    file = tmp_path / "report.html"
    file.write_text(html(reported(hostile.log(tmp_path / "log"))), encoding="utf-8")
    return file


@pytest.mark.promise("report-html")
@pytest.mark.parametrize("width", [390, 1100])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_quietly_and_asks_nobody(
    width: int, scheme: str, browser: Browser, hostile_page: Path
) -> None:
    page = browser.new_page(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    watched = Watched(page, hostile_page)

    assert watched.said == []
    assert watched.asked == [hostile_page.as_uri()]
    assert page.title().startswith("Audit report")
    assert not watched.wider_than_the_window()
    assert page.locator("script, img, iframe, object, [onerror]").count() == 0
    assert page.locator("td bdi", has_text=hostile.SCRIPT).first.is_visible()
    page.close()


def test_the_picture_in_the_docs_can_be_drawn_again(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "docs.pictures.make_report_picture", str(tmp_path / "report.png")]
    subprocess.run(words, cwd=ROOT, check=True)

    assert (tmp_path / "report.png").read_bytes()[:4] == b"\x89PNG"
    assert (ROOT / "docs" / "pictures" / "report.png").exists()


def test_its_style_is_applied_in_spite_of_the_policy(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    log = write(tmp_path / "log", Asked("ada").then(yes=True, after=1, times=25).steps)
    file.write_text(html(reported(log)), encoding="utf-8")
    page = browser.new_page(color_scheme="dark")
    watched = Watched(page, file)

    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    bar = page.locator("svg.chart rect.person").first.bounding_box()

    assert watched.said == []
    assert background == "rgb(18, 23, 30)"
    assert bar is not None
    assert bar["height"] > 5
    page.close()


_CROWDED = """() => {
  const wrong = [];
  for (const chart of document.querySelectorAll('svg.chart')) {
    const outer = chart.parentElement, view = chart.viewBox.baseVal;
    if (outer.scrollWidth > outer.clientWidth) wrong.push('cut: ' + chart.ariaLabel);
    const boxes = [...chart.querySelectorAll('text')].map(one => [one.textContent, one.getBBox()]);
    boxes.forEach(([text, box], at) => {
      if (box.x < 0 || box.x + box.width > view.width || box.y + box.height > view.height)
        wrong.push('outside: ' + text);
      for (const [other, next] of boxes.slice(at + 1))
        if (box.x < next.x + next.width && next.x < box.x + box.width
            && box.y + 1 < next.y + next.height && next.y + 1 < box.y + box.height)
          wrong.push(text + ' over ' + other);
    });
  }
  return wrong;
}"""


@pytest.mark.promise("report-html")
@pytest.mark.parametrize("width", [390, 1280])
def test_every_bar_of_a_chart_has_its_name_whole_and_in_sight(
    width: int, browser: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    asked = Asked("ada")
    for after in (1, 5, 20, 45, 200, 600, 3_000, 80_000, 100_000):
        asked.then(yes=True, after=after, times=12)
    many = Chart(
        title="Many", labels=LABELS, series=(Series(name="n", tone="plain", values=(40_000,) * len(LABELS)),)
    )
    minutes = tuple(f"2026-11-20 12:{minute:02}" for minute in range(48))
    long = Chart(
        title="Long", labels=minutes, series=(Series(name="n", tone="plain", values=(7,) * len(minutes)),)
    )
    found = reported(write(tmp_path / "log", asked.steps))
    extra = Section(id="extra", title="Extra", lead="", facts=(), charts=(many, long), tables=())
    file.write_text(html(replace(found, sections=(*found.sections, extra))), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(file.as_uri())

    drawn = page.locator("figure", has_text="Time from question to answer").locator("text.mid")

    assert drawn.all_text_contents() == list(LABELS)
    assert page.evaluate(_CROWDED) == []
    page.close()


@pytest.mark.promise("report-html")
def test_it_prints_on_a4(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    steps = [decision("policy_deny", tool=f"tool_with_a_long_name_{number}") for number in range(12)]
    file.write_text(html(reported(write(tmp_path / "log", steps))), encoding="utf-8")
    page = browser.new_page()
    page.goto(file.as_uri())

    printed = page.pdf(prefer_css_page_size=True)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 688, "height": 1000})  # A4 less its margins, at 96 dots an inch

    assert printed.startswith(b"%PDF")
    for kept in ("h2", ".lead"):
        assert page.evaluate(f"getComputedStyle(document.querySelector('{kept}')).breakAfter") == "avoid"
    assert page.evaluate("getComputedStyle(document.querySelector('.facts')).breakInside") == "avoid"
    assert b"/MediaBox [0 0 594" in printed or b"/MediaBox [0 0 595" in printed
    assert not page.evaluate("document.documentElement.scrollWidth > 688")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.close()
