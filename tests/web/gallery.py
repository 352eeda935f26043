"""Every page of a server that the showcase has filled, by name."""

import subprocess
import sys
from collections.abc import Mapping
from urllib.parse import urlencode

from playwright.sync_api import Page

from tests.flows.server import ROOT, Server
from tests.web import cluster

RUNS = """query ($filter: RunFilter!) { runs(filter: $filter, first: 100) {
  edges { node { runId } } } }"""
SAVE = "mutation ($input: SaveViewInput!) { saveView(input: $input) { view { id } } }"
VIEWS = "{ views(first: 1) { edges { node { id name } } } }"
VIEW = "augmentation by policy"
# More than a chart shows point by point, and logged in a second.
STEPS = 20_000
# Of each kind of chart that somebody can make one, with a band of each width.
CHARTS = (
    "kind=lines&y=last:value:val/loss&y=last:value:train/loss",
    "kind=groups&y=last:value:val/accuracy&by=param:backbone",
    "kind=groups&y=last:value:val/loss&by=param:backbone&band=std&log=y",
    "kind=groups&y=last:value:val/accuracy&by=all&band=stderr",
    "kind=scatter&y=max:value:val/accuracy&x=param:lr&log=x",
    "kind=bars&y=max:value:val/accuracy&by=param:backbone",
    "kind=parallel&y=param:backbone&y=param:batch&y=param:lr&y=max:value:val/accuracy",
)

NAMES = (
    "experiments", "experiment", "charts", "groups", "tree", "runs", "search", "automl",
    "automl-trial", "trial", "trial-images", "trial-overview", "trial-raw", "long", "long-files",
    "long-snapshot", "long-code", "failed", "silent", "compute", "target", "target-nodes",
    "compare", "settings", "views", "view", "query", "error",
)  # fmt: skip


def fill(server: Server) -> None:
    """What `examples/showcase.py` leaves, and compute targets with runs on them."""
    command = [sys.executable, "examples/showcase.py", f"--steps={STEPS}"]
    subprocess.run(command, check=True, cwd=ROOT, env=server.env, capture_output=True)
    cluster.write(server)
    keep(server, "pictures as trees", "/experiments/pictures?depth=tree")
    keep(server, "what failed", "/runs?status=FAILED")
    keep(server, VIEW, "/experiments/augmentation?sort=-created")


def keep(server: Server, name: str, page: str) -> None:
    """A view of a page, as its own button would save it but for what it asked."""
    server.ask(SAVE, input={"name": name, "page": page, "document": "{ alarm }"})


def run_named(server: Server, name: str) -> str:
    """The newest run of that name."""
    return first(server, {"text": f"name = {name!r}", "scope": "ANY"})


def child_of(server: Server, run: str) -> str:
    return first(server, {"parent": run})


def first(server: Server, asked: Mapping[str, str]) -> str:
    found = server.ask(RUNS, filter=asked)["runs"]["edges"]
    assert found, asked
    return found[0]["node"]["runId"]


def draw(page: Page) -> None:
    """Look at each chart that somebody made: what nobody sees is not drawn."""
    cards = page.locator(".chart.custom").all()
    for card in cards:
        card.scroll_into_view_if_needed()
        card.locator(".canvas :is(canvas, svg)").first.wait_for()
    assert len(cards) in (0, len(CHARTS))
    if cards:
        # A phone has room for one.
        cards[1].scroll_into_view_if_needed()
    page.evaluate("scrollTo(0, 0)")


def pages(server: Server) -> Mapping[str, str]:
    """Where each page is, with something to see on it."""
    search, trial = run_named(server, "random search"), run_named(server, "trial 0")
    long = run_named(server, "1.3B on 26 B tokens")
    automl = run_named(server, "which digit is it")
    seeds = [run_named(server, f"{policy}, seed 0") for policy in ("none", "mixup", "cutmix")]
    (newest,) = server.ask(VIEWS)["views"]["edges"]
    moved = urlencode({"group": "param:policy", "view": newest["node"]["id"]})
    at = {
        "experiments": "/",
        "experiment": f"/experiments/augmentation?{urlencode({'sel': ','.join(seeds)})}",
        "charts": f"/experiments/pictures?{urlencode({'chart': CHARTS}, doseq=True)}",
        "groups": "/experiments/augmentation?group=param:policy",
        "tree": "/experiments/pictures?depth=tree",
        "runs": "/runs",
        "search": f"/runs/{search}",
        "automl": f"/runs/{automl}?tab=children",
        "automl-trial": f"/runs/{child_of(server, automl)}",
        "trial": f"/runs/{trial}",
        **{f"trial-{tab}": f"/runs/{trial}?tab={tab}" for tab in ("images", "overview", "raw")},
        "long": f"/runs/{long}",
        **{f"long-{tab}": f"/runs/{long}?tab={tab}" for tab in ("files", "snapshot", "code")},
        "failed": f"/runs/{run_named(server, 'resume from shard 17')}?tab=overview",
        "silent": f"/runs/{run_named(server, 'on a spot machine')}",
        "compute": "/compute",
        "target": "/compute/gpu-h100",
        "target-nodes": "/compute/gpu-h100?tab=nodes",
        "compare": f"/compare?runs={','.join(seeds)}",
        "settings": "/settings",
        "views": "/views",
        "view": f"/experiments/augmentation?{moved}",
        "query": "/query",
        "error": "/runs/none",
    }
    return {name: at[name] for name in NAMES}
