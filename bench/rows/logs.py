"""A million lines of one log: its end, and what a pattern finds in all of them, over HTTP."""

import json
from statistics import median

from bench.batches import END_MS, Sender
from bench.clients import Client, in_turn, until
from bench.desk import Desk, graphql, page
from bench.figures import Figure
from bench.generators import BEGIN_MS, LOG_ERRORS, log_lines
from bench.stores import await_quiet

LINES = 1_000_000
REPEATS = 20
BLOCK_BYTES = 65_536
BLOCKS = 64
TAIL = """{ run(runId: "said") { log(name: "out") { logLines(last: 1000) {
    lines { number at text } } } } }"""
SEARCH = """query ($text: String!) { run(runId: "said") {
    searchLogs(text: $text, pattern: true) {
      matches { number match } bytesSearched bytesLeft } } }"""
COUNT = """{ run(runId: "said") { logs { lines } } }"""
ERROR = r"ERROR .*device [0-9]+: .*memory"


def measure(desk: Desk) -> None:
    count = desk.size(LINES, 2_000)
    text = log_lines(count)
    with desk.server("logs") as server:
        sender = Sender(server)
        sender.start("said", "logs")
        blocks = [
            {
                "stream": "out",
                "at": BEGIN_MS + n,
                "first_byte": n,
                "text": text[n : n + BLOCK_BYTES],
            }
            for n in range(0, len(text), BLOCK_BYTES)
        ]
        for n in range(0, len(blocks), BLOCKS):
            sender.send("said", logs=blocks[n : n + BLOCKS])
        end = {"type": "status", "at": END_MS, "status": "Completed", "reason": ""}
        sender.send("said", events=[end])
        sender.close()
        counted = Client(graphql(server, COUNT))
        until(lambda: json.loads(counted.ask())["data"]["run"]["logs"] == [{"lines": count}], "log")
        await_quiet(server.home / "runvane.db")
        asked = {
            "logs_tail": graphql(server, TAIL),
            "logs_search": graphql(server, SEARCH, text=ERROR),
            "floor": page(server, "/healthz"),
        }
        found = json.loads(Client(asked["logs_search"]).ask())["data"]["run"]["searchLogs"]
        spent = in_turn(asked, desk.size(REPEATS, 3))
    megabytes = found["bytesSearched"] / 1e6
    notes = {
        "logs_tail": f"the last 1,000 of {count:,} lines",
        "logs_search": f"{len(found['matches'])} of {LOG_ERRORS} found in {megabytes:.1f} MB,"
        f" {found['bytesLeft']} bytes left",
    }
    for name, note in notes.items():
        floor = {"bare answer of this server, ms": median(spent["floor"])}
        samples = spent[name]
        desk.tell(
            Figure(name=name, figure=median(samples), samples=samples, bounds=floor, note=note)
        )
