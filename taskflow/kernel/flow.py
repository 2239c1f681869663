"""The values that stand for rows of workflows: saved definitions, runs, steps; and batches."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

RunState = Literal["running", "succeeded", "failed", "cancelled", "compensating"]
BatchState = Literal["open", "running", "succeeded", "failed"]


class Workflow(msgspec.Struct, frozen=True):
    """A saved definition, `definition` as JSON."""

    name: str
    version: int
    definition: msgspec.Raw
    created_at: datetime
    created_by: str


class WorkflowLine(msgspec.Struct, frozen=True):
    """A workflow as lists show it: its latest version, and how many of its runs go on."""

    name: str
    version: int
    nodes: int
    running: int
    created_at: datetime
    created_by: str


class Saved(msgspec.Struct, frozen=True):
    """What became of saving a definition: saved, or unchanged since that version."""

    version: int
    outcome: str


class Started(msgspec.Struct, frozen=True):
    """What became of starting a run: started, or the run that has the key already is existing."""

    id: int
    outcome: str = "started"


class RunLine(msgspec.Struct, frozen=True):
    """One run of a workflow, with the counts of its steps."""

    tenant: str
    id: int
    workflow: str | None
    """None for a run whose definition has no name."""
    version: int | None
    state: RunState
    ending: str | None
    """How it will end once what still runs has ended."""
    key: str | None
    reason: str | None
    total: int
    succeeded: int
    skipped: int
    failed: int
    cancelled: int
    compensated: int
    created_at: datetime
    finished_at: datetime | None
    created_by: str
    root_id: int
    parent_id: int | None
    """The run that this one is a step of."""

    @property
    def is_finished(self) -> bool:
        return self.finished_at is not None


class Run(RunLine, frozen=True):
    """A run with its `input` and `output`, as JSON."""

    input: msgspec.Raw
    output: msgspec.Raw | None


class Step(msgspec.Struct, frozen=True):
    """A node of a run, or one of its items, or the compensation of either."""

    run_id: int
    no: int
    """The node's number: each comes after those that it needs."""
    node: str
    item_no: int
    """Which item of a for_each node; -1 for a node itself."""
    is_compensation: bool
    kind: str
    """task, workflow, signal or delay."""
    target: str | None
    """The name of the task, workflow or signal."""
    state: str
    """pending, waiting, skipped, failed, compensated, or as its job's."""
    job_id: int | None
    child_id: int | None
    """The run that a workflow node started."""
    attempt: int
    due_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    result: msgspec.Raw | None
    """What it gave, if something in the workflow reads it."""

    @property
    def place(self) -> int:
        """Where it stands among the steps of its node, the way pages go."""
        return -3 - self.item_no if self.is_compensation else self.item_no

    @property
    def label(self) -> str:
        """The name with the number of the item, as in "fetch[3]"."""
        return f"{self.node}[{self.item_no}]" if self.item_no >= 0 else self.node


class StepCount(msgspec.Struct, frozen=True):
    """How many items of a node are in a state; those of the node itself stand alone."""

    node: str
    is_item: bool
    state: str
    count: int


class Batch(msgspec.Struct, frozen=True):
    """A batch of jobs with its counts."""

    tenant: str
    id: int
    name: str | None
    state: BatchState
    total: int
    pending: int
    succeeded: int
    dead: int
    cancelled: int
    created_at: datetime
    closed_at: datetime | None
    finished_at: datetime | None
    cancelled_at: datetime | None
    created_by: str

    @property
    def is_finished(self) -> bool:
        return self.finished_at is not None
