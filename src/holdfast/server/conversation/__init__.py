"""The conversation: the session is the truth, and whoever reads along has a view of it."""
