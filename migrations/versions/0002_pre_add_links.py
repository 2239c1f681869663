"""What ties jobs together: unique keys that outlive a job, and jobs that wait for others.

Rollback: drops both; jobs that wait for others stay blocked, so cancel or discard them first.
"""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute(Path(__file__).with_suffix(".down.sql").read_text())
