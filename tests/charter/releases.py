"""Databases as earlier releases left them."""

import subprocess
from pathlib import Path

from tests.flows.server import Server, finished

# The tables of the first, with a row.
_FIRST = """
import asyncio, sys
from tortoise import connections
from tortoise.context import TortoiseContext
from api.storage import database, schema
async def main():
    async with TortoiseContext() as context:
        engine = database.upgrading(sys.argv[1])
        await context.init(config={"connections": {"default": engine}, "apps": database.APPS})
        await schema.upgrade(database.APPS, "0001_tables")
        await connections.get("default").execute_script(
            "INSERT INTO experiment (id, name, description, tags, created, next_number)"
            " VALUES (7, 'old', '', '{}', 1, 1)")
asyncio.run(main())
"""


def first(server: Server, place: Path | str) -> None:
    """Made in a file, or in an empty database of PostgreSQL."""
    with server.python("-c", _FIRST, str(place), stdout=subprocess.PIPE) as made:
        finished(made)


def experiments(server: Server) -> list[str]:
    answer = server.ask("{ experiments(first: 9) { edges { node { name } } } }")
    return [each["node"]["name"] for each in answer["experiments"]["edges"]]
