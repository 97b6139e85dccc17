"""What goes wrong with users."""

from holdfast.errors import HoldfastError


class InvalidUser(HoldfastError, ValueError):
    """A name, a role or a password breaks a rule; nothing was changed.

    `field` names what was wrong, `rule` says how it must be; neither repeats a password.
    """

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field, self.rule = field, rule


class UserExists(HoldfastError):
    """The name is taken."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a user {name!r} already. Choose another name.")
        self.name = name


class UserNotFound(HoldfastError):
    """There is no such user, under this name or id."""

    def __init__(self, user: str) -> None:
        super().__init__(f"There is no user {user!r}.")
        self.user = user


class LastAdmin(HoldfastError):
    """Without this user nobody could manage users any more; nothing was changed."""

    def __init__(self) -> None:
        super().__init__("This is the last admin who can sign in. Make another one first.")


class HashingBusy(HoldfastError):
    """More passwords are waiting to be hashed than is good for anybody; this one was not."""

    def __init__(self, *, retry_after: float) -> None:
        super().__init__(
            f"Too many people are signing in at once. Please try again in {retry_after:.3g} s."
        )
        self.retry_after = retry_after


class SetupRefused(HoldfastError):
    """The link is not the one that was printed last, is over, or has been used."""

    def __init__(self) -> None:
        super().__init__(
            "This link makes no admin: it was used, is over, or was replaced by a newer one. "
            "Start the service again for a new link, or use `holdfast users add`."
        )
