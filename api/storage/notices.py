"""
Wake-ups between the server processes of one PostgreSQL: LISTEN and NOTIFY.

One connection of its own does both, so that the server's number of it says which
wake-ups are ours. What travels is the public ids of runs, separated by spaces; nothing
means any run.
"""

# asyncpg comes with the extra `postgres` and has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from api.storage.database import credentials_of

CHANNEL = "runvane"
# PostgreSQL takes less than 8,000 bytes.
PAYLOAD_BYTES_MAX = 7_999
ANSWER_S_MAX = 5


class Line:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def tell(self, run_ids: Iterable[str] | None) -> None:
        """Wake the other processes for these runs; None: for all. A commit of its own."""
        statement = "SELECT pg_notify($1, $2)"
        await self._connection.execute(
            statement, CHANNEL, payload_of(run_ids), timeout=ANSWER_S_MAX
        )

    async def check(self) -> None:
        """Raise when the connection is gone."""
        await self._connection.execute("SELECT 1", timeout=ANSWER_S_MAX)


@asynccontextmanager
async def line(
    url: str, hear: Callable[[Iterable[str] | None], None], lost: Callable[[], None]
) -> AsyncGenerator[Line]:
    """Listen while inside; `lost` is called when the connection ends by itself."""
    import asyncpg  # noqa: PLC0415 - not there where SQLite is all there is

    connection: Any = await asyncpg.connect(
        **credentials_of(url),
        timeout=ANSWER_S_MAX,
        # A wake-up need not be on disk.
        server_settings={"synchronous_commit": "off", "application_name": "runvane wake-ups"},
    )
    own = connection.get_server_pid()

    def heard(_: Any, sender: int, __: str, payload: str) -> None:
        if sender != own:
            hear(payload.split() or None)

    def ended(_: Any) -> None:
        lost()

    try:
        await connection.add_listener(CHANNEL, heard)
        connection.add_termination_listener(ended)
        yield Line(connection)
    finally:
        connection.remove_termination_listener(ended)
        # Says good-bye only where somebody may hear it.
        connection.terminate()


def payload_of(run_ids: Iterable[str] | None) -> str:
    """Empty, which means any run, when there are too many to name."""
    payload = " ".join(sorted(run_ids or ()))
    return payload if len(payload) <= PAYLOAD_BYTES_MAX else ""
