"""`taskflow completion`: the script that teaches a shell our commands and options."""

from __future__ import annotations

import rich_click as click
from click.shell_completion import get_completion_class

from taskflow.cli.invocation import Invocation
from taskflow.cli.options import Word
from taskflow.cli.tree import Command

SHELLS = ("bash", "zsh", "fish")


@click.command(
    cls=Command,
    examples=[
        "taskflow completion bash > ~/.local/share/bash-completion/completions/taskflow",
        "taskflow completion fish > ~/.config/fish/completions/taskflow.fish",
    ],
)
@click.argument("shell", type=Word(SHELLS), metavar="bash|zsh|fish")
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell."""
    found = get_completion_class(shell)
    assert found is not None  # the three are click's own
    root = context.find_root()
    script = found(root.command, {}, "taskflow", "_TASKFLOW_COMPLETE").source_vars()
    text = found.source_template % script
    invocation: Invocation = context.obj
    invocation.answer_plainly({"shell": shell, "script": text}, [text])
