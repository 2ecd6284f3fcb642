"""The command-line program: one subcommand per verb, each the main function of a module or package of that name."""

import importlib

import click

VERBS = {  # in the order of a model's life; imported only when called, because some take seconds
    "adopt": "replace the demo by a table of your own",
    "ingest": "bring the raw table in",
    "validate": "hold the table against the contract",
    "split": "hold out the test part",
    "train": "fit the model and record the run",
    "evaluate": "measure the model on the test part",
    "export": "write the model for serving, proved equal",
    "review": "compare with the champion and decide",
    "registry": "register, promote, roll back, list, import",
    "serve": "answer requests on this machine",
    "score": "answer a whole table, as the service would",
    "monitor": "compare what production sees with what the model was judged on",
    "image": "build, prove and push the scoring image",
    "overlay": "say which image staging and production run",
    "smoke": "send a service real requests and compare the answers",
    "contract_diff": "say what changed in the contract, and whether callers break",
    "reference": "describe contract.yaml and params.yaml in docs/",
}


ELSEWHERE = {"overlay": "image.overlay"}  # verbs that are not the name of a module


class Verbs(click.Group):
    """A group whose commands are the modules and packages below this one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of a model's life."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return the main function of the verb *name*."""
        if name not in VERBS:
            return None
        module = importlib.import_module(f".{ELSEWHERE.get(name, name)}", __package__)
        if hasattr(module, "__path__"):
            module = importlib.import_module(".command", module.__name__)
        command: click.Command = module.main
        command.name = name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.command(cls=Verbs)
def main() -> None:
    """Train, review and serve the model of this repository; `dvc repro` runs the pipeline's stages in order."""
