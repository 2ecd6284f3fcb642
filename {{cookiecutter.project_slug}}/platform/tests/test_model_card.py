"""A model card says what data, model and git say, what the owner says, and what is still to be written."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import gitops
from helpers.git import git

from mlgitops.common import files
from mlgitops.common.errors import ProjectError
from mlgitops.data.profile import Profile
from mlgitops.image.model_card import model_card
from mlgitops.lineage import card
from mlgitops.lineage.origin import Origin
from mlgitops.model import export
from mlgitops.registry.owner_card import FILE, OwnerCard

SLICE = {"column": "city", "value": "Lyon", "rows": 7, "score": 0.25}
OWNER = OwnerCard(owner="@team", intended_use="Prices <b>now</b>", limits="a | b", risks="loss", oversight="a clerk")
ORIGIN = Origin("7", 0, (), None, None, "run", None, "houses.csv: 9 rows", {"model_sha256": "f" * 64}, {}, None, ())


@pytest.fixture
def model(exported: Path, tmp_path: Path) -> Path:
    """Return an exported model that was evaluated on a slice."""
    folder = tmp_path / "model"
    shutil.copytree(exported, folder)
    manifest = files.read_json(folder / "manifest.json")
    files.write_json(folder / "manifest.json", {**manifest, "slices": [SLICE]})
    return folder


def test_a_bill_of_materials_has_the_card_of_its_model(model: Path) -> None:
    document = model_card(model, OWNER)
    parameters = document["modelParameters"]
    assert parameters["task"] == "binary"
    part = Profile.load(model / "profile.json").parts["test"]
    facts = {entry["name"]: entry["value"] for entry in parameters["datasets"][-1]["contents"]["properties"]}
    assert facts == {"rows": str(part.rows), "sha256": part.sha256, "md5": part.md5, "purpose": "evaluation"}
    metrics = document["quantitativeAnalysis"]["performanceMetrics"]
    assert metrics == [
        {"type": "score", "value": "1.0"},
        {"type": "score", "value": "0.25", "slice": "city = Lyon"},
    ]
    assert document["considerations"] == {
        "useCases": [OWNER.intended_use],
        "technicalLimitations": ["a | b"],
        "ethicalConsiderations": [{"name": "loss", "mitigationStrategy": "a clerk"}],
    }
    assert "considerations" not in model_card(model, OwnerCard())


def test_an_imported_model_has_a_card_without_what_nobody_knows(model: Path) -> None:
    manifest = files.read_json(model / "manifest.json")
    for name in ("params", "metrics", "slices"):
        del manifest[name]
    del manifest["files"]["profile.json"]
    files.write_json(model / "manifest.json", manifest)
    (model / "profile.json").unlink()
    document = model_card(model, OwnerCard())
    assert document.keys() == {"modelParameters"}
    assert document["modelParameters"].keys() == {"approach", "task", "inputs", "outputs"}
    text = card.pages(ORIGIN, model, OwnerCard(), names=False)[card.ANNEX]
    assert "an imported model" in text


def test_the_pages_quote_what_is_known_and_name_what_is_missing(model: Path) -> None:
    pages = card.pages(ORIGIN, model, OWNER, names=False)
    text = pages[card.CARD]
    assert "f" * 64 in text
    assert "houses.csv" in text
    assert "| `city` | `Lyon` | 7 | 0.2500 |" in text
    assert text.count(card.MISSING) == 4  # contact, users, affected people, out of scope
    for page in pages.values():
        assert "<b>" not in page
        assert "@team" not in page
    headings = [line for line in pages[card.ANNEX].splitlines() if line.startswith("## ")]
    assert [heading.split(".")[0] for heading in headings] == [f"## {number}" for number in range(1, 10)]
    assert "**Intended use.** Prices &#60;b&#62;now" in text
    assert (
        card.MISSING
        not in card.pages(ORIGIN, model, OwnerCard(**dict.fromkeys(card.STATED.values(), "x")), False)[card.CARD]
    )


def test_approvals_are_the_commits_of_git_and_people_are_named_only_on_demand(
    model: Path, origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = gitops.project(origin, tmp_path / "project")
    monkeypatch.chdir(folder)
    gitops.lock(folder, train="2", export="2")
    made = gitops.push(folder, "Merge the model (#3)")
    declared = gitops.declare(folder, gitops.IMAGES[0])
    gitops.declare(folder, gitops.IMAGES[1])
    version = Origin("7", 0, (), made, None, None, None, None, {}, {}, gitops.IMAGES[0], ("staging",))
    assert [entry.commit for entry in card.approvals(version)] == [made, declared]
    quiet, named = (card.pages(version, model, OWNER, names)[card.CARD] for names in (False, True))
    assert ("Ada" in quiet, "Ada" in named) == (False, True)
    assert "Merge the model" in quiet
    assert gitops.IMAGES[0] in quiet
    for commit in (f"{made}-dirty", "0" * 40, None):  # not committed, not here, not known
        assert [entry.commit for entry in card.approvals(replace(version, commit=commit))] == [declared]
    git("remote", "remove", "origin", cwd=folder)
    assert [entry.commit for entry in card.approvals(version)] == [made]


def test_a_mistake_in_the_owners_card_names_file_and_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlgitops.registry.owner_card.root", lambda: tmp_path)
    assert OwnerCard.of_project() == OwnerCard()
    (tmp_path / FILE).write_text("owner: Ada\nintended: x\n", encoding="utf-8")
    with pytest.raises(ProjectError, match=rf"{FILE}:2: intended: no such setting"):
        OwnerCard.of_project()


def test_the_exported_model_has_the_metric_of_each_slice(tmp_path: Path) -> None:
    (tmp_path / "slices.csv").write_text(
        "column,value,rows,roc_auc\nfloor,01,5,0.5\ncity,NA,6,0.75\n", encoding="utf-8"
    )
    (tmp_path / "importance.csv").write_text("feature,importance,std\n", encoding="utf-8")
    assert export._by_part(tmp_path)["slices"] == [
        {"column": "floor", "value": "01", "rows": 5, "roc_auc": 0.5},
        {"column": "city", "value": "NA", "rows": 6, "roc_auc": 0.75},
    ]
