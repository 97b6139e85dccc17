"""The tools that every model is given."""

from dataclasses import dataclass

from pydantic_ai import RunContext

from holdfast.session import Fact
from holdfast.support.engines.findings import Article, SearchResult, article, search_result
from holdfast.support.library import Library
from holdfast.support.spending import Purse


@dataclass(frozen=True, slots=True)
class Desk:
    """What a run has at hand: the library, what the visitor told of themselves, who pays."""

    library: Library
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
    return search_result(ctx.deps.library.search(question, context=context or ()))


async def read_article(ctx: RunContext[Desk], number: int) -> Article:
    """Read the whole article that a passage is from.

    Args:
        ctx: What the run stands on.
        number: The number of a passage that a search returned.
    """
    return article(ctx.deps.library.read(number))
