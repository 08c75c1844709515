"""Markdown and HTML: nothing from outside becomes markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from mcpbridge.audit.report import html, markdown
from tests.audit_report import hostile
from tests.audit_report.made import Asked, decision, reported, write

_ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "header", "section", "nav", "h1", "h2", "h3", "p", "b",
    "bdi", "div", "strong", "pre", "code", "ul", "li", "a", "span", "figure", "figcaption", "svg", "rect",
    "line", "text", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip


class Seen(HTMLParser):
    """The elements, attributes and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.promise("report-hostile")
def test_hostile_names_are_text_in_the_html_page(tmp_path: Path) -> None:
    page = html(reported(hostile.log(tmp_path)))
    seen = Seen(page)

    assert seen.elements - {"title"} <= _ELEMENTS
    assert not [name for name, _ in seen.attributes if name in ("src", "style") or name.startswith("on")]
    links = [value for name, value in seen.attributes if name == "href"]
    assert links
    assert all(re.fullmatch("#[a-z]+", value or "") for value in links)
    text = "".join(seen.texts)
    assert hostile.SCRIPT in text
    assert "\\u202egnp.exe" in text
    assert not any(ord(one) < 32 and one != "\n" for one in page)
    assert not set("\u202e\u2066\x1b") & set(page)
    assert len(page) < 1_000_000


@pytest.mark.promise("report-hostile")
def test_hostile_names_are_text_in_markdown(tmp_path: Path) -> None:
    text = markdown(reported(hostile.log(tmp_path)))
    rendered = MarkdownIt("gfm-like", {"linkify": False}).render(text)
    seen = Seen(rendered)

    assert "table" in seen.elements
    assert not seen.elements & {"script", "img", "a", "style", "svg"}
    assert hostile.SCRIPT in "".join(seen.texts)
    assert not set("\u202e\u2066\x1b") & set(text)


@pytest.mark.promise("report-html")
def test_the_page_needs_nothing_from_anywhere(tmp_path: Path) -> None:
    page = html(reported(write(tmp_path, Asked("ada").then(yes=True, after=5, times=3).steps)))

    assert "default-src &#x27;none&#x27;" in page
    assert "<script" not in page
    assert "url(" not in page
    assert "@import" not in page
    assert page.count("<svg class=") >= 4


def test_both_pages_say_the_same_figures(tmp_path: Path) -> None:
    found = reported(write(tmp_path, [decision("policy_deny", tool="send", rule_ids=["no-mail"])] * 7))

    for page in (html(found), markdown(found)):
        assert "no-mail" in page
        assert "unsealed" in page
        assert re.search(r"denied.{0,4}\D7\D|\D7\D.{0,20}denied", page)
    assert found.as_json()["sections"]["denials"]["facts"][0]["value"] == 7
