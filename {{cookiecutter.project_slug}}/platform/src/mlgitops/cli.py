"""The command-line program: one subcommand per verb, each the function `main` of a module of that name."""

import importlib

import click

VERBS = {  # in the order of a model's life: its module, imported only when called (then a subcommand), and what it does
    "adopt": ("onboard.command", "replace the demo by a table of your own"),
    "contract-diff": ("contract.diff", "show what changed in the contract, and whether callers break"),
    "ingest": ("data.ingest", "read the table from its source"),
    "validate": ("data.validate", "check the table against the contract"),
    "split": ("data.split", "hold out the test part"),
    "train": ("model.train", "fit the model and record the run"),
    "evaluate": ("model.evaluate", "measure the model on the test part"),
    "export": ("model.export", "write the model for serving, verified against the trained one"),
    "review": ("review.command", "compare with the champion and decide"),
    "register": ("registry.command register", "make the reviewed model a version, the challenger"),
    "promote": ("github.promote", "put a version into production, or the one before it"),
    "history": ("registry.command history", "show which version was champion when"),
    "registry": ("registry.command", "show, import and fetch versions, and move the champion alone"),
    "score": ("batch.score", "score a whole table, with the answers of the service"),
    "monitor": ("monitoring.drift", "compare recent rows with those that the model was evaluated on"),
    "pull-store": ("store.branch pull", "fetch the data, models and history that others have pushed"),
    "push-store": ("store.branch push", "push the history for others, after dvc push"),
    "serve": ("serving.serve", "answer requests on this machine"),
    "smoke": ("serving.smoke", "send a service real requests and compare the answers"),
    "image": ("image.command", "build, verify and push the scoring image"),
    "push-image": ("image.command push", "push the image that was built last"),
    "overlay": ("image.overlay", "show which image staging and production run"),
    "tag": ("github.tags", "tag the commit as the version whose image was pushed last"),
    "deploy": ("github.deploy run", "make staging or production run what git says"),
    "champion": ("github.deploy champion", "make the version that production runs the champion"),
    "deploy-failed": ("github.deploy failed", "report a failed deployment, and open the pull request that undoes it"),
    "summary": ("github.comment summary", "print the page about the model of this change"),
    "comment": ("github.comment post", "post it to the pull request of a workflow"),
    "write-back": ("github.write_back", "push dvc.lock to the branch, and start its checks"),
    "with-store": ("store.branch share", "run a command on the newest history, and push what it has added"),
    "update-template": ("github.template", "open a pull request with the updates of the template"),
    "setup-github": ("github.repository", "apply the rules and environments in .github/"),
    "platform-changes": ("common.integrity", "warn of files in platform/ that are not as released"),
    "reference": ("contract.reference", "describe contract.yaml and params.yaml in docs/"),
}


class Verbs(click.Group):
    """A group whose commands are imported only when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of a model's life."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return the function of the verb *name*."""
        if name not in VERBS:
            return None
        place, *words = VERBS[name][0].split()
        command: click.Command = importlib.import_module(f".{place}", __package__).main
        for word in words:
            command = command.commands[word]  # type: ignore[attr-defined]  # a group
        command.name = name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, does) for name, (_, does) in VERBS.items()])


@click.command(cls=Verbs)
def main() -> None:
    """Train, review and serve the model of this repository; `dvc repro` runs the pipeline's stages in order."""
