"""The repository that the tests in repository/ are about: MLGITOPS_REPOSITORY, or the one around this platform."""

import os
from pathlib import Path

ROOT = Path(os.environ.get("MLGITOPS_REPOSITORY") or Path(__file__).parents[3]).absolute()


def is_template() -> bool:
    """Return whether the repository is a template that was not rendered yet."""
    return "{{" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def read(name: str) -> str:
    """Return the text of a file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def package() -> str:
    """Return the name of the owner's package."""
    (model,) = (ROOT / "src").glob("*/model.py")
    return model.parent.name
