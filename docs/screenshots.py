"""Takes the pictures in docs/images of the project that `make demo` has generated, in a headless browser.

PYTHONPATH=tests python docs/screenshots.py PROJECT
"""

import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from helpers import servers
from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"
SIZE = {"width": 1280, "height": 800}
PAGES: dict[str, Callable[[Path, ExitStack], str]] = {  # picture -> the URL of what it shows
    "review": lambda project, _: (project / "reports/review.html").as_uri(),
    "data-docs": lambda project, _: (project / "reports/data_docs/index.html").as_uri(),
    "service": lambda project, stack: stack.enter_context(servers.scoring(project, _folder(stack))),
    "mlflow": lambda project, stack: (
        f"{stack.enter_context(servers.history(project, _folder(stack)))}/#/models/{project.name.replace('-', '_')}"
    ),
}


def _folder(stack: ExitStack) -> Path:
    return Path(stack.enter_context(tempfile.TemporaryDirectory()))


def main(project: Path) -> None:
    """Write a picture of each page."""
    program = shutil.which("chromium")
    if not program:
        sys.exit("Chromium is not installed: apt-get install chromium")
    with ExitStack() as stack:
        browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=program)
        IMAGES.mkdir(exist_ok=True)
        for page, of in PAGES.items():
            window = browser.new_page(viewport=SIZE, reduced_motion="reduce")  # type: ignore[arg-type]  # a width and a height
            window.goto(of(project.resolve(), stack), wait_until="load")
            window.wait_for_timeout(5000)  # MLflow polls its server all the time, so the network is never idle
            for button in window.get_by_label("Close", exact=True).all():  # tours and hints
                button.click()
            window.screenshot(path=IMAGES / f"{page}.png")
            print(IMAGES / f"{page}.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
