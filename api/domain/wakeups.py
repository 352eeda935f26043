"""What one server process announces wakes the readers of the others, and the reverse."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from api.live import Changes, Live
from api.storage import notices

# A process tells at most so often; what moves meanwhile is told together.
TELL_EVERY_S = 0.1
# A connection that died without a word is found by asking it.
CHECK_EVERY_S = 15.0
RETRY_S = 0.5
# A process that stops tells the last of it within this time.
LAST_WORDS_S_MAX = 1.0

_log = logging.getLogger("runvane")


@asynccontextmanager
async def shared(live: Live, database_url: str) -> AsyncGenerator[None]:
    """Do so while inside. With SQLite (no URL) there is no other process."""
    if not database_url:
        yield
        return
    stopping = asyncio.Event()
    with live.announced() as changes:
        task = asyncio.create_task(_relaying(live, changes, database_url, stopping))
        try:
            yield
        finally:
            stopping.set()
            # It still says what was announced.
            changes.stir()
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS_S_MAX):
                    await asyncio.gather(task, return_exceptions=True)


async def _relaying(
    live: Live, changes: Changes, database_url: str, stopping: asyncio.Event
) -> None:
    while not stopping.is_set():
        try:
            async with notices.line(database_url, live.hear, changes.stir) as line:
                # Nobody listened until now: whoever waits reads what there is.
                live.hear(None)
                while not stopping.is_set():
                    await _tell(line, changes)
        except Exception as error:  # noqa: BLE001 - every driver's error means: no line
            # Of what was announced meanwhile some may be lost: the others read everything.
            changes.add_all()
            _log.warning("wake-ups from other server processes are late: %s", error or repr(error))
            await asyncio.sleep(RETRY_S)


async def _tell(line: notices.Line, changes: Changes) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(CHECK_EVERY_S):
            await changes.wait()
    moved = changes.take()
    if moved is None or moved:
        await line.tell(moved)
        await asyncio.sleep(TELL_EVERY_S)
    else:
        await line.check()
