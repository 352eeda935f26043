"""Links that let a browser in: good once, for ten minutes, and not to be guessed at."""

import secrets
import time
from collections import deque

from api.credentials import Session
from api.domain import sessions
from api.domain.clock import now_ms
from api.domain.credentials import hashed

LINK_LIFE_S = 600
# Beyond that many wrong codes in a minute none is looked at, right or wrong. Each server
# process counts for itself: what makes a code safe is its length.
FAILURES_MAX = 5
FAILURES_PERIOD_S = 60


class Links:
    def __init__(self, life_s: float = LINK_LIFE_S) -> None:
        self._life_ms = int(life_s * 1000)
        self._failures: deque[float] = deque(maxlen=FAILURES_MAX)

    async def new(self) -> str:
        code = secrets.token_urlsafe(32)
        now = now_ms()
        # Kept as a hash, like a session: who reads the database cannot sign in by it.
        await sessions.offer(Session(hashed(code), now, now + self._life_ms))
        return code

    async def redeem(self, code: str) -> bool:
        """Say whether the code was good; it no longer is."""
        good = await sessions.redeem(hashed(code))
        if not good:
            self._failures.append(time.monotonic())
        return good

    def wait_s(self) -> int:
        """How long no code is looked at; 0 when it is."""
        if len(self._failures) < FAILURES_MAX:
            return 0
        return max(0, int(self._failures[0] + FAILURES_PERIOD_S - time.monotonic() + 1))
