"""The lineage of a version: from the data that made it to where it runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..common.record import Record
from ..github.tags import Release
from ..registry.registration import SOURCE
from ..registry.versions import OUTPUT, RAW, TRAIN

DIGESTS = ("manifest_sha256", "model_sha256", "pipeline_sha256", "train_sha256", "test_sha256", "contract_sha256")
MIN_DIGEST = 7  # characters of a digest that identify something
LOCKS = ("uv.lock_sha256", "dvc.lock_sha256", "review_sha256")
RELEASED = {"data": "train_sha256", "contract": "contract_sha256", "model": "model_sha256", "lock": "uv.lock_sha256"}


@dataclass(frozen=True)
class Origin(Record):
    """A version: its commit and run, the digests of all that made it, its image, and the environments that run it.

    *created* is the time in milliseconds since 1970; *run_commit* is the commit that the training started from, before
    *commit*, which has the dvc.lock. *source* is where the data came from and *source_read* what was read there.
    *files* are the outputs of the pipeline with the MD5 under which DVC keeps them.
    """

    version: str
    created: int
    aliases: tuple[str, ...]
    commit: str | None
    run_commit: str | None
    run_id: str | None
    source: str | None
    source_read: str | None
    digests: dict[str, str]
    files: dict[str, str]
    image: str | None
    environments: tuple[str, ...]

    def names(self, wanted: str) -> bool:
        """Return whether *wanted* is one of the names, commits or digests of this version, or the start of a digest."""
        if wanted in {self.version, f"v{self.version}", f"model/v{self.version}", *self.aliases, *self.environments}:
            return True
        if len(wanted) < MIN_DIGEST:
            return False
        image = {self.image, (self.image or "").partition("@sha256:")[2], (self.image or "").partition("@")[2]}
        values = {*self.digests.values(), *self.files.values(), *image, self.commit, self.run_commit, self.run_id}
        return any(value.startswith(wanted) for value in values if value)


def origins(
    versions: Iterable[Any],
    aliases: Mapping[str, str],
    releases: Iterable[Release],
    running: Mapping[str, str],
) -> tuple[Origin, ...]:
    """Return the lineage of *versions* of MLflow's registry, and of *releases* that the registry does not have.

    *aliases* name versions, *running* are the images of environments.
    """
    released = {release.version: release for release in releases}
    registered = tuple(
        _origin(version, aliases, released.pop(str(version.version), None), running) for version in versions
    )
    return (*registered, *(_released(release, running) for release in released.values()))


def _origin(version: Any, aliases: Mapping[str, str], release: Release | None, running: Mapping[str, str]) -> Origin:
    number, tags = str(version.version), version.tags
    return Origin(
        version=number,
        created=int(version.creation_timestamp or 0),
        aliases=tuple(sorted(alias for alias, named in aliases.items() if str(named) == number)),
        commit=tags.get("git_commit"),
        run_commit=tags.get("run_commit"),
        run_id=version.run_id or None,
        source=tags.get(SOURCE),
        source_read=tags.get(f"{SOURCE}_read"),
        digests={name: tags[name] for name in (*DIGESTS, *LOCKS) if name in tags},
        files={name.removeprefix(OUTPUT): md5 for name, md5 in tags.items() if name.startswith(OUTPUT)},
        image=release.image if release else None,
        environments=_environments(release, running),
    )


def _released(release: Release, running: Mapping[str, str]) -> Origin:
    """Return what the tag of a version says of it, which git has even if the registry was lost."""
    facts = release.facts
    md5 = {TRAIN: facts.get("data_md5"), RAW: facts.get("raw_md5")}
    return Origin(
        version=release.version,
        created=release.created * 1000,
        aliases=(),
        commit=facts.get("commit"),
        run_commit=None,
        run_id=facts.get("run"),
        source=None,
        source_read=None,
        digests={name: facts[fact] for fact, name in RELEASED.items() if fact in facts},
        files={path: value for path, value in md5.items() if value},
        image=release.image,
        environments=_environments(release, running),
    )


def _environments(release: Release | None, running: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(name for name, pinned in running.items() if release and pinned == release.image)
