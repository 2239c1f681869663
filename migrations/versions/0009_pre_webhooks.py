"""Webhooks: endpoints, events, deliveries, and sources of incoming ones.

Rollback: drops endpoints, their secrets and the record of deliveries; jobs that wait to deliver
stay, and find nothing to do.
"""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute(Path(__file__).with_suffix(".down.sql").read_text())
