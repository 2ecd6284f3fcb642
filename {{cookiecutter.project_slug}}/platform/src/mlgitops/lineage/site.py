"""The status as a page, and with the reviews and cards of all releases and the history as a site for everybody."""

import re
from pathlib import Path

import click
from markdown_it import MarkdownIt
from markupsafe import Markup

from ..common import files
from ..common.html import render
from ..common.provenance import short
from ..github import artifacts
from ..review.pages.charts import lines
from . import card, command
from .status import DRIFT, PERFORMANCE, Status, day, status, with_reports

PAGE, SITE = Path("reports/status.html"), Path("build/site")
SHOWN_PERIODS = 26


def page(state: Status, site: bool = False, missing: tuple[str, ...] = ()) -> str:
    """Return the page of the status; in a site, it links to the other pages, except the *missing* cards."""
    periods = state.performance.periods[-SHOWN_PERIODS:] if state.performance else ()
    scored = [(float(n), p.score.value) for n, p in enumerate(periods, 1) if p.score.value is not None]
    points = [(x, y) for x, y in scored if y is not None]
    label = state.performance.metric if state.performance else ""
    chart = lines({"candidate": points}, "period", label, dots=True) if len(points) > 1 else None
    tools = {"short": short, "day": day, "shown": _shown}
    return render(
        "lineage/status.html.j2", status=state, periods=periods, chart=chart, site=site, missing=missing, **tools
    )


def _shown(at: str) -> str:
    """Return a time in ISO format as date, hour and minute."""
    return at[:16].replace("T", " ")


def document(title: str, markdown: str) -> str:
    """Return a page with the Markdown of a review or a card; HTML in it is no markup, and folded sections are open."""
    plain = re.sub(r"</?(?:details|summary|code|br)\s*/?>", " ", markdown)
    return render("lineage/document.html.j2", title=title, content=Markup(MarkdownIt("js-default").render(plain)))  # noqa: S704


def text(state: Status) -> str:
    """Return the status for a terminal."""
    lines_ = []
    for place in state.environments:
        runs = (
            f"version {place.version or 'unknown'} since {place.since} ({place.approval})" if place.image else "nothing"
        )
        lines_.append(f"{place.name:12} {runs}")
    performance = state.performance
    said = f"{'ALARM: ' + '; '.join(performance.reasons) if performance.reasons else 'no alarm'}" if performance else ""
    lines_.append(f"{'performance':12} {f'{said} (until {performance.until})' if performance else 'not measured here'}")
    drift = state.drift
    lines_.append(f"{'drift':12} {', '.join(drift.drifted) or 'none' if drift else 'not measured here'}")
    lines_ += [f"{item.kind:12} #{item.number} {item.title}" for item in state.items]
    return "\n".join([*lines_, *([f"{'open':12} not known: {state.unasked}"] if state.unasked else [])])


def site(state: Status, folder: Path) -> list[str]:
    """Write the site to *folder*; return the versions whose model is not in the registry, so that they have no card."""
    documents, missing = dict[Path, tuple[str, str]](), []
    for release in state.releases:
        name = f"Review of version {release.version}"
        documents[Path(f"review-v{release.version}.html")] = (name, release.review or "It has no review.")
    known = command.known() if state.releases else ()
    for release in state.releases:
        pages = card.of_version(release.version, known)
        if pages is None:
            missing.append(release.version)
        else:
            documents[Path(f"card-v{release.version}.html")] = (f"Model card of version {release.version}", pages)
    with files.replacing(folder) as new:
        new.mkdir()
        files.write(new / "index.html", page(state, True, tuple(missing)))
        for path, (title, content) in documents.items():
            files.write(new / path, document(title, content))
    return missing


@click.command(name="status")
def show() -> None:
    """Show what runs where since when, how good it is, and what is open; write it to reports/status.html."""
    state = status()
    files.write(PAGE, page(state))
    click.echo(text(state))
    click.echo(f"look at {PAGE}")


@click.command(name="site")
def build() -> None:
    """Write the status, the reviews and cards of all releases, and the history to build/site, for everybody to read."""
    state = status()
    if not state.unasked:  # GitHub answers
        artifacts.fetch_production(PERFORMANCE.parent, (PERFORMANCE.name, DRIFT.name))
        state = with_reports(state)
    missing = site(state, SITE)
    click.echo(f"{SITE}: {len(list(SITE.iterdir()))} pages")
    if missing:
        click.echo(f"without a card, because the registry has no such version: {', '.join(missing)}", err=True)


@click.group()
def main() -> None:
    """Show the status of the project."""


main.add_command(show)
main.add_command(build)
