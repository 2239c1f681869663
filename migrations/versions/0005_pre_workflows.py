"""Workflows, their runs and steps, and batches of jobs with callbacks.

Rollback: drops them all; the jobs of their steps stay, and their ends move nothing any more.
"""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute(Path(__file__).with_suffix(".down.sql").read_text())
