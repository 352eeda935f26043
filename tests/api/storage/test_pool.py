"""The pool of a PostgreSQL that gives us fewer connections than we may open."""

import asyncio

from api.storage import database
from tests.charter import disks


def test_who_is_given_no_more_connections_makes_do_with_those_that_are_open(shared: str) -> None:
    name = shared.rpartition("/")[2]
    disks.ask(shared, "CREATE ROLE narrow LOGIN CONNECTION LIMIT 4")
    try:
        disks.ask(shared, f"ALTER DATABASE {name} OWNER TO narrow")

        async def ask_at_once() -> int:
            async with database.opened(shared.replace("postgres@", "narrow@")):
                every = [database.select("SELECT pg_sleep(0.05)") for _ in range(20)]
                return len(await asyncio.gather(*every))

        assert asyncio.run(ask_at_once()) == 20
    finally:
        disks.ask(shared, f"ALTER DATABASE {name} OWNER TO postgres")
        disks.ask(shared, "REASSIGN OWNED BY narrow TO postgres")
        disks.ask(shared, "DROP ROLE narrow")
