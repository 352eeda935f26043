"""What may be done with tokens: the owner makes, lists and revokes them."""

from collections.abc import Collection, Sequence

from api.credentials import Token
from api.domain import credentials
from api.domain.access import require
from api.domain.clock import now_ms
from api.errors import Invalid, NotFound, TooLarge
from api.live import Live
from api.records import Actor, ExperimentKey, Scope
from api.storage import experiments
from api.storage import tokens as kept
from api.storage.database import writing

SCOPES = frozenset(Scope) - {Scope.ADMIN}
# Who changes or submits a run is answered with it.
READING = frozenset({Scope.WRITE, Scope.EXECUTE})
TOKENS_MAX = 1000
NAME_LENGTH_MAX = 250
# A hundred years: more is meant as never.
LIFE_S_MAX = 100 * 365 * 24 * 3600


async def create(
    actor: Actor,
    name: str,
    scopes: Collection[Scope],
    experiment: str | None = None,
    life_s: int | None = None,
) -> tuple[Token, str]:
    """The token, and the secret, which nobody can be told again."""
    require(actor, Scope.ADMIN)
    if not 0 < len(name.strip()) <= NAME_LENGTH_MAX:
        raise Invalid(f"the name of a token has 1 to {NAME_LENGTH_MAX} characters")
    if not scopes or not SCOPES.issuperset(scopes):
        raise Invalid(
            "a token has at least one of the scopes read, write, ingest, execute and worker"
        )
    if life_s is not None and not 0 < life_s <= LIFE_S_MAX:
        raise Invalid(f"a token lives 1 to {LIFE_S_MAX} seconds, or without an end")
    granted = frozenset(scopes) | ({Scope.READ} if READING & set(scopes) else set[Scope]())
    async with writing():
        if await kept.count() >= TOKENS_MAX:
            raise TooLarge(f"there are {TOKENS_MAX} tokens: revoke those that nobody uses")
        found = await experiments.get(experiment) if experiment is not None else None
        if experiment is not None and found is None:
            raise NotFound(f"no experiment {experiment}: createExperiment makes it")
        now = now_ms()
        token_id, secret = credentials.make()
        token = Token(
            id=token_id,
            name=name.strip(),
            scopes=granted,
            experiment=ExperimentKey(found.id, found.name) if found else None,
            created=now,
            expires=None if life_s is None else now + life_s * 1000,
        )
        await kept.insert(token, credentials.hashed(secret))
    return token, secret


async def listed(actor: Actor) -> Sequence[Token]:
    """Newest first, without those that are revoked; at most `TOKENS_MAX`."""
    require(actor, Scope.ADMIN)
    return await kept.newest()


async def revoke(actor: Actor, live: Live, token_id: str) -> Token:
    """From now on it lets nobody in, and what it opened is closed; twice is no error."""
    require(actor, Scope.ADMIN)
    async with writing():
        if await kept.get(token_id) is None:
            raise NotFound(f"no token {token_id}")
        await kept.revoke(token_id, now_ms())
        found = await kept.get(token_id)
    assert found
    credentials.announce_revocation(live)
    return found[0]
