"""Alembic's entry: runs the steps on the connection that taskflow.store.migrate hands over."""

from alembic import context

config = context.config

if context.is_offline_mode():
    context.configure(
        dialect_name="postgresql", literal_binds=True, version_table_schema="taskflow"
    )
    context.run_migrations()
else:
    context.configure(
        connection=config.attributes["connection"],
        version_table_schema="taskflow",
        transaction_per_migration=False,
    )
    context.run_migrations()
