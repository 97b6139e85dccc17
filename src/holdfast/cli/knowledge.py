"""`holdfast knowledge`: what the support agent knows."""

from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.cli.commands import Commands, complain

if TYPE_CHECKING:
    from holdfast.support.knowledge import Knowledge

Action = Callable[["Knowledge", Namespace], int]


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser("knowledge", help="add, list and search documents")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="add files and folders: Markdown, text, HTML")
    add.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    listing = actions.add_parser("list", help="list the documents")
    search = actions.add_parser("search", help="show what is found for a question")
    search.add_argument("question", nargs="+")
    search.add_argument("--limit", type=_positive, default=5, help="how many passages (5)")
    for action, run in ((add, _add), (listing, _list), (search, _search)):
        action.add_argument("--data-dir", type=Path, help="the data folder (./data)")
        action.set_defaults(run=_with_knowledge(run))


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"must be a whole number from 1 on, not {text!r}")
    return int(text)


def _with_knowledge(action: Action) -> Callable[[Namespace], int]:
    """Open the knowledge base of the settings for an action."""

    def run(options: Namespace) -> int:
        from holdfast.server.settings import KNOWLEDGE_FILE, InvalidSettings, Settings
        from holdfast.support.knowledge import Knowledge, KnowledgeUnavailable

        try:
            settings = Settings.load(data_dir=options.data_dir)
            settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            with Knowledge(settings.data_dir / KNOWLEDGE_FILE) as knowledge:
                return action(knowledge, options)
        except (InvalidSettings, KnowledgeUnavailable, OSError) as exc:
            return complain(str(exc))

    return run


def _add(knowledge: "Knowledge", options: Namespace) -> int:
    report = knowledge.add_paths(options.paths, replacing=False)
    for addition in report.additions:
        print(f"{addition.outcome:<10}{addition.document.id}")
    if report.refusals:
        return complain(*map(str, report.refusals))
    return 0


def _list(knowledge: "Knowledge", _: Namespace) -> int:
    for document in knowledge.documents():
        print(f"{document.id:<40}{document.title}")
    return 0


def _search(knowledge: "Knowledge", options: Namespace) -> int:
    question = " ".join(options.question)
    if not question.strip():
        return complain("The question is empty.")
    findings = knowledge.search(question, limit=options.limit)
    for passage in findings.passages:
        print(f"{passage.rank}. {passage.title}  ({passage.uri}, {passage.score:.2f})")
        print(f"   {' '.join(passage.text.split())[:160]}")
    verdict = "enough" if findings.evidence.sufficient else "not enough"
    print(f"Evidence: {findings.evidence.confidence:.2f}, {verdict} to answer.")
    return 0
