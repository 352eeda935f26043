"""One series as a chart, over HTTP: how fast, and what is left of its extremes."""

import json
from collections.abc import Sequence
from statistics import median

from bench.clients import Client, Question, in_turn
from bench.desk import Desk, graphql, kept, page, script
from bench.figures import Figure, medians
from bench.generators import found, spiked
from bench.rows.ingest import await_folded
from bench.stores import await_quiet
from bench.systems import CHART_POINTS

REPEATS = 50
POINTS = 100_000
LARGE = 10_000_000
CHART = """query ($run: String!, $points: Int!) {
    series(runs: [$run], metric: "loss", maxPoints: $points, precision: FLOAT32) {
        x lines { mean min max } } }"""


def measure(desk: Desk) -> None:
    count, large = desk.size(POINTS, 20_000), desk.size(LARGE, 50_000)
    made, planted = spiked(count)
    file = kept(made, desk.folder / "points")
    with desk.server("series") as server:
        for run, size in (("short", count), ("long", large)):
            script(server, "series", run, size)
            await_folded(server, run, "loss", size)
        await_quiet(server.home / "runvane.db")
        charts = {
            run: graphql(server, CHART, run=run, points=CHART_POINTS) for run in ("short", "long")
        }
        floor = page(server, "/healthz")
        asked: dict[str, Question] = {"runvane": charts["short"], "floor": floor}
        spikes = {"runvane": float(spikes_in(Client(charts["short"]).ask(), planted))}
        for name, peer in desk.peers.items():
            _, run = peer.ingest("spikes", file, count)
            asked[name] = peer.chart(run)
            peer.needed()
            spikes[name] = float(found(planted, peer.shown(Client(asked[name]).ask())))
        times = desk.size(REPEATS, 3)
        spent = dict(in_turn(asked, times))
        bounds = {"bare answer of this server, ms": median(spent.pop("floor"))}
        note = "the peers thin to 1,000 to 3,000 points by chance or by counting: see the next row"
        desk.tell(medians("series_100k", spent, bounds=bounds, note=note))
        desk.tell(medians("spikes", {name: [value] for name, value in spikes.items()}))
        spent = in_turn({"runvane": charts["long"], "floor": floor}, times)
        kept_spikes = spikes_in(Client(charts["long"]).ask(), planted)
        desk.tell(
            Figure(
                name="series_10m",
                figure=median(spent["runvane"]),
                samples=spent["runvane"],
                bounds={"bare answer of this server, ms": median(spent["floor"])},
                note=f"{kept_spikes} of 20 spikes shown; no peer draws it",
            )
        )


def spikes_in(answer: bytes, planted: Sequence[float]) -> int:
    (line,) = json.loads(answer)["data"]["series"]["lines"]
    return found(planted, [*line["max"], *line["min"], *line["mean"]])
