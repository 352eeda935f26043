"""Who leaves in the middle of an answer leaves no coroutine that nobody ever awaits."""

import asyncio
import gc
import warnings
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.domain.sparklines import Sparklines
from api.edge.context import Context
from api.graphql.schema import schema
from api.live import Live
from tests.api.scripts import OWNER
from tests.conftest import Writer

TURNS = 60
RUN = """runId childCount metric(name: "loss") { columns { n } } metricList { name }
    metrics(columns: [{metric: "loss", column: "value", stat: LAST}])"""
QUERY = f"""{{ runs(first: 9) {{ totalCount {{ value }} edges {{ node {{ {RUN} }} }} }}
  experiments {{ totalCount edges {{ node {{ name }} }} }} }}"""
SUBSCRIPTION = f"""subscription {{ runChanged(runId: "r1") {{ {RUN} }} }}"""


@pytest.mark.parametrize("document", [QUERY, SUBSCRIPTION], ids=["query", "subscription"])
def test_an_answer_can_be_left_at_any_turn(
    client: TestClient, writer: Writer, document: str
) -> None:
    writer.log("loss", [0.5])
    for n in range(3):
        Writer(client, f"r{n + 2}", "w").start()
    assert client.portal
    assert client.portal.call(_forgotten, document) == []


async def _forgotten(document: str) -> Sequence[str]:
    """What Python complains of when each of the first turns of the event loop is the last."""
    await _answered(document)
    # What is there by now need not be looked through sixty times.
    gc.freeze()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for turns in range(TURNS):
            task = asyncio.create_task(_answered(document))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            # What was left to itself ends too.
            for _ in range(20):
                await asyncio.sleep(0.001)
            gc.collect()
    return [str(each.message) for each in caught]


async def _answered(document: str) -> Any:
    stream = await schema.stream(document, {}, Context(OWNER, Live(), Sparklines()))
    async for each in stream:
        answer: Any = each
        assert not answer.errors, answer.errors
        if "subscription" in document:
            return
