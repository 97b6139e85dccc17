"""People who sign in: who they are, what they may do, and how they show it."""

from holdfast.server.users.errors import (
    HashingBusy,
    InvalidUser,
    LastAdmin,
    SetupRefused,
    UserExists,
    UserNotFound,
)
from holdfast.server.users.hashing import Hasher
from holdfast.server.users.setup import Setup
from holdfast.server.users.user import User
from holdfast.server.users.users import Users

__all__ = [
    "Hasher",
    "HashingBusy",
    "InvalidUser",
    "LastAdmin",
    "Setup",
    "SetupRefused",
    "User",
    "UserExists",
    "UserNotFound",
    "Users",
]
