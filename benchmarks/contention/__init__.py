"""A thousand callers in four processes who all want one session."""
