"""Access: users, API keys, tokens, tenants with quotas, the audit trail, and what the API
remembers.

Rollback: drops them; who did what is gone with them.
"""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute(Path(__file__).with_suffix(".down.sql").read_text())
