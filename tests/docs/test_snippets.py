"""Every code block of the README and the pages is run, as a reader would run it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from taskflow.store import embedded
from tests.support.db import TestServer
from tests.support.snippets import EMBEDDED, RUNNABLE, Block, Reader, blocks, environment, read
from tests.support.sources import ROOT, shown

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def is_run(block: Block) -> bool:
    return block.language in RUNNABLE and "skip" not in block.marks


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(map(is_run, blocks(page)))], ids=shown
)
def test_the_code_of_a_page_runs(
    page: Path, tmp_path: Path, server: TestServer, stack: ExitStack
) -> None:
    if page.read_text(encoding="utf-8").startswith(EMBEDDED):
        stack.callback(embedded.stop, tmp_path / embedded.DEFAULT_DIRECTORY)
        read(page, tmp_path, None, stack)
    else:
        dsn = server.create()
        stack.callback(server.drop, dsn)
        read(page, tmp_path, dsn, stack)


def test_a_skipped_block_says_why() -> None:
    silent = [
        block.where for page in PAGES for block in blocks(page) if block.marks.get("skip") == ""
    ]
    assert not silent


def test_the_runner_notices_what_goes_wrong(tmp_path: Path) -> None:
    """A runner that runs nothing would pass every page."""
    reader = Reader(tmp_path, environment(None))
    page = tmp_path / "page.md"
    page.write_text("```bash\nexit 3\n```\n")
    with pytest.raises(AssertionError, match="ended with 3"):
        reader.follow(page)
    page.write_text("```python\nprint('a b')\n```\n\n```text output\na c\n```\n")
    with pytest.raises(AssertionError, match="this was printed"):
        reader.follow(page)
    page.write_text("```python\nprint('a 17 b')\n```\n\n```text output\na ... b\n```\n")
    reader.follow(page)
    page.write_text("```sql skip=no-database\nselect 1/0\n```\n")
    reader.follow(page)
