"""`taskflow serve`: the REST API, until told to stop."""

from __future__ import annotations

import rich_click as click

from taskflow.cli.invocation import Invocation
from taskflow.cli.tree import Command
from taskflow.errors import ConfigurationError

DEFAULT_PORT = 8417


@click.command(
    cls=Command,
    examples=["taskflow serve", "taskflow serve --host 0.0.0.0 --port 80 --workers 4"],
)
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, metavar="PORT",
    help=f"Port to listen on ({DEFAULT_PORT}).",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, metavar="N", help="Processes to run."
)
@click.pass_obj
def command(invocation: Invocation, host: str, port: int, workers: int) -> None:
    """Serve the REST API, its description at /docs and its health at /health/ready.

    The first start prints a link by which the first administrator sets a password; nothing can be
    done before. Everything else is a setting: taskflow config show lists them as api_...
    """
    try:
        from taskflow.api import serve
    except ImportError as error:
        raise ConfigurationError(
            f"the API needs a package that is not installed: {error.name}",
            "Run pip install 'taskflow-pg[api]'.",
        ) from None
    serve.check_port(host, port)
    app = invocation.app
    token = serve.prepare(app)
    base = f"http://{'localhost' if host in ('127.0.0.1', '0.0.0.0', '::') else host}:{port}"  # noqa: S104
    if token is not None:
        invocation.talk("Nobody can log in yet. Set the password of the user admin here, once:")
        invocation.talk(f"  {base}/setup#{token}", "bold")
    invocation.talk(f"API at {base}/api/v1, its description at {base}/docs. Ctrl-C ends it.")
    serve.run(app, host=host, port=port, workers=workers)
