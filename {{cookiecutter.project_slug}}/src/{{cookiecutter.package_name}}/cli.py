"""The command-line program: one subcommand per verb, each the main function of a module or package of that name."""

import importlib

import click

VERBS = {  # in the order of a model's life: where it is, which is imported only when called, and what it does
    "adopt": ("adopt", "replace the demo by a table of your own"),
    "diff": ("contract_diff", "say what changed in the contract, and whether callers break"),
    "ingest": ("ingest", "bring the raw table in"),
    "validate": ("validate", "hold the table against the contract"),
    "split": ("split", "hold out the test part"),
    "train": ("train", "fit the model and record the run"),
    "evaluate": ("evaluate", "measure the model on the test part"),
    "export": ("export", "write the model for serving, proved equal"),
    "review": ("review", "compare with the champion and decide"),
    "register": ("registry register", "make the reviewed model a version, the challenger"),
    "promote": ("gitops.promote", "put a version into production, or the one before it"),
    "history": ("registry history", "say which version was champion when"),
    "registry": ("registry", "show, import and fetch versions, and move the champion alone"),
    "score": ("score", "answer a whole table, as the service would"),
    "monitor": ("monitor", "compare what production sees with what the model was judged on"),
    "pull": ("store pull", "bring the data, models and history that others have shared"),
    "share": ("store push", "share the history with others, after dvc push"),
    "serve": ("serve", "answer requests on this machine"),
    "smoke": ("smoke", "send a service real requests and compare the answers"),
    "image": ("image", "build, prove and push the scoring image"),
    "push": ("image push", "push the image that was built last"),
    "overlay": ("image.overlay", "say which image staging and production run"),
    "tag": ("gitops.tags", "tag the commit as the version whose image was pushed last"),
    "deploy": ("gitops.deploy run", "make staging or production run what git says"),
    "champion": ("gitops.deploy champion", "make the version that production runs the champion"),
    "deploy-failed": ("gitops.deploy failed", "say so in the pull request, and open the one that goes back"),
    "summary": ("gitops.comment summary", "print the page about the model of this change"),
    "comment": ("gitops.comment post", "show it in the pull request of a workflow"),
    "retrained": ("gitops.retrained", "write dvc.lock back to the branch, and start its checks"),
    "shared": ("store share", "run a command on the newest history, and share what it has added"),
    "update": ("gitops.template", "bring what the template has learned, as a pull request"),
    "github": ("gitops.settings", "apply the rules and environments in .github/"),
    "reference": ("reference", "describe contract.yaml and params.yaml in docs/"),
}


class Verbs(click.Group):
    """A group whose commands are the modules and packages below this one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of a model's life."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return the function of the verb *name*."""
        if name not in VERBS:
            return None
        place, *words = VERBS[name][0].split()
        module = importlib.import_module(f".{place}", __package__)
        if hasattr(module, "__path__"):
            module = importlib.import_module(".command", module.__name__)
        command: click.Command = module.main
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
