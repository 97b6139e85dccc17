"""The tools that every model is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pydantic_ai import RunContext

from holdfast.session import Fact
from holdfast.support.engines.findings import Article, SearchResult, article, search_result
from holdfast.support.engines.toolbox import Toolbox
from holdfast.support.library import Library
from holdfast.support.spending import Purse


@dataclass(frozen=True, slots=True)
class Desk:
    """What a run has at hand: the library, the tools, what the visitor told, who pays."""

    library: Library
    toolbox: Toolbox
    facts: tuple[Fact, ...] = ()
    purse: Purse | None = None


async def search_knowledge(
    ctx: RunContext[Desk], question: str, context: list[str] | None = None
) -> SearchResult:
    """Search the help articles of the shop.

    Args:
        ctx: What the run stands on.
        question: What the visitor wants to know, in one complete sentence.
        context: Earlier messages of the visitor that the question cannot be understood without.
    """
    desk = ctx.deps
    work = partial(desk.library.search, question, context=context or ())
    return search_result(await desk.toolbox.use(search_knowledge.__name__, work))


async def read_article(ctx: RunContext[Desk], number: int) -> Article:
    """Read the whole article that a passage is from.

    Args:
        ctx: What the run stands on.
        number: The number of a passage that a search returned.
    """
    desk = ctx.deps
    return article(
        await desk.toolbox.use(read_article.__name__, partial(desk.library.read, number))
    )


TOOLS: Final[Mapping[str, Callable[..., Any]]] = {
    tool.__name__: tool for tool in (search_knowledge, read_article)
}
