"""One run: how it goes, its charts, what it was given, and the runs below it."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from web.charts import Chart, chart_of, sections, settings_in
from web.documents import Answer, Question, document, question
from web.figures import drawn
from web.formats import number, plain
from web.leaderboard import Beside, leaderboard
from web.render import answered, is_partial, link
from web.routes import Page
from web.run_address import Cell, asked_in
from web.run_code import PACKAGES, PATCH, addresses, git_of, is_dirty, machine
from web.run_files import (
    ACTIVE,
    TEXT_BYTES_MAX,
    Entry,
    code_of,
    entries_of,
    opened,
    opened_code,
    shown_as,
    tree,
    viewed,
)
from web.run_images import (
    IMAGES_MAX,
    STEPS_MAX,
    Pictured,
    asked_step,
    pictured,
    sources,
    steps_of,
)
from web.run_table import BEST, LINES, table
from web.shell import shell
from web.texts import script_words, text
from web.trials import trials

TEMPLATE = "run.html"
BLOCKS = {"side": "side", "head": "head", "tabs": "tabs", "panel": "panel"}
TABS = ("metrics", "overview", "images", "children", "files", "snapshot", "code", "raw")
# More tables than this are read when someone asks for them one by one.
ROWS_SHOWN = 100
TABLES_MAX = 20
KPIS_MAX = 3
# What the forms of the page do.
CHANGES = ("update_run", "cancel_run", "delete_run", "restore_run")
# The property that says which code a run has, before all of that has come.
SNAPSHOT_ID = "ContentSnapshotId"


async def run(request: Request) -> HTMLResponse:
    run_id, parts_only = request.path_params["run_id"], is_partial(request)
    values = await view(request, request.query_params, run_id, parts_only=parts_only)
    return answered(request, TEMPLATE, ("tools", "panel"), **values)


async def view(
    request: Request, params: QueryParams, run_id: str, *, parts_only: bool = False
) -> dict[str, Any]:
    asked = question("run", runId=run_id)
    found = (await asked.answer(request))["run"]
    if found is None:
        raise HTTPException(404, text("run.unknown", run=run_id))
    measured = [metric for metric in found["metricList"] if metric["kind"] != "IMAGE"]
    charts = [chart_of(metric) for metric in measured]
    tab = params.get("tab") or _first_tab(found, measured)
    tab = tab if tab in TABS else TABS[0]
    values: dict[str, Any] = {
        "shell": await shell(request, found["experiment"], parts_only=parts_only),
        "run": found,
        "tab": tab,
        "tabs": _tabs(found, tab, charts=len(charts)),
        "kpis": _kpis(found),
        "sections": sections(charts, params.getlist("pin")),
        "settings": settings_in(params),
        "x_metrics": [chart.metric for chart in charts if chart.picture == "line"],
        "pinned": params.getlist("pin"),
        "tables": {},
        "trials": None,
        "page_query": asked,
        "actions": {"run": run_id, "documents": {each: document(each) for each in CHANGES}},
        "last_step": _last_step(found),
        "parent_name": await _parent_name(request, found),
        **_shown_facts(found["facts"]),
        "events": {"run": run_id, **dict(params), "pin": params.getlist("pin"), "tab": tab},
    }
    if read := READERS.get(tab):
        return {**values, **await read(request, params, found)}
    if tab == "metrics":
        listed = [chart for chart in charts if chart.picture in ("table", "figure")][:TABLES_MAX]
        values["tables"] = {chart.id: await _rows(request, run_id, chart) for chart in listed}
    return values


async def _children(request: Request, params: QueryParams, run: Answer) -> dict[str, Any]:
    name = run["experiment"]
    asked = asked_in(params)
    query = question("experiment", name=name)
    experiment = (await query.answer(request))["experiment"]
    here = {"name": "run", "parts": {"run_id": run["runId"]}, "query": {"tab": "children"}}
    best = BEST.get(run["primaryGoal"] or "")
    searched = Cell(run["primaryMetric"], stat=best) if run["primaryMetric"] and best else None
    if searched:
        # Of an experiment with several searches, each has a metric of its own.
        goal = run["primaryGoal"]
        experiment = {**experiment, "best": {"metric": searched.metric, "goal": goal}}
    if searched and not asked.sort:
        # The list of a search is its leaderboard.
        asked = replace(asked, sort=(searched.key if best == "MIN" else f"-{searched.key}",))
    tried = await trials(request, run, experiment, searched) if searched else {}
    board = leaderboard(tried["trials"], highest=best == "MAX") if tried else Beside()
    return {
        **await table(request, asked, experiment, here, board, parent=run["runId"]),
        **tried,
        "events": {"run": run["runId"], "tab": "children", **asked.query(after=asked.after)},
    }


async def _files(request: Request, params: QueryParams, run: Answer) -> dict[str, Any]:
    asked = params.get("file", "")
    query = question("run_files", runId=run["runId"])
    found = (await query.answer(request))["run"]
    entries = list(entries_of(found))
    entry = opened(found, entries, asked)
    log = entry.path if entry and entry.kind == "log" else None
    # Without any yet, the page waits for what a script prints.
    awaited = log or (None if entry else ACTIVE)
    return {
        **_browsed(found, entries, entry),
        "page_query": query,
        "asked_file": asked,
        "viewed": viewed(entry, run["runId"]) if entry and log else None,
        "strip": _strip(run),
        "appended": _appended(run, awaited),
        "zip_url": f"/files/archives/{quote(run['runId'], safe='')}",
        "events": {"run": run["runId"], "tab": "files", "file": asked},
    }


async def _snapshot(request: Request, params: QueryParams, run: Answer) -> dict[str, Any]:
    asked = params.get("file", "")
    query = question("snapshot", runId=run["runId"])
    found = (await query.answer(request))["run"]
    # It is there as a whole, or not yet.
    entries = list(code_of(found)) if found["snapshot"] else []
    return {
        **_browsed(found, entries, opened_code(entries, asked)),
        "page_query": query,
        "asked_file": asked,
        "viewed": None,
        "strip": None,
        "coming": SNAPSHOT_ID in run["properties"] and not found["snapshot"],
        "zip_url": found["snapshot"]["url"] if found["snapshot"] else "",
        "events": {"run": run["runId"], "tab": "snapshot", "file": asked},
    }


def _strip(run: Answer) -> Chart | None:
    """The line above a log: of what the run is judged by, else of what it logged first."""
    charts = [chart_of(metric) for metric in run["metricList"] if metric["kind"] != "IMAGE"]
    lines = [chart for chart in charts if chart.picture == "line"]
    judged = (chart for chart in lines if chart.metric == run["primaryMetric"])
    return next(judged, lines[0] if lines else None)


def _browsed(found: Answer, entries: Sequence[Entry], entry: Entry | None) -> dict[str, Any]:
    """What `_files.html` shows: a tree, and of it the one that is open."""
    return {
        "tree": tree(entries),
        "more_files": found["files"]["pageInfo"]["hasNextPage"],
        "entry": entry,
        "shown_as": shown_as(entry) if entry else "nothing",
        "text_bytes_max": TEXT_BYTES_MAX,
        "words": script_words("files"),
    }


async def _code(request: Request, params: QueryParams, run: Answer) -> dict[str, Any]:
    asked = question("code", runId=run["runId"])
    found = (await asked.answer(request))["run"]
    logs = {each["name"]: each for each in found["logs"]}
    git = git_of(found["facts"])
    return {
        "page_query": asked,
        "git": git,
        "pages": addresses(git),
        "dirty": is_dirty(found["facts"]),
        "machine": machine(found["facts"]),
        "snapshot": found["snapshot"],
        "logs": {"patch": logs.get(PATCH), "packages": logs.get(PACKAGES)},
        "text_bytes_max": TEXT_BYTES_MAX,
        "words": script_words("files"),
    }


async def _raw(request: Request, params: QueryParams, run: Answer) -> dict[str, Any]:
    asked = question("raw", runId=run["runId"])
    found = plain((await asked.answer(request))["run"])
    return {"page_query": asked, "raw": json.dumps(found, indent=2, ensure_ascii=False)}


async def _images(request: Request, params: QueryParams, run: Answer) -> dict[str, Any]:
    """Of each metric all its steps: the page goes through them without asking again."""
    names = [each["name"] for each in run["metricList"] if each["kind"] == "IMAGE"]
    images: list[Pictured] = []
    for name in names[:IMAGES_MAX]:
        asked = question("rows", runId=run["runId"], metric=name, last=STEPS_MAX)
        found = plain((await asked.answer(request))["run"]["metric"])
        paths = [each["values"] for each in found["rows"]["columns"]]
        images.append(pictured(name, found["rows"]["steps"], paths[0] if paths else []))
    base = link(request, "experiments")
    return {
        "images": [(each, sources(each, run["runId"], base)) for each in images],
        "steps": steps_of(images),
        "step": asked_step(params),
        "more_images": len(names) if len(names) > IMAGES_MAX else 0,
    }


def _appended(run: Answer, log: str | None) -> Question | None:
    return question("log_appended", runId=run["runId"], log=log) if log else None


async def _rows(request: Request, run_id: str, chart: Chart) -> Mapping[str, Any]:
    # Of a picture only the newest is shown.
    last = 1 if chart.picture == "figure" else ROWS_SHOWN
    asked = question("rows", runId=run_id, metric=chart.metric, last=last)
    found = (await asked.answer(request))["run"]["metric"]
    rows: Answer = plain(found["rows"]) if found else {"total": 0, "steps": [], "columns": []}
    columns = [column["values"] for column in rows["columns"]]
    newest = columns[0][-1] if chart.picture == "figure" and columns and columns[0] else None
    return {
        "query": asked,
        "figures": drawn(chart.metric, chart.kind, newest) if newest else (),
        "names": [column["name"] for column in rows["columns"]],
        "rows": list(zip(rows["steps"], *columns, strict=True)),
        "total": int(rows["total"]),
    }


def _tabs(run: Answer, tab: str, *, charts: int) -> Sequence[tuple[str, int | None]]:
    """Those in which there is something, and the one that is open; with how much."""
    images = len(run["metricList"]) - charts
    code = run["snapshot"] or SNAPSHOT_ID in run["properties"]
    counts = {"metrics": charts, "images": images, "children": run["childCount"]}
    there = {"images": images, "children": run["childCount"], "snapshot": code}
    there["code"] = run["facts"]
    return [(name, counts.get(name)) for name in TABS if there.get(name, True) or name == tab]


def _first_tab(run: Answer, measured: Sequence[Answer]) -> str:
    # Who has a primary metric and logs none of it searches: it is what its children came to.
    searches = run["primaryMetric"] and run["primaryMetric"] not in {m["name"] for m in measured}
    if run["childCount"] and (searches or not measured):
        return "children"
    return "metrics" if measured or not run["ended"] else "overview"


def _kpis(run: Answer) -> list[Mapping[str, Any]]:
    """The primary metric at its best, then what else was logged number by number."""
    primary, best = run["primaryMetric"], BEST.get(run["primaryGoal"] or "")
    lines = {
        metric["name"]: metric["columns"][0]
        for metric in run["metricList"]
        if metric["kind"] in LINES and metric["columns"][0]["type"] == "NUMBER"
    }
    # How the machine does says little of how the run does.
    others = sorted((n for n in lines if n != primary), key=lambda n: n.startswith("system/"))
    names = [name for name in lines if name == primary] + others
    kpis: list[Mapping[str, Any]] = []
    for name in names[:KPIS_MAX]:
        column = lines[name]
        if name == primary and best:
            value, step = column[best.lower()], column[f"{best.lower()}Step"]
            small = text("run.kpi.at", step=number(int(step))) if step is not None else ""
            kpis.append({"name": text("run.best", metric=name), "value": value, "small": small})
        else:
            kpis.append({"name": name, "value": column["last"], "small": ""})
    return kpis


def _last_step(run: Answer) -> int | None:
    steps = [int(each["lastStep"]) for metric in run["metricList"] for each in metric["columns"]]
    return max(steps, default=None)


async def _parent_name(request: Request, run: Answer) -> str | None:
    if run["parentId"] is None:
        return None
    parent = (await question("name", runId=run["parentId"]).answer(request))["run"]
    return (parent and parent["name"]) or run["parentId"]


def _shown_facts(facts: Mapping[str, Any]) -> Mapping[str, str]:
    """Where it ran and from which code, as far as the script told."""
    git: Answer = facts["git"] if isinstance(facts.get("git"), dict) else {}
    commit, branch = str(git.get("commit", ""))[:7], str(git.get("branch", ""))
    return {
        "host_fact": str(facts.get("host") or ""),
        "commit_fact": " · ".join(part for part in (commit, branch) if part),
    }


# What is read for a tab, beyond what every tab shows.
READERS: Mapping[str, Callable[[Request, QueryParams, Answer], Awaitable[dict[str, Any]]]] = {
    "images": _images,
    "children": _children,
    "files": _files,
    "snapshot": _snapshot,
    "code": _code,
    "raw": _raw,
}
routes = [Page("/runs/{run_id}", run, name="run")]
