"""The comment on a pull request, and what a fork can make of it; GitHub is recorded calls."""

import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from mlgitops.github import api, artifacts, comment
from mlgitops.review.pages import escape


def test_page_says_why_there_is_no_review() -> None:
    bad = {
        "success": False, "expectations": 3, "rows": 9,
        "failures": [{"column": "price", "expectation": "expect_column_values_to_be_between", "arguments": {"min": 0},
                      "observed": None, "count": 1, "rows": [{"row": 4, "price": -1}]}],
    }  # fmt: skip
    assert "row 4, price -1" in comment.page(None, json.dumps(bad))
    assert "no model to review" in comment.page(None, None)
    assert comment.page("the review", json.dumps(bad)) == "the review"


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that posts the review of a run, and returns the comment."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/model")
    written: list[str] = []
    monkeypatch.setattr(api, "comment", lambda number, marker, text: written.append(text))
    run = {"id": 5, "html_url": "https://example.org/run", "head_sha": "c" * 40}

    def post(review: str, source: str = "mallory/model", size: int = 1000, name: str = "reports") -> str:
        uploaded = [{"name": name, "id": 1, "size_in_bytes": size}, {"name": "a](//evil) @b", "id": 2}]
        monkeypatch.setattr(api, "api", lambda path, *_: {"artifacts": uploaded})
        monkeypatch.setattr(artifacts, "read", lambda *_: {"review.md": f"{comment.MARKER}\n{review}"})
        repository = {"full_name": source} if source else None
        comment.post({"number": 3, "head": {"repo": repository}}, run)
        return written[-1]

    return post


@pytest.mark.parametrize("source", ["mallory/model", ""])
def test_comment_of_a_fork_is_marked_and_cannot_pass_for_ours(source: str, posted: Callable[..., str]) -> None:
    review = "## ✅ Model accepted\n\n| a | b |\n| --- | --- |\n| **x** | `y` |\n\n<details><summary>More</summary>"
    assert "\n## ✅ Model accepted" in posted(review, "acme/model")
    fork = posted(review, source)
    assert fork.startswith(f"{comment.MARKER}\n## ⚠️ Unverified")
    assert re.findall(r"(?m)^#{1,3} .*$", fork) == ["## ⚠️ Unverified: the review of a fork"]
    assert "[the run](https://example.org/run)" in fork.partition("---")[0]
    for kept in ("#### ✅ Model accepted", "| **x** | `y` |", "<details><summary>More</summary>", "</details>"):
        assert kept in fork
    assert "a](//evil)" not in fork


LINKING = ["@everyone", "&#64;everyone", "&#x40;everyone", "&commat;everyone", "&#064;a", "#12", "acme/model#12",
           "&#35;12", "&num;12", "GH-12", "https://github.com/acme/model/issues/12", "HTTP://evil.example",
           "www.evil.example", "![i](http://evil.example/i.png)", "![i][1]", "[text](//evil.example)", "[1]: http://evil.example",
           "<img src='//evil.example'>", "<!-- hides the rest", "<a href=//evil.example>", "<https://evil.example>",
           "<svg onload=x>", "\u202etxet", "\x1b[31m", "<details open>", "[i]: //evil.example"]  # fmt: skip


@pytest.mark.parametrize("text", LINKING)
def test_page_of_a_fork_calls_nobody_and_links_nothing(text: str) -> None:
    page = escape.defused(f"words {text} and more\n{text}\n| {text} | `{text}` |\n")
    decoded = html.unescape(page).replace("&#8203;", "\u200b")
    assert not re.search(r"@\w|(?<!&)#\w|GH-\d", decoded), decoded
    assert not re.search(r"(?i)https?:|www\.", page), page
    assert not re.search(r"\][(\[:]", decoded), decoded
    assert not re.search(r"<(?!/?(details|summary|code|br)\s*/?>)", page), page
    assert not set(page) & set("\u202e\x1b")
    assert "and more" in page


def test_page_of_a_fork_is_closed_where_it_is_left_open() -> None:
    assert escape.defused("```text\nx") == "```text\nx\n\n```\n"
    assert escape.defused("<details>\n```\nx\n```\n<details>").endswith("\n\n</details>\n\n</details>\n")
    assert escape.defused("a\n") == "a\n"


def test_value_of_the_data_mentions_nobody_in_our_own_page() -> None:
    for text in ("@ada", "see #12"):
        assert not re.search(r"[@#]\w", html.unescape(escape.prose(text)))


def test_reports_that_are_too_large_are_not_downloaded(
    posted: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = posted("the review", "acme/model", size=comment.MAX_ARTIFACT_BYTES + 1)
    assert "50,000,001 bytes" in body
    assert "the review" not in body
    assert "the review" in posted("the review", "acme/model", size=comment.MAX_ARTIFACT_BYTES)
    assert "no model to review" in posted("the review", name="other")


def test_comment_is_changed_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [{"id": 8, "body": "<!-- x --> old", "user": {"login": "github-actions[bot]"}}]
    calls: list[tuple[str, str]] = []

    def answer(path: str, method: str = "GET", body: Any = None, missing: tuple[str, ...] = ()) -> Any:
        calls.append((method, path))
        return there if path.endswith("page=1") else []

    monkeypatch.setattr(api, "api", answer)
    api.comment(3, "<!-- x -->", "new")
    assert calls[-1] == ("PATCH", "/issues/comments/8")
    there[0]["user"]["login"] = "somebody"
    api.comment(3, "<!-- x -->", "new")
    assert calls[-1] == ("POST", "/issues/3/comments")
