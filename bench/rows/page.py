"""A page of a list of runs as HTML over HTTP, from 10,000 runs and from a million."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from bench import lists
from bench.clients import Client, Question, in_turn
from bench.desk import Desk, graphql, page
from bench.figures import Figure, quantile
from bench.generators import runs
from bench.loading import EXPERIMENT
from bench.systems import Mlflow
from tests.flows.server import ROOT, Server

RUNS, MANY = 10_000, 1_000_000
REPEATS = 100
# Few of the runs: 1 in 40.
FILTER = "#team=team-7"
SORT = "-last:value:uniform/b"
LAST = {"subject": {"metric": {"metric": "uniform/b"}}, "direction": "DESCENDING"}
CELLS = ("val/loss", "val/accuracy", "uniform/a", "uniform/b")
PARAMS = ("lr", "bs", "model")
DEEP_PAGE = 1000
PAGE = 100
COUNT = """query ($filter: RunFilter!) { runs(filter: $filter, first: 1) {
    totalCount { value capped } } }"""
CURSOR = """query ($filter: RunFilter!, $sort: [RunSort!]!, $after: String) {
    runs(filter: $filter, sort: $sort, first: 100, after: $after) { pageInfo { endCursor } } }"""


def measure(desk: Desk) -> None:
    """Of 10,000 runs, beside MLflow's search with the same filter and order, which gives JSON."""
    count = desk.size(RUNS, 300)
    with desk.server("page", home=lists.sqlite(count)) as server:
        asked = {
            "runvane": table(server, FILTER),
            "floor": page(server, "/healthz"),
            "json": cells(server),
        }
        mlflow = desk.peers.get("mlflow")
        if isinstance(mlflow, Mlflow):
            asked["mlflow"] = mlflow.page(mlflow.runs(written(desk.folder / "runs", count)))
        spent = dict(in_turn(asked, desk.size(REPEATS, 3)))
    floor, as_json = spent.pop("floor"), spent.pop("json")
    note = "MLflow gives JSON; the others have no list that a server filters and sorts"
    for name, part in (("page_10k", 0.5), ("page_10k_p95", 0.95)):
        bounds = {
            "bare answer of this server, ms": quantile(floor, part),
            "the same runs and cells as its JSON, ms": quantile(as_json, part),
        }
        tell(desk, name, spent, part, bounds=bounds, note=note)


def measure_many(desk: Desk) -> None:
    count = desk.size(MANY, 300)
    with desk.server("page_1m", home=lists.sqlite(count)) as server:
        measure_list(desk, server, "page_1m")
    if not desk.quick:
        with (
            lists.on_postgres(count) as url,
            desk.server("page_1m_postgres", database_url=url) as server,
        ):
            measure_list(desk, server, "page_1m_postgres")


def measure_list(desk: Desk, server: Server, name: str) -> None:
    """The first page, page 1,000 of the whole list, and how many runs the filter has."""
    deep = cursor(server, desk.size(DEEP_PAGE, 3) - 1)
    one = {"experiment": EXPERIMENT, "tags": [{"key": "team", "value": "team-7"}]}
    asked = {
        name: table(server, FILTER),
        f"{name}_deep": table(server, "", deep),
        f"{name}_count": graphql(server, COUNT, filter=one),
        "first": table(server, ""),
        "all": graphql(server, COUNT, filter={"experiment": EXPERIMENT}),
        "floor": page(server, "/healthz"),
    }
    spent = in_turn(asked, desk.size(REPEATS, 3))
    usual = {key: median(of) for key, of in spent.items()}
    floor = {"bare answer of this server, ms": usual["floor"]}
    notes = {
        name: f"p95 {quantile(spent[name], 0.95):.1f} ms",
        f"{name}_deep": f"page 1 of the same list {usual['first']:.1f} ms",
        f"{name}_count": f"of all runs {usual['all']:.1f} ms",
    }
    for each, note in notes.items():
        tell(desk, each, {"runvane": spent[each]}, 0.5, bounds=floor, note=note)


def tell(
    desk: Desk,
    name: str,
    spent: Mapping[str, Sequence[float]],
    part: float,
    *,
    bounds: Mapping[str, float],
    note: str,
) -> None:
    peers = {peer: quantile(of, part) for peer, of in spent.items() if peer != "runvane"}
    desk.tell(
        Figure(
            name=name,
            figure=quantile(spent["runvane"], part),
            samples=spent["runvane"],
            peers=peers,
            peer_samples={peer: spent[peer] for peer in peers},
            bounds=bounds,
            note=note,
        )
    )


def table(server: Server, text: str, after: str | None = None) -> Question:
    """The list's page as a browser asks for it."""
    query = {"q": text, "sort": SORT, **({"after": after} if after else {})}
    return page(server, f"/experiments/{EXPERIMENT}?{urlencode(query)}")


def cells(server: Server) -> Question:
    """What the table shows, without its small lines, as a tool asks for it."""
    return graphql(
        server,
        (ROOT / "web/queries/runs.graphql").read_text(),
        filter={"experiment": EXPERIMENT, "tags": [{"key": "team", "value": "team-7"}]},
        sort=LAST,
        first=PAGE,
        cells=[{"metric": name, "stat": "LAST"} for name in CELLS],
        params=PARAMS,
    )


def cursor(server: Server, pages: int) -> str | None:
    """Behind so many pages, which have to be walked: the cursor is the last value and key."""
    after: str | None = None
    for _ in range(pages):
        asked = graphql(server, CURSOR, filter={"experiment": EXPERIMENT}, sort=LAST, after=after)
        client = Client(asked)
        after = json.loads(client.ask())["data"]["runs"]["pageInfo"]["endCursor"]
        client.close()
    return after


def written(path: Path, count: int) -> Path:
    """The runs as lines of JSON, for other systems' scripts."""
    with path.open("w") as file:
        for spec in runs(count):
            file.write(json.dumps(asdict(spec)) + "\n")
    return path
