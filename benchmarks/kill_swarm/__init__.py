"""A campaign: writers on one SQLite file are killed, again and again, and nothing may be lost."""
