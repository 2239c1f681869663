"""What can be wrong with workflows, runs and batches: leaves of the tree in `errors.py`."""

from __future__ import annotations

from taskflow.errors import RunError, TaskflowError


class InvalidWorkflow(TaskflowError):
    """A definition of a workflow cannot be saved or run; `place` says where in it the fault is."""

    code = "TF160"

    @property
    def place(self) -> str:
        """As in "nodes.fetch.needs[0]"."""
        return self.message.partition(": ")[0]


class WorkflowNotFound(TaskflowError):
    """No workflow is saved under this name, or not this version of it."""

    code = "TF161"


class RunNotFound(TaskflowError):
    """No run of a workflow has this id, or it was pruned after its retention."""

    code = "TF162"


class RunStateConflict(TaskflowError):
    """The run is not in a state that allows this."""

    code = "TF163"


class BatchNotFound(TaskflowError):
    """No batch has this id, or it was pruned after its retention."""

    code = "TF164"


class BatchStateConflict(TaskflowError):
    """The batch is closed, or the job belongs to another one."""

    code = "TF165"


class RunFailed(RunError):
    """The run of a workflow that was waited for has failed."""

    code = "TF320"


class RunCancelled(RunError):
    """The run of a workflow that was waited for was cancelled."""

    code = "TF321"
