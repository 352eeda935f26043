"""Tokens: how programs get in. Their secrets are said once, when they are made."""

from typing import Annotated, Self

import strawberry

from api import credentials, records
from api.domain import tokens
from api.graphql.enums import TokenScope
from api.graphql.info import Info
from api.graphql.payloads import UserError, settled
from api.graphql.policy import ADMIN
from api.graphql.runs import moment
from api.graphql.scalars import DateTime


@strawberry.type(description="A way in for a program, without its secret.")
class Token:
    id: strawberry.ID = strawberry.field(description="What stands between `rv_` and the secret.")
    name: str = strawberry.field(description="What its maker calls it; need not be unique.")
    scopes: list[TokenScope] = strawberry.field(description="What its bearer may do.")
    experiment: str | None = strawberry.field(
        description="The only experiment that is there for it; null: all are."
    )
    created_at: DateTime = strawberry.field(description="When it was made.")
    expires_at: DateTime | None = strawberry.field(
        description="When it stops to let anybody in; null: never."
    )
    used_at: DateTime | None = strawberry.field(
        description="When it was last used, up to five minutes late; null: never."
    )
    revoked_at: DateTime | None = strawberry.field(
        description="When it was revoked; null: it is not."
    )

    @classmethod
    def of(cls, record: credentials.Token) -> Self:
        return cls(
            id=strawberry.ID(record.id),
            name=record.name,
            scopes=[TokenScope(each) for each in records.Scope if each in record.scopes],
            experiment=record.experiment.name if record.experiment else None,
            created_at=DateTime(record.created),
            expires_at=moment(record.expires),
            used_at=moment(record.used),
            revoked_at=moment(record.revoked),
        )


@strawberry.input(description="A token to be.")
class CreateTokenInput:
    name: str = strawberry.field(description="What it is for, in 1 to 250 characters.")
    scopes: list[TokenScope] = strawberry.field(description="What its bearer may do; at least one.")
    experiment: str | None = strawberry.field(
        default=None,
        description="Limit it to this experiment, which must be there; null: to none.",
    )
    expires_in: int | None = strawberry.field(
        default=None, description="Seconds until it stops to let anybody in; null: never."
    )


@strawberry.type(description="A new token, or why there is none.")
class CreateTokenPayload:
    token: Token | None = strawberry.field(description="The token; null after an error.")
    secret: str | None = strawberry.field(
        description="Show it as `Authorization: Bearer`. It is said here and never again."
    )
    user_errors: list[UserError] = strawberry.field(description="Empty when it was done.")


@strawberry.type(description="What became of a token, or why nothing did.")
class TokenPayload:
    token: Token | None = strawberry.field(
        description="The token as it is now; null after an error."
    )
    user_errors: list[UserError] = strawberry.field(description="Empty when it was done.")


@strawberry.type
class TokenMutations:
    @strawberry.mutation(
        extensions=ADMIN, description="Make a token; only the answer to this holds its secret."
    )
    async def create_token(
        self,
        info: Info,
        input: Annotated[  # noqa: A002 - GraphQL's name for it
            CreateTokenInput, strawberry.argument(description="The token to be.")
        ],
    ) -> CreateTokenPayload:
        making = tokens.create(
            info.context.actor,
            input.name,
            {each.value for each in input.scopes},
            experiment=input.experiment,
            life_s=input.expires_in,
        )
        made = await settled(making, ["input"])
        if isinstance(made, list):
            return CreateTokenPayload(token=None, secret=None, user_errors=made)
        token, secret = made
        return CreateTokenPayload(token=Token.of(token), secret=secret, user_errors=[])

    @strawberry.mutation(
        extensions=ADMIN,
        description="Revoke a token: it lets nobody in any more, and what it opened is closed.",
    )
    async def revoke_token(
        self,
        info: Info,
        id: Annotated[  # noqa: A002 - GraphQL's name for it
            strawberry.ID, strawberry.argument(description="The token's id.")
        ],
    ) -> TokenPayload:
        context = info.context
        found = await settled(tokens.revoke(context.actor, context.live, id), ["id"])
        if isinstance(found, list):
            return TokenPayload(token=None, user_errors=found)
        return TokenPayload(token=Token.of(found), user_errors=[])
