"""`taskflow jobs`: looking at jobs and acting on them."""

from __future__ import annotations

import rich_click as click

from taskflow.cli.tree import Entry, Group

LOOK, ACT = "Look", "Act"


@click.command(
    cls=Group,
    examples=[
        "taskflow jobs list --state dead --since 2h",
        "taskflow jobs retry --state dead --task email.receipt --dry-run",
    ],
    lazy={
        "list": Entry("taskflow.cli.jobs_list:list_jobs", LOOK, "List jobs, newest first."),
        "show": Entry("taskflow.cli.jobs_show:show", LOOK, "Everything known about a job."),
        "logs": Entry("taskflow.cli.jobs_logs:logs", LOOK, "What a job has said."),
        "export": Entry("taskflow.cli.jobs_export:export", LOOK, "Write jobs as NDJSON or CSV."),
        "retry": Entry("taskflow.cli.jobs_act:retry", ACT, "Run jobs again now."),
        "cancel": Entry("taskflow.cli.jobs_act:cancel", ACT, "Call jobs off."),
        "reschedule": Entry("taskflow.cli.jobs_act:reschedule", ACT, "Move a job to another time."),
        "discard": Entry("taskflow.cli.jobs_act:discard", ACT, "Give jobs up for good."),
    },
)
def jobs() -> None:
    """List, show, retry, cancel, export jobs."""
