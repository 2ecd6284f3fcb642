"""The command-line program: one subcommand per verb, each the main function of a module or package of that name."""

import importlib

import click

VERBS = {  # in the order of a model's life; imported only when called, because some take seconds
    "adopt": "replace the demo by a table of your own",
    "diff": "say what changed in the contract, and whether callers break",
    "ingest": "bring the raw table in",
    "validate": "hold the table against the contract",
    "split": "hold out the test part",
    "train": "fit the model and record the run",
    "evaluate": "measure the model on the test part",
    "export": "write the model for serving, proved equal",
    "review": "compare with the champion and decide",
    "register": "make the reviewed model a version, the challenger",
    "promote": "put a version into production, or the one before it",
    "history": "say which version was champion when",
    "registry": "show, import and fetch versions, and move the champion alone",
    "score": "answer a whole table, as the service would",
    "monitor": "compare what production sees with what the model was judged on",
    "pull": "bring the data, models and history that others have shared",
    "share": "share the history with others, after dvc push",
    "serve": "answer requests on this machine",
    "smoke": "send a service real requests and compare the answers",
    "image": "build, prove and push the scoring image",
    "push": "push the image that was built last",
    "overlay": "say which image staging and production run",
    "tag": "tag the commit as the version whose image was pushed last",
    "deploy": "make staging or production run what git says",
    "champion": "make the version that production runs the champion",
    "deploy-failed": "say so in the pull request, and open the one that goes back",
    "summary": "print the page about the model of this change",
    "comment": "show it in the pull request of a workflow",
    "retrained": "write dvc.lock back to the branch, and start its checks",
    "shared": "run a command on the newest history, and share what it has added",
    "update": "bring what the template has learned, as a pull request",
    "github": "apply the rules and environments in .github/",
    "reference": "describe contract.yaml and params.yaml in docs/",
}


ELSEWHERE = {  # verbs that are not the name of a module: which one, and which command of it
    "diff": "contract_diff",
    "register": "registry register",
    "promote": "gitops.promote",
    "history": "registry history",
    "pull": "store pull",
    "share": "store push",
    "push": "image push",
    "overlay": "image.overlay",
    "tag": "gitops.tags",
    "deploy": "gitops.deploy run",
    "champion": "gitops.deploy champion",
    "deploy-failed": "gitops.deploy failed",
    "summary": "gitops.comment summary",
    "comment": "gitops.comment post",
    "retrained": "gitops.retrained",
    "shared": "store share",
    "update": "gitops.template",
    "github": "gitops.settings",
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
        place, *words = ELSEWHERE.get(name, name).split()
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
            formatter.write_dl(list(VERBS.items()))


@click.command(cls=Verbs)
def main() -> None:
    """Train, review and serve the model of this repository; `dvc repro` runs the pipeline's stages in order."""
