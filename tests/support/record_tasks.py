"""A task for child processes that reports while it runs; `tf` is pointed at a database by tests."""

from __future__ import annotations

import logging
from pathlib import Path

from taskflow import Context, Taskflow
from tests.support.waiting import until

tf = Taskflow("postgresql://nobody@127.0.0.1:1/nowhere")
shop = logging.getLogger("shop.render")


@tf.task(run_in="process")
def render(ctx: Context, go_file: str) -> list[int]:
    number = ctx.step("number", int, "7")
    ctx.progress(1, 2, "begun")
    ctx.log.info("from ctx.log")
    shop.info("from a library")
    until(lambda: Path(go_file).exists(), seconds=60)
    shop.info("the end")
    ctx.progress(2, 2)
    return [number, 7]
