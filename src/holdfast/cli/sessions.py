"""`holdfast sessions`: look at a store, collect what has expired in it, exchange its keys."""

from argparse import Namespace
from collections.abc import Awaitable, Callable

from holdfast.cli import resealing
from holdfast.cli.commands import Commands, answered_for
from holdfast.opening import open_store
from holdfast.session import SupportSession
from holdfast.store import SessionStore

Store = SessionStore[SupportSession]
Action = Callable[[Store], Awaitable[None]]


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser("sessions", help="count, list, purge and reseal sessions")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, run, meaning in (
        ("count", _count, "count live sessions"),
        ("list", _list, "list live sessions: id, creation, messages"),
        ("purge", _purge, "collect expired sessions"),
    ):
        action = actions.add_parser(name, help=meaning)
        action.add_argument("--store", metavar="URL", help="the store (that of the settings)")
        action.set_defaults(run=_with_store(run))
    meaning = "seal anew what stands under older keys; begins again where it was stopped"
    resealing.add_to(actions.add_parser("reseal", help=meaning))


def _with_store(action: Action) -> Callable[[Namespace], int]:
    """Open the store of the settings for an action."""

    async def run(options: Namespace) -> int:
        from holdfast.server.keys import load_keys
        from holdfast.server.model import ServiceSession
        from holdfast.server.settings import Settings

        settings = Settings.load(store=options.store)
        store: Store = open_store(
            settings.store_url,
            model=ServiceSession,
            keys=load_keys(settings),
            namespace=settings.namespace,
        )
        async with store:
            await action(store)
        return 0

    return answered_for(run)


async def _count(store: Store) -> None:
    print(await store.count_active())


async def _list(store: Store) -> None:
    cursor: str | None = None
    while True:
        page = await store.list_active(cursor=cursor)
        for session in page.sessions:
            created = f"{session.created_at:%Y-%m-%d %H:%M:%S}"
            print(f"{session.session_id}  {created}  {session.message_count}")
        cursor = page.next_cursor
        if cursor is None:
            return


async def _purge(store: Store) -> None:
    collected = 0
    while found := await store.cleanup_expired():
        collected += found
    print(collected)
