"""The articles that come with the package: the help centre of a fictional shop."""

from importlib.resources import as_file, files

from holdfast.support.knowledge import Knowledge, Report


def load_shipped_articles(knowledge: Knowledge) -> Report:
    """Add the shipped articles; those that are there already stay as they are.

    It reads files: from a coroutine call it through `asyncio.to_thread`.
    """
    with as_file(files("holdfast.support") / "articles") as folder:
        return knowledge.add_paths([folder])
