"""Of a run with a hundred thousand metrics, a chart of one reads that one's segments."""

import logging
from typing import Any

import numpy as np
import pytest

from api.live import Live
from api.storage import segments
from api.storage.database import postgres, select, writing
from api.storage.keys import run_key
from api.storage.segments import Piece
from tests.api.scripts import Script

pytestmark = pytest.mark.anyio
RUN = run_key("r1")


async def test_what_is_asked_for_by_id_is_found_by_id(
    live: Live, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    one = np.arange(1)
    rows = segments.rows_of(RUN, [Piece(key, one, one, one + 0.5) for key in range(20)])
    async with writing():
        await segments.insert(rows)
    ids = [row["id"] for row in rows][5:]
    with caplog.at_level(logging.DEBUG, "tortoise.db_client"):
        held = await segments.blobs([RUN], ids, "payload")
        found = await segments.pieces(RUN, ids)
    assert held == {row["id"]: row["payload"] for row in rows[5:]}
    assert [found[id_].key for id_ in ids] == list(range(5, 20))
    said: list[Any] = [each.args for each in caplog.records if "FROM segment" in str(each.args)]
    assert len(said) == 2
    # PostgreSQL counts its rows, and needs no word.
    for statement, values in [] if postgres() else said:
        (step,) = await select(f"EXPLAIN QUERY PLAN {statement}", *values)
        assert step["detail"].endswith("(id=?)")
