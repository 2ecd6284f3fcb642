"""Bad answers are refused in words, and the first commit is made where it is wanted and nowhere else."""

import re
import runpy
import sys
from pathlib import Path

import pytest
from cookiecutter.exceptions import FailedHookException
from helpers.support import TEMPLATE, bake, run

REFUSED = [  # question, answer, words of the message
    *[
        ("package_name", name, "lowercase letters")
        for name in ("Flights", "2fast", "_x", "a-b", "a.b", "été", "n" * 31)
    ],
    *[("package_name", name, "word of the Python language") for name in ("class", "async", "match")],
    *[("package_name", name, "standard library") for name in ("json", "platform", "types", "statistics", "email")],
    *[("package_name", name, "package of that name") for name in ("dvc", "mlgitops", "sklearn", "yaml", "pip", "uv")],
    *[("package_name", name, "taken") for name in ("src", "test", "tests", "con")],
    *[("project_slug", name, "single hyphens") for name in ("A", "a_b", "a--b", "-a", "a-", "2a", "a/b", "n" * 51)],
    *[("project_slug", name, "package of that name") for name in ("mlflow", "mlgitops", "platform", "scikit-learn")],
    *[(name, " ", "at least one letter") for name in ("project_name", "description", "author")],
    *[("description", text, "one line") for text in ("a\nb", "a\tb", "a\x00b", "a\x85b", "a\u2028b", "a\x7fb")],
    ("author", "Ada ", "blanks"),
    ("author", "{{ '{{' }} x }}", "read as a template"),
    ("bucket", "a-bucket", "storage=git has no bucket"),
]
BUCKETS_REFUSED = [
    *[
        ("s3", name)
        for name in ("", "ab", "A-bucket", "a_bucket", "-abc", "abc-", "a..b", "10.0.0.1", "n" * 64, "a/b", "a\nb")
    ],
    *[("azure", name) for name in ("", "ab", "a.b", "a--b", "n" * 64)],
    *[("gs", name) for name in ("", "goog-x", "a..b", "abc_", "n" * 64)],
]
BUCKETS = [("s3", "a.b-c"), ("azure", "abc-1"), ("gs", "a_b.c"), ("gs", "123")]
MESSAGE = re.compile(r"^(\w+): .* is refused: (.+)$", re.MULTILINE)


@pytest.mark.parametrize(("question", "answer", "words"), REFUSED)
def test_bad_answer_is_refused_in_words(
    question: str, answer: str, words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given = {"project_name": "Good", "project_slug": "good", "package_name": "good_model", "author": "Ada"}
    with pytest.raises(FailedHookException):
        bake(tmp_path, **given | {question: answer})
    refusals = dict(MESSAGE.findall(capfd.readouterr().err))
    assert refusals.keys() == {question}
    assert words in refusals[question]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("data", "target", "question", "words"),
    [
        ("no/such/table.csv", "y", "data", "there is no such file"),
        (".", "y", "data", "there is no such file"),
        ("postgresql://host/base", "y", "data", "make adopt QUERY="),
        ("https://example.org/table.csv", "", "target", "which column"),
        (str(TEMPLATE / "cookiecutter.json"), "", "target", "which column"),
        ("", "y", "data", "the demo has a target of its own"),
    ],
)
def test_table_that_cannot_be_adopted_is_refused(
    data: str, target: str, question: str, words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FailedHookException):
        bake(tmp_path, data=data, target=target)
    refusals = dict(MESSAGE.findall(capfd.readouterr().err))
    assert refusals.keys() == {question}
    assert words in refusals[question]
    assert not list(tmp_path.iterdir())


def test_table_is_looked_for_from_where_people_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_data = runpy.run_path(str(TEMPLATE / "hooks/pre_gen_project.py"))["refuse_data"]
    monkeypatch.setenv("PWD", str(tmp_path))
    assert "there is no such file" in refuse_data("my table.csv", "y")
    (tmp_path / "my table.csv").touch()
    assert refuse_data("my table.csv", "y") is None
    assert refuse_data(str(tmp_path / "my table.csv"), "y") is None


def test_table_is_adopted_by_make_or_by_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_data = runpy.run_path(str(TEMPLATE / "hooks/pre_gen_project.py"))["refuse_data"]
    table, places = tmp_path / "table.csv", {"make": tmp_path / "one", "uv": tmp_path / "other"}
    table.touch()
    monkeypatch.setenv("PATH", "")
    assert "make or uv is needed" in refuse_data(str(table), "y")
    for name, place in places.items():
        place.mkdir()
        (place / name).symlink_to(sys.executable)
        monkeypatch.setenv("PATH", str(place))
        assert refuse_data(str(table), "y") is None


def test_table_that_fails_leaves_no_project(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Of a Make that cannot even read its file: what adoption itself refuses is tested with the real one."""
    (tmp_path / "table.csv").write_text("a,y\n1,2\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAKEFILES", str(tmp_path / "table.csv"))
        with pytest.raises(FailedHookException):
            bake(tmp_path / "out", data=str(tmp_path / "table.csv"), target="y")
    assert "the table could not be adopted, so there is no project" in capfd.readouterr().err
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(("storage", "bucket"), BUCKETS_REFUSED)
def test_bad_bucket_is_refused(storage: str, bucket: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FailedHookException):
        bake(tmp_path, storage=storage, bucket=bucket)
    assert f"storage={storage} needs a name of" in dict(MESSAGE.findall(capfd.readouterr().err))["bucket"]


@pytest.mark.parametrize(("storage", "bucket"), BUCKETS)
def test_good_bucket_is_taken(storage: str, bucket: str, tmp_path: Path) -> None:
    project = bake(tmp_path, storage=storage, bucket=bucket)
    assert f"url = {storage}://{bucket}/dvc\n" in (project / ".dvc/config").read_text(encoding="utf-8")


def test_all_bad_answers_are_named_at_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FailedHookException):
        bake(tmp_path, package_name="class", project_slug="A", author=" ")
    assert dict(MESSAGE.findall(capfd.readouterr().err)).keys() == {"package_name", "project_slug", "author"}


@pytest.mark.parametrize(
    ("name", "slug", "package"),
    [
        ("Prévision d'énergie", "prevision-d-energie", "prevision_d_energie"),
        ("Ünïcode 🚀", "unicode", "unicode"),
        ("航班延误", "hang-ban-yan-wu", "hang_ban_yan_wu"),
        ("🚀", "project", "project"),
        ("An Exceedingly Long Name of a Project About Flights That Are Late", None, "an_exceedingly_long_name_of_a"),
    ],
)
def test_any_human_name_gives_a_legal_default(name: str, slug: str | None, package: str, tmp_path: Path) -> None:
    project = bake(tmp_path, project_name=name)
    assert slug in (None, project.name)
    assert [path.name for path in (project / "src").iterdir()] == [package]


def commits(project: Path) -> str:
    """Return the authors and subjects of all commits of *project*."""
    return run("git", "log", "--format=%an: %s", cwd=project)


def test_first_commit_is_the_users(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    project = bake(tmp_path, project_name="Ünïcode 🚀")
    assert commits(project) == "Ada: Start Ünïcode 🚀\n"
    assert "unicode: one commit on main\n" in capfd.readouterr().err


def test_inside_another_repository_nothing_is_committed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run("git", "init", "--quiet", cwd=tmp_path)
    project = bake(tmp_path)
    assert not (project / ".git").exists()
    assert run("git", "status", "--porcelain", cwd=tmp_path) == "?? flight-delays/\n"
    assert "part of the repository" in capfd.readouterr().err


def test_folder_that_another_repository_ignores_gets_its_own(tmp_path: Path) -> None:
    run("git", "init", "--quiet", cwd=tmp_path)
    (tmp_path / ".gitignore").write_text("/build/\n", encoding="utf-8")
    assert commits(bake(tmp_path / "build/demo")) == "Ada: Start Flight Delays\n"


def test_git_hook_that_bakes_keeps_its_own_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    other.mkdir()
    run("git", "init", "--quiet", cwd=other)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git/index"))
    project = bake(tmp_path / "new")
    monkeypatch.delenv("GIT_DIR")
    monkeypatch.delenv("GIT_INDEX_FILE")
    assert commits(project) == "Ada: Start Flight Delays\n"
    assert run("git", "count-objects", cwd=other).startswith("0 objects")


def test_without_git_the_bake_works_and_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    project = bake(tmp_path)
    assert not (project / ".git").exists()
    assert "git is not installed" in capfd.readouterr().err


def test_without_an_identity_the_author_commits(
    tmp_path: Path, machine_git: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    machine_git.write_text("[user]\n\tuseConfigOnly = true\n", encoding="utf-8")
    project = bake(tmp_path, author="Zoë O'Neil")
    assert run("git", "log", "--format=%an <%ae>", cwd=project) == "Zoë O'Neil <zoe-o-neil@localhost>\n"
    assert "git knows no user.name here" in capfd.readouterr().err


def test_commit_that_git_refuses_does_not_fail_the_bake(
    tmp_path: Path, machine_git: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    signing = "[user]\n\tname = Ada\n\temail = a@b.c\n[commit]\n\tgpgsign = true\n[gpg]\n\tprogram = no-such-program\n"
    machine_git.write_text(signing, encoding="utf-8")
    project = bake(tmp_path)
    assert (project / ".dvc/config").exists()
    assert re.search(r"no commit: git commit .* said: .*no-such-program", capfd.readouterr().err, re.DOTALL)


def test_first_commit_runs_no_hook_that_the_machine_has(tmp_path: Path, machine_git: Path) -> None:
    hooks = tmp_path / "template/hooks"
    hooks.mkdir(parents=True)
    hooks.joinpath("pre-commit").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    hooks.joinpath("pre-commit").chmod(0o755)
    settings = f"[user]\n\tname = Ada\n\temail = a@b.c\n[init]\n\ttemplateDir = {hooks.parent}\n"
    machine_git.write_text(settings, encoding="utf-8")
    assert commits(bake(tmp_path)) == "Ada: Start Flight Delays\n"


def test_files_that_the_user_ignores_everywhere_are_committed(tmp_path: Path, machine_git: Path) -> None:
    (machine_git.parent / "ignore").write_text(".editorconfig\n*.yaml\n", encoding="utf-8")
    config = f"[user]\n\tname = Ada\n\temail = a@b.c\n[core]\n\texcludesFile = {machine_git.parent / 'ignore'}\n"
    machine_git.write_text(config, encoding="utf-8")
    assert ".editorconfig\n" in run("git", "ls-files", cwd=bake(tmp_path))


def test_bake_over_an_existing_repository_leaves_its_history_alone(tmp_path: Path) -> None:
    project = bake(tmp_path)
    (project / ".editorconfig").write_text("mine\n", encoding="utf-8")
    run("git", "commit", "--quiet", "--all", "--message", "Mine", cwd=project)
    run("cookiecutter", str(TEMPLATE), "--no-input", "--overwrite-if-exists", cwd=tmp_path)
    assert commits(project) == "Ada: Mine\nAda: Start Flight Delays\n"
    assert run("git", "status", "--porcelain", cwd=project) == " M .editorconfig\n"
