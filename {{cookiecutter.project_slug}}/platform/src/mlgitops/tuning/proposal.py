"""Writes what a search has found: its evidence, and its winner as a commit on the branch `tune`."""

from dataclasses import asdict, replace
from pathlib import Path

from ..common import files
from . import commit
from .evidence import Evidence
from .params_file import with_settings

PARAMS, REPORTS = Path("params.yaml"), Path("reports")
JSON, PAGE = "tuning.json", "tuning.md"


def propose(evidence: Evidence) -> str:
    """Write the evidence to reports/, and the winner, if there is one, to a commit; return where it is."""
    proposed = ""
    reason = commit.uncommitted()
    texts = {f"docs/{JSON}": files.to_json(asdict(evidence)), f"docs/{PAGE}": evidence.markdown()}
    if evidence.is_better:
        text = with_settings(PARAMS.read_text(encoding="utf-8"), evidence.best.settings)
        if reason:
            files.write(PARAMS, text)
        else:
            proposed = commit.commit({"params.yaml": text, **texts}, evidence.title)
    evidence = replace(evidence, proposed=proposed)
    evidence.save(REPORTS / JSON)
    files.write(REPORTS / PAGE, texts[f"docs/{PAGE}"])
    if proposed:
        return f"branch {commit.BRANCH}: {evidence.title}; `git merge {commit.BRANCH}` takes it"
    if evidence.is_better:
        return f"params.yaml: written, but no commit ({reason}); reports/{PAGE} has the evidence"
    return f"params.yaml stays as it is; reports/{PAGE} has the evidence"
