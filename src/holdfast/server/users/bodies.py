"""What `/v1/users` reads and answers."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, SecretStr

from holdfast.server.requests import Body, Parameters
from holdfast.server.users.user import User
from holdfast.server.users.users import LARGEST_PAGE

LONGEST_WRITTEN = 4096
Name = Annotated[str, Field(max_length=LONGEST_WRITTEN)]
Password = Annotated[SecretStr, Field(max_length=LONGEST_WRITTEN)]
Role = Literal["staff", "admin"]
Roles = Annotated[list[Role], Field(min_length=1, max_length=10)]


class NewUser(Body):
    name: Name
    password: Password
    roles: Roles


class UserChange(Body):
    """What is to be different; all of it happens, or nothing."""

    roles: Roles | None = None
    disabled: bool | None = None
    password: Password | None = None


class FirstAdmin(Body):
    """The token of the link that `holdfast serve` printed, and who the first admin is."""

    token: Annotated[SecretStr, Field(max_length=256)]
    username: Name
    password: Password


class UsersQuery(Parameters):
    """Which users to list: those behind a name."""

    after: Name = ""
    limit: int = Field(100, ge=1, le=LARGEST_PAGE)


class UserReply(BaseModel):
    user_id: str
    name: str
    roles: list[Role]
    disabled: bool
    created_at: datetime
    password_changed_at: datetime

    @classmethod
    def of(cls, user: User) -> Self:
        """Write a user; the hash of the password is not part of one."""
        return cls.model_validate({**user._asdict(), "roles": sorted(user.roles)})


class UsersReply(BaseModel):
    """Users in the order of their names; `next_after` asks for the page behind this one."""

    users: list[UserReply]
    next_after: str | None


class ChangedReply(UserReply):
    """A user after a change, and how many sign-ins of theirs it ended."""

    ended: int


class RemovedReply(BaseModel):
    status: Literal["removed"] = "removed"
    user_id: str
    ended: int
