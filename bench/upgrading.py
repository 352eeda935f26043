"""Bring a database up to date, as a server does at its start: `python -m bench.upgrading PLACE`."""

import asyncio
import sys

from api.storage import database


async def upgrade(place: str) -> None:
    async with database.opened(place):
        pass


if __name__ == "__main__":
    asyncio.run(upgrade(sys.argv[1]))
