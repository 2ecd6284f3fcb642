"""Exported models as static pages, and what a browser answers with them."""

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the files in *folder*, and nothing else."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        extensions_map = {  # noqa: RUF012  # as in the class below
            **http.server.SimpleHTTPRequestHandler.extensions_map,
            ".mjs": "text/javascript",
        }

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def scored(folder: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the answers of score.html in *folder*, opened in Chromium."""
    with served(folder) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page()
        page.goto(f"{url}/score.html")
        page.get_by_text("golden rows are answered as in Python").wait_for()
        page.locator("#rows").fill(json.dumps(rows))
        page.get_by_role("button", name="Score").click()
        page.locator("#answer").get_by_text("[").wait_for()
        answers: list[dict[str, Any]] = json.loads(page.locator("#answer").inner_text())
        browser.close()
        return answers
