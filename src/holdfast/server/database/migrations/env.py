"""Run by Alembic, with the connection of `holdfast.server.database.migrating`."""

from alembic import context

from holdfast.server.database.migrating import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
