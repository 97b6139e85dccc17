"""The application database: users and the audit trail; sessions are in their store."""

from holdfast.server.database.database import Database, open_database
from holdfast.server.database.errors import DatabaseUnavailable, InvalidDatabase
from holdfast.server.database.location import database_file
from holdfast.server.database.migrating import Migrated, migrate
from holdfast.server.database.tables import METADATA, Moment

__all__ = [
    "METADATA",
    "Database",
    "DatabaseUnavailable",
    "InvalidDatabase",
    "Migrated",
    "Moment",
    "database_file",
    "migrate",
    "open_database",
]
