"""Operations: what somebody does to all jobs of a filter, in the background and on the record.

Rollback: drops the record; what was done to jobs stays done.
"""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute(Path(__file__).with_suffix(".down.sql").read_text())
