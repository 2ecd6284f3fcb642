"""What the template says about itself is so."""

import re

import yaml
from cookiecutter.generate import generate_context
from cookiecutter.prompt import prompt_for_config
from helpers.support import CHOICES, GENERATED, QUESTIONS, SETTINGS, TEMPLATE

README = (TEMPLATE / "README.md").read_text(encoding="utf-8")


def test_there_are_at_most_ten_questions_and_each_is_asked_in_words() -> None:
    prompts = SETTINGS["__prompts__"]
    assert len(QUESTIONS) <= 10
    assert prompts.keys() == QUESTIONS.keys()
    for question, words in CHOICES.items():
        assert prompts[question].keys() == {"__prompt__", *words}
        assert not {"y", "n", "yes", "no", "true", "false"} & set(words)


def test_readme_shows_a_command_by_line_twenty() -> None:
    first = README.splitlines()
    assert first.index("```mermaid") < first.index("```sh") < 20
    wanted = ["make demo", "make test", "cookiecutter .", "uvx cookiecutter .", "cruft create ."]
    shown = [line.partition("#")[0].strip() for line in first[first.index("```sh") + 1 :]]
    assert shown[: len(wanted)] == wanted


def test_readme_lists_every_question_as_it_is_asked() -> None:
    context = generate_context(str(TEMPLATE / "cookiecutter.json"))
    defaults = prompt_for_config(context, no_input=True)
    for question, words in SETTINGS["__prompts__"].items():
        prompt = words["__prompt__"] if isinstance(words, dict) else words
        default = ", ".join(CHOICES.get(question, [defaults[question]]))
        assert f"\n| `{question}` | {default} | {prompt} |\n".replace("|  |", "| |") in README


def test_version_is_the_newest_that_the_changelog_has_released() -> None:
    changelog = (TEMPLATE / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"(?m)^## \[(.+?)\] - (.+)$", changelog)
    released = [version for version, day in headings if day != "unreleased"]
    assert SETTINGS["__version"] == (released or [headings[0][0]])[0]


def test_workflow_of_a_project_fits_on_a_screen() -> None:
    lines = {
        path.name: len(path.read_text(encoding="utf-8").splitlines())
        for path in (GENERATED / ".github/workflows").iterdir()
    }
    assert len(lines) > 5
    assert [name for name, count in lines.items() if count > 60] == []


def test_workflows_pin_every_action_and_bound_every_job() -> None:
    for path in (TEMPLATE / ".github/workflows").iterdir():
        text = path.read_text(encoding="utf-8")
        for line in re.findall(r"uses: (.+)", text):
            assert re.fullmatch(r"\./.+|\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
        for job in yaml.safe_load(text)["jobs"].values():
            assert job["timeout-minutes"] <= (350 if path.name == "weekly.yml" else 90)
