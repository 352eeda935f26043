"""
What programs show to get in. It says who the actor is, so these functions are not told.

`rv_<8 id>_<43 secret><6 checksum>`: scanners know it by its beginning, and the checksum
(CRC-32 of all before it, in base 62) tells a mistyped one without a look at the database.
"""

import asyncio
import hashlib
import re
import secrets
import zlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from string import ascii_letters, digits

from api.credentials import Token
from api.domain.clock import now_ms
from api.errors import RunvaneError
from api.live import Live
from api.storage import tokens as kept
from api.storage.database import writing

# A token's use is written down only so often, for it costs a row.
USE_EVERY_MS = 5 * 60 * 1000
_DIGITS = digits + ascii_letters
_SHAPE = re.compile(r"rv_([0-9A-Za-z]{8})_[0-9A-Za-z_-]{43}[0-9A-Za-z]{6}", re.ASCII)
_CHECKED = 6
# Wake-ups carry ids of runs; no run has this one.
_REVOKED = "!tokens"


def make() -> tuple[str, str]:
    """A new token's id, and all of it."""
    token_id = "".join(secrets.choice(_DIGITS) for _ in range(8))
    begun = f"rv_{token_id}_{secrets.token_urlsafe(32)}"
    return token_id, begun + checksum(begun)


async def shown(secret: str) -> Token | None:
    """The token that this is; None: it lets nobody in."""
    shape = _SHAPE.fullmatch(secret)
    if shape is None or checksum(secret[:-_CHECKED]) != secret[-_CHECKED:]:
        return None
    found = await kept.get(shape[1])
    if found is None or not secrets.compare_digest(found[1], hashed(secret)):
        return None
    token, now = found[0], now_ms()
    if token.revoked is not None or (token.expires is not None and token.expires <= now):
        return None
    if token.used is None or now - token.used >= USE_EVERY_MS:
        # On a full disk it lets its bearer read all the same.
        with suppress(RunvaneError):
            async with writing():
                await kept.note_use(token.id, now)
    return token


async def revoked(token_ids: Sequence[str]) -> Sequence[str]:
    """Those of the tokens that are."""
    return await kept.revoked(token_ids)


def announce_revocation(live: Live) -> None:
    live.announce(_REVOKED, grew=False)


@contextmanager
def revocations(live: Live) -> Generator[asyncio.Event]:
    """Give an event that is set when a token was revoked, here or by another process."""
    with live.listening(_REVOKED) as moved:
        yield moved


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def checksum(begun: str) -> str:
    left, said = zlib.crc32(begun.encode()), ""
    while len(said) < _CHECKED:
        left, digit = divmod(left, len(_DIGITS))
        said = _DIGITS[digit] + said
    return said
