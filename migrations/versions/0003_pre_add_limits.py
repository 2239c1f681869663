"""Limits: how many jobs of a kind may run at once, or start within a time.

Rollback: drops the limits; jobs that stood aside for one go back to the ready line.
"""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute(Path(__file__).with_suffix(".down.sql").read_text())
