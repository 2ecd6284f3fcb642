"""The lineage of a version: from the data that made it to where it runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..common.record import Record
from ..github.tags import Release

DATA = "dvc/"  # prefix of the tags that hold the MD5 of an output of the pipeline
DIGESTS = ("manifest_sha256", "model_sha256", "pipeline_sha256", "train_sha256", "test_sha256", "contract_sha256")
MIN_DIGEST = 7  # characters of a digest that identify something
LOCKS = ("uv.lock_sha256", "dvc.lock_sha256", "review_sha256")


@dataclass(frozen=True)
class Origin(Record):
    """A version: its commit and run, the digests of all that made it, its image, and the environments that run it.

    *created* is the time in milliseconds since 1970, *files* are the outputs of the pipeline with the MD5 under which
    DVC keeps them.
    """

    version: str
    created: int
    aliases: tuple[str, ...]
    commit: str | None
    run_id: str | None
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
        values = {*self.digests.values(), *self.files.values(), *image, self.commit, self.run_id}
        return any(value.startswith(wanted) for value in values if value)


def origins(
    versions: Iterable[Any],
    aliases: Mapping[str, str],
    releases: Iterable[Release],
    running: Mapping[str, str],
) -> tuple[Origin, ...]:
    """Return the lineage of *versions* of MLflow's registry.

    *aliases* name versions, *running* are the images of environments.
    """
    images = {release.version: release.image for release in releases}
    return tuple(_origin(version, aliases, images.get(str(version.version)), running) for version in versions)


def _origin(version: Any, aliases: Mapping[str, str], image: str | None, running: Mapping[str, str]) -> Origin:
    number, tags = str(version.version), version.tags
    return Origin(
        version=number,
        created=int(version.creation_timestamp or 0),
        aliases=tuple(sorted(alias for alias, named in aliases.items() if str(named) == number)),
        commit=tags.get("git_commit"),
        run_id=version.run_id or None,
        digests={name: tags[name] for name in (*DIGESTS, *LOCKS) if name in tags},
        files={name.removeprefix(DATA): md5 for name, md5 in tags.items() if name.startswith(DATA)},
        image=image,
        environments=tuple(name for name, pinned in running.items() if image and pinned == image),
    )
