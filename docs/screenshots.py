"""Takes the pictures in docs/images of a project that `make demo` has left, in a browser without a window.

PYTHONPATH=tests python docs/screenshots.py PROJECT
"""

import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import servers
from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"
SIZE = {"width": 1280, "height": 800}


def main(project: Path) -> None:
    """Write review.png, service.png and mlflow.png."""
    program = shutil.which("chromium")
    if not program:
        sys.exit("Chromium is not installed: apt-get install chromium")
    name = project.name.replace("-", "_")
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2)]
        pages = {
            "review": (project / "reports/review.html").resolve().as_uri(),
            "service": stack.enter_context(servers.scoring(project.resolve(), folders[0])),
            "mlflow": stack.enter_context(servers.history(project.resolve(), folders[1])) + f"/#/models/{name}",
        }
        browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=program)
        IMAGES.mkdir(exist_ok=True)
        for page, url in pages.items():
            window = browser.new_page(viewport=SIZE, reduced_motion="reduce")  # type: ignore[arg-type]  # a width and a height
            window.goto(url, wait_until="load")
            window.wait_for_timeout(5000)  # MLflow asks its server for ever, so there is no moment of rest to wait for
            for button in window.get_by_label("Close", exact=True).all():  # of what offers help
                button.click()
            window.screenshot(path=IMAGES / f"{page}.png")
            print(IMAGES / f"{page}.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
