"""
Writers and folders that race: `racers.py SEED WRITER BATCHES PORT…` is one writer process.

What a writer sends follows from seed, writer and seq alone, so that whoever compares knows it.
"""

import http.client
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

RUN = "race"
WRITERS = 4
POINTS = 20
STEPS = 400
VALUES = (0, 1, -1.5, 0.25, 3, 2**53 + 1, 2**63 - 1, "NaN", "Infinity", "-Infinity", None)
SOON, LATE = 0.2, 0.1
# So long a writer rests at most: of what comes all at once there would be one fold.
REST_S_MAX = 0.03
# Beside what the server does by itself: tasks that fold and compact the same run at the same
# time. It counts how often one was slower than another, for a race without losers is none.
FOLDERS = """if 1:
    import asyncio, contextlib, itertools, pathlib, sys
    from api.domain import background, compaction
    from api.storage import upkeep
    from runvane.cli import main
    keeping, folds, merges = background.keeping, [], []
    async def fold(live):
        while True:
            for each in await upkeep.waiting():
                both = background.fold(live, each), background.fold(live, each)
                folds.extend(await asyncio.gather(*both))
            await asyncio.sleep(0.01)
    async def compact():
        # Now and then one alone merges so many at once that they are more than a tier.
        for enough in itertools.cycle((1, 1, 18)):
            until = folds.count(True) + enough
            while folds.count(True) < until:
                await asyncio.sleep(0.02)
            for run in await upkeep.uncompacted():
                if enough > 1:
                    await compaction.compact(run, ended=True)
                    continue
                # They do not choose the same segments.
                every = compaction.compact(run, ended=True)
                some = compaction.compact(run, ended=False, quiet_ms=0)
                merges.extend(await asyncio.gather(every, some))
    @contextlib.asynccontextmanager
    async def racing(live, **said):
        async with keeping(live, **said):
            tasks = [asyncio.create_task(fold(live)), asyncio.create_task(compact())]
            yield
            for task in tasks:
                # One that failed says so here, and the server does not end well.
                assert not task.done(), task.result()
                task.cancel()
            told.write_text(f"{folds.count(False)} {merges.count(False)}")
    told = pathlib.Path(sys.argv.pop(1))
    background.keeping = racing
    main()
"""


def content(seed: int, writer: int, seq: int) -> dict[str, Any]:
    """Batch `seq` of a writer: the first one starts the run."""
    if seq == 0:
        return {"events": [{"type": "start", "at": 0, "experiment": "races"}]}
    chance = random.Random(f"{seed} {writer} {seq}")
    first = (seq - 1) * POINTS
    mine = [(first + n) * WRITERS + writer for n in range(POINTS)]
    shared = [chance.randrange(STEPS) for _ in range(POINTS)]
    if chance.random() < 0.3:
        mine.reverse()
    # A time that no other point has says which of one step is the last.
    times = [1_700_000_000_000 + (first + n) * WRITERS + writer for n in range(POINTS)]
    blocks = [
        {
            "name": name,
            "kind": "scalar",
            "steps": steps,
            "times": times,
            "columns": {"value": [chance.choice(VALUES) for _ in range(POINTS)]},
        }
        for name, steps in (("own", mine), ("shared", shared))
    ]
    chance.shuffle(blocks)
    return {"metrics": blocks}


def write(seed: int, writer: int, batches: int, ports: list[int]) -> int:
    """Send them all, some twice; how many were repeats."""
    chance = random.Random(f"{seed} {writer}")
    token = Path(os.environ["RUNVANE_HOME"], "token").read_text().strip()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    doors = [http.client.HTTPConnection("127.0.0.1", port, timeout=60) for port in ports]
    repeats = 0
    for seq in range(batches + 1):
        time.sleep(chance.uniform(0, REST_S_MAX))
        again = [seq] * (chance.random() < SOON)
        again += [chance.randint(0, seq)] * (chance.random() < LATE)
        repeats += len(again)
        for each in [seq, *again]:
            body = {"run": RUN, "writer": f"w{writer}", "seq": each, **content(seed, writer, each)}
            door = chance.choice(doors)
            door.request("POST", "/ingest/v1", json.dumps(body), headers)
            reply = door.getresponse()
            answer = json.loads(reply.read())
            assert (reply.status, answer) == (200, {"acked_through": seq}), answer
    return repeats


if __name__ == "__main__":
    asked, which, many, *where = map(int, sys.argv[1:])
    print(write(asked, which, many, where))  # noqa: T201 - it answers by it.
