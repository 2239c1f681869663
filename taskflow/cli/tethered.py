"""A taskflow command that stops when its standard input ends: when whoever started it is gone.

`python -m taskflow.cli.tethered worker ...`. The demo's worker runs so: even a demo that is killed
leaves no worker behind.
"""

from __future__ import annotations

import os
import signal
import sys
import threading


def stop_at_end_of_input() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=stop_at_end_of_input, daemon=True).start()
    from taskflow.cli.main import main

    main()
