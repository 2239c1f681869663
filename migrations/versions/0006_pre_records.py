"""What a run leaves behind besides its end: progress, log lines, durable steps, large results.

Rollback: drops all of it; the jobs themselves stay, those with a large result without it.
"""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute(Path(__file__).with_suffix(".down.sql").read_text())
