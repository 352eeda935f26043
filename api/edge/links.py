"""Links that let a browser in: good once, for ten minutes, and not to be guessed at."""

import secrets
import time
from collections import OrderedDict, deque

LINK_LIFE_S = 600
LINKS_MAX = 100
# Beyond that many wrong codes in a minute none is looked at, right or wrong.
FAILURES_MAX = 5
FAILURES_PERIOD_S = 60


class Links:
    def __init__(self, life_s: float = LINK_LIFE_S) -> None:
        self._life_s = life_s
        # They are kept in memory: after a restart one asks for a new link.
        self._codes: OrderedDict[str, float] = OrderedDict()
        self._failures: deque[float] = deque(maxlen=FAILURES_MAX)

    def new(self) -> str:
        code = secrets.token_urlsafe(32)
        self._codes[code] = time.monotonic() + self._life_s
        while len(self._codes) > LINKS_MAX:
            self._codes.popitem(last=False)
        return code

    def redeem(self, code: str) -> bool:
        """Say whether the code was good; it no longer is."""
        now = time.monotonic()
        good = self._codes.pop(code, 0.0) > now
        if not good:
            self._failures.append(now)
        return good

    def wait_s(self) -> int:
        """How long no code is looked at; 0 when it is."""
        if len(self._failures) < FAILURES_MAX:
            return 0
        return max(0, int(self._failures[0] + FAILURES_PERIOD_S - time.monotonic() + 1))
