"""A backend is open once at a time: what it answers when it is entered again."""


def already_open(name: str) -> RuntimeError:
    """Say that the backend is in use, and how to share it."""
    return RuntimeError(
        f"This {name} backend is open already. Enter it once and share what was entered, "
        "or make a second backend."
    )
