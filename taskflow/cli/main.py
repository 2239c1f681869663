"""`taskflow`: the tree of commands. A new one is a line in `TREE`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import rich_click as click

from taskflow.cli import exits
from taskflow.cli.invocation import Invocation
from taskflow.cli.tree import Entry, Group

JOBS, FLEET, SETUP = "Jobs", "Queues and workers", "Setting up"

TREE = {
    "enqueue": Entry("taskflow.cli.enqueue:enqueue", JOBS, "Enqueue jobs."),
    "jobs": Entry("taskflow.cli.jobs:jobs", JOBS, "List, show, retry, cancel, export jobs."),
    "operations": Entry(
        "taskflow.cli.operations:operations", JOBS, "Acts on many jobs, in the background."
    ),
    "why": Entry("taskflow.cli.why:why", JOBS, "Why a job is where it is."),
    "dlq": Entry("taskflow.cli.dlq:dlq", JOBS, "The dead-letter queue, by kind of failure."),
    "workflow": Entry("taskflow.cli.workflow:workflow", JOBS, "Workflows, runs and their steps."),
    "batches": Entry("taskflow.cli.batches:batches", JOBS, "Jobs that are counted together."),
    "worker": Entry("taskflow.cli.worker:command", FLEET, "Serve queues until told to stop."),
    "serve": Entry("taskflow.cli.serve:command", FLEET, "Serve the REST API."),
    "top": Entry("taskflow.cli.top:top", FLEET, "Live view of queues, workers and failures."),
    "queues": Entry("taskflow.cli.queues:queues", FLEET, "List, pause and resume queues."),
    "limits": Entry("taskflow.cli.limits:limits", FLEET, "How many jobs at once, and how fast."),
    "workers": Entry("taskflow.cli.workers:workers", FLEET, "Worker processes and their leases."),
    "tasks": Entry("taskflow.cli.tasks:tasks", FLEET, "Published tasks and who can run them."),
    "schedules": Entry("taskflow.cli.schedules:schedules", FLEET, "List, make, pause, backfill."),
    "tenants": Entry("taskflow.cli.tenants:tenants", SETUP, "Roles that may name a tenant."),
    "keys": Entry("taskflow.cli.keys:keys", SETUP, "Keys of the REST API."),
    "users": Entry("taskflow.cli.users:users", SETUP, "Users of the REST API."),
    "audit": Entry("taskflow.cli.users:show_audit", SETUP, "Who changed what through the API."),
    "demo": Entry("taskflow.cli.demo:demo", SETUP, "See it at work, from nothing."),
    "doctor": Entry("taskflow.cli.doctor:doctor", SETUP, "Check everything; say how to fix it."),
    "db": Entry("taskflow.cli.db:db", SETUP, "Install, upgrade and verify the schema."),
    "config": Entry("taskflow.cli.config:config", SETUP, "Settings in force and their origins."),
    "bench": Entry("taskflow.cli.bench:bench", SETUP, "Measure it here, beside bare SQL."),
    "completion": Entry("taskflow.cli.completion:completion", SETUP, "Shell completion."),
}


class Root(Group):
    """The top of the tree: every run ends here, in an exit code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: ARG002 - click's signature
        **extra: Any,
    ) -> NoReturn:
        invocation = extra.setdefault("obj", Invocation())
        given = list(sys.argv[1:] if args is None else args)
        name = prog_name or "taskflow"
        self._main_shell_completion(extra, name, complete_var)

        def run() -> None:
            with self.make_context(name, given, **extra) as context:
                invocation.note_environment()
                self.invoke(context)

        sys.exit(exits.guarded(run, invocation))


@click.command(
    cls=Root,
    lazy=TREE,
    examples=[
        """taskflow enqueue email.receipt '{"order_id": 42}' --delay 5m""",
        "taskflow why 4711",
    ],
    context_settings={
        "help_option_names": ["-h", "--help"],
        "rich_help_config": {
            "theme": "default-slim",
            "text_markup": None,
            "max_width": 100,
            "options_table_help_sections": ["help", "required"],
            "options_table_column_types": ["opt_short", "opt_long", "metavar", "help"],
        },
    },
)
@click.version_option(package_name="taskflow-pg", message="%(prog)s %(version)s")
def cli() -> None:
    """Background jobs in the Postgres you already run."""


def main() -> NoReturn:
    """The console script."""
    cli.main()


if __name__ == "__main__":
    main()
