"""Clients of server-sent events: `python -m bench.followers PORT TOKEN RUN COUNT UPDATES`."""

import asyncio
import json
import sys
import time
from urllib.parse import urlencode

APPENDED = """subscription ($run: String!) { metricsAppended(runs: [{runId: $run}]) {
    blocks { name columns { values } } } }"""
AT_ONCE = 50
LINE_BYTES_MAX = 2**20


async def follow(
    port: int, token: str, run: str, updates: int, ready: asyncio.Event
) -> list[float]:
    """How old each value was on arrival, in ms; values are the times at which they were logged."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=LINE_BYTES_MAX)
    query = urlencode({"query": APPENDED, "variables": json.dumps({"run": run})})
    lines = [
        f"GET /graphql?{query} HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        f"authorization: Bearer {token}",
        "accept: text/event-stream",
        "",
        "",
    ]
    writer.write("\r\n".join(lines).encode())
    ages: list[float] = []
    while len(ages) < updates:
        said = await reader.readline()
        if not said:
            raise SystemExit("the stream ended")
        if not said.startswith(b"data: {"):
            continue
        now = time.time()
        # The first event says where the stream begins.
        ready.set()
        news = json.loads(said[6:])["data"]["metricsAppended"]
        for block in news["blocks"]:
            for column in block["columns"]:
                ages += [(now - logged) * 1000 for logged in column["values"]]
    writer.close()
    return ages


async def main(port: int, token: str, run: str, count: int, updates: int) -> None:
    """Say `ready` once all of them follow, and the ages of the last one's values at the end."""
    tasks: list[asyncio.Task[list[float]]] = []
    for at in range(0, count, AT_ONCE):
        events = [asyncio.Event() for _ in range(min(AT_ONCE, count - at))]
        tasks += [asyncio.create_task(follow(port, token, run, updates, each)) for each in events]
        await asyncio.gather(*(each.wait() for each in events))
    print("ready", flush=True)
    ages = await asyncio.gather(*tasks)
    print(json.dumps([age for each in ages for age in each]))


if __name__ == "__main__":
    _, port_, token_, run_, count_, updates_ = sys.argv
    asyncio.run(main(int(port_), token_, run_, int(count_), int(updates_)))
