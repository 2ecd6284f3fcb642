"""The command-line program: one subcommand per verb; each is the function `main` of a module."""

import importlib

import click

# verb: (module and, for a member of a group, its subcommand; help text), in the order of a model's life
VERBS = {
    "adopt": ("onboard.command", "replace the demo with your own table"),
    "append": ("data.delivery append", "add the rows of a delivery to the table"),
    "replace": ("data.delivery replace", "put a delivery in the place of the table"),
    "contract-diff": ("data.contract_diff", "show what changed in contract and rows, and whether it breaks clients"),
    "ingest": ("data.ingest", "read the table from its source"),
    "validate": ("data.validate", "check the table against the contract"),
    "split": ("data.split", "split off the test set"),
    "train": ("model.train", "fit the model and record the run in MLflow"),
    "tune": ("tuning.command", "search for better settings of the model, and propose them as a commit"),
    "evaluate": ("model.evaluate", "evaluate the model on the test set"),
    "export": ("model.export", "export the model to ONNX and verify it against the trained one"),
    "review": ("review.command", "compare the model with the champion and apply the gates"),
    "register": ("registry.command register", "register the reviewed model as a version, the challenger"),
    "promote": ("github.promote", "put a version, or the previous champion, into production"),
    "history": ("registry.command history", "list all promotions: which version was champion when"),
    "lineage": ("lineage.command", "show what made a version, image, service, prediction or file"),
    "card": ("lineage.card", "write the model card of a version, and a skeleton of its technical documentation"),
    "rebuild": ("lineage.rebuild", "make the model of a version again, and compare it byte for byte"),
    "status": ("lineage.site status", "show what runs where since when, how good it is, and what is open"),
    "site": ("lineage.site site", "write status, reviews, cards and history as pages for everybody"),
    "prune": ("lineage.prune", "delete data, models and runs that no kept version needs"),
    "registry": ("registry.command", "show, import and fetch versions, and set the champion without a deployment"),
    "score": ("batch.score", "score a table; the predictions equal those of the service"),
    "validate-spark": ("batch.spark_table", "check a table of Spark against the contract, and profile it"),
    "collect": ("monitoring.collect", "move the closed files of the prediction log to the storage"),
    "performance": ("monitoring.production_report", "measure production by period, from predictions and outcomes"),
    "shadow": ("review.shadow", "score the prediction log with another model, and compare with what was answered"),
    "monitor": ("monitoring.drift", "measure the drift of recent rows against the test set"),
    "alarm": ("monitoring.alarm", "decide about an alarm from the reports of performance and monitor"),
    "pull-store": ("store.branch pull", "pull shared data, models and history from the branch `store`"),
    "push-store": ("store.branch push", "push the history to the branch `store`; run `dvc push` first"),
    "client": ("contract.python_client", "write a typed Python client of the service, a package for callers"),
    "serve": ("serving.serve", "run the service on this machine"),
    "smoke": ("serving.smoke", "send example requests to a service and verify the predictions"),
    "load": ("serving.load", "send a service requests from many callers, and measure rate and latency"),
    "image": ("image.command", "build, verify and push the scoring image"),
    "push-image": ("image.command push", "push the most recently built image"),
    "overlay": ("image.overlay", "show or pin the image of staging, production, or the canary"),
    "tag": ("github.release tag", "tag the commit with the version of the most recently pushed image"),
    "deploy": ("github.deploy run", "deploy the version that git specifies to staging or production"),
    "approved": ("github.release approved", "check that dvc.lock is the one that main has approved"),
    "verify": (
        "github.deploy verify",
        "verify who made the image of an environment: signature, attestation",
    ),
    "champion": ("github.deploy champion", "make the version in production the champion"),
    "deploy-failed": ("github.deploy failed", "report a failed deployment and open a pull request that reverts it"),
    "summary": ("github.comment summary", "print the review of this change"),
    "comment": ("github.comment post", "post the review as a comment on the pull request of a workflow"),
    "write-back": ("github.write_back", "push dvc.lock to the branch and start its checks"),
    "propose-tuning": ("github.tuning", "open the pull request of what tune has proposed"),
    "refresh-if-due": ("github.refresh", "read the data again, and keep it if a training is worth it"),
    "report-alarm": ("github.alarm", "open or update the issue of an alarm, and start a training on new data"),
    "report-failure": ("github.failure", "open or update the issue that a scheduled run has failed"),
    "with-store": ("store.branch share", "run a command on the newest history and push the result"),
    "update-template": ("github.template", "open a pull request with the updates of the template"),
    "setup-github": ("github.repository", "apply the rules and environments in .github/"),
    "platform-changes": ("common.integrity", "list the files in platform/ that differ from the release"),
    "reference": ("contract.reference", "write the reference pages of contract.yaml and params.yaml to docs/"),
}


class Verbs(click.Group):
    """A group whose commands are imported only when they are called, and whose unexpected errors are explained."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a verb in its project; an exception that nothing has handled becomes a ProjectError."""
        importlib.import_module(".common.project", __package__).root()  # refuses the platform of another project
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click handles them
        except Exception as error:
            raise importlib.import_module(".common.failures", __package__).explained(error) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of a model's life."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import and return the command of the verb *name*."""
        if name not in VERBS:
            return None
        module, *subcommands = VERBS[name][0].split()
        command: click.Command = importlib.import_module(f".{module}", __package__).main
        for subcommand in subcommands:
            command = command.commands[subcommand]  # type: ignore[attr-defined]  # a group
        command.name = name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs without importing their modules."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in VERBS.items()])


@click.command(cls=Verbs)
def main() -> None:
    """Train, review and serve the model of this repository; `dvc repro` runs the pipeline's stages in order."""
