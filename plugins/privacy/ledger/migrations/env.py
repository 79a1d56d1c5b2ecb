"""Alembic's entry: always over a connection that is given, inside its transaction; or as SQL text."""

from alembic import context

VERSION_TABLE = "privacy_alembic_version"

connection = context.config.attributes.get("connection")
if connection is None:
    context.configure(
        dialect_name=context.config.get_main_option("dialect") or "postgresql", version_table=VERSION_TABLE, as_sql=True
    )
else:
    context.configure(connection=connection, version_table=VERSION_TABLE, transactional_ddl=False)
context.run_migrations()
