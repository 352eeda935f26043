"""A table of runs: what it asks for, and what it shows."""

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote_plus

from markupsafe import Markup
from starlette.requests import Request

from web.custom_charts import BANDS, customs_in
from web.documents import Answer, Question, document, question
from web.formats import plain
from web.leaderboard import Beside
from web.render import at, link
from web.run_address import STATS, Asked, Cell
from web.run_filter import parts_of
from web.run_groups import Columns, groups_of
from web.run_rows import homes, joined, row, tags
from web.run_trees import trees

PAGE = 100
# So many lines fill a screen.
FIRST = 40
CELLS_MAX = 4
PARAMS_MAX = 3
CHARTS_MAX = 3
SHOWN_MAX = 10
SPARK_POINTS = 40
BEST = {"MAXIMIZE": "MAX", "MINIMIZE": "MIN"}
# Parameters that people look for first, and last.
PARAM_RANKS = {"lr": 0, "learning_rate": 0, "seed": 2, "random_state": 2}
# Kinds that are one number after another.
LINES = ("SCALAR", "LIST")
# What is done to runs from a list of them.
CHANGES = ("tag_runs", "cancel_runs", "delete_runs", "restore_runs", "update_run")
# The pages of which a table is all that there is, with runs of any depth.
LISTS = ("runs", "all_runs")
# What is sent when it is opened.
SHEETS = {"columns": "_columns.html", "custom-chart": "_custom_chart.html"}
ALONE = Beside()
NOTHING: Answer = {
    "totalCount": {"value": 0, "capped": False},
    "pageInfo": {"hasNextPage": False, "endCursor": None},
    "edges": [],
    "childCounts": [],
    "metricCells": [],
    "paramCells": [],
}


async def table(
    request: Request,
    asked: Asked,
    experiment: Answer,
    here: Mapping[str, Any],
    beside: Beside = ALONE,
    **scope: Any,
) -> dict[str, Any]:
    """
    The values of `_run_table.html`: the runs of an experiment, those below one run, or all.

    `here` is the page that it stands on, and what of its address is not the table's. `beside` is
    what only that page can say of a run.
    """
    cells, params = columns_of(asked, experiment)
    charted = _charted(cells, experiment)
    query = _question(asked, experiment, cells, params, charted, **scope)
    problem = await _problem(request, asked)
    page, runs = (NOTHING, ()) if problem else await _found(request, query, asked, len(params))
    groups = await groups_of(request, asked, query.variables["filter"], cells) if runs else None
    best, colours = _best_in(runs, cells, experiment), colours_of(shown(runs, asked))
    told = _told(charted, cells, runs, asked)
    # Trees are asked for without their small lines.
    drawn = bool(told) and told[0] == charted[0] and not asked.tree
    # On a phone a line has room for one number.
    lead = next((n for n, each in enumerate(cells) if asked.place_of(each.key)), 0)
    lines = _lines(
        request, asked, here, beside, runs, best=best, colours=colours, drawn=drawn, lead=lead
    )
    columns = Columns(
        len(cells), len(params), lead, drawn, not experiment["name"], len(beside.heads)
    )
    return {
        "asked": asked,
        "here": here,
        "sheets": SHEETS,
        "page": page,
        "problem": problem,
        "listed": [run["runId"] for run in runs],
        "roots": len(page["edges"]),
        **_rows(asked, [*groups.among(runs, lines, columns)] if groups else lines),
        "groups": groups,
        "beside": beside.heads,
        "cells": cells,
        "lead": lead,
        "params": params,
        "charted": told,
        "colours_of": colours,
        "sparks": drawn,
        "customs": customs_in(asked.charts),
        "listing": _listing(query, asked),
        "table_query": query,
        "csv": _csv(asked, cells, params, experiment=experiment["name"], **scope),
        "sorted_to": _sorting(request, asked, here),
        **_offered(asked, experiment, runs),
    }


def _rows(asked: Asked, lines: Sequence[str]) -> dict[str, Markup]:
    """The lines that are seen at once, and those below the screen."""
    # Branches and groups are folded as soon as they come, all of them.
    first = len(lines) if asked.tree or asked.group else FIRST
    return {"rows": joined(lines[:first]), "later": joined(lines[first:])}


def _lines(
    request: Request,
    asked: Asked,
    here: Mapping[str, Any],
    beside: Beside,
    runs: Sequence[Answer],
    *,
    best: str | None,
    colours: Mapping[str, int],
    drawn: bool,
    lead: int,
) -> list[str]:
    tag, runs_path = tags(_tagged(request, asked, here)), escape(link(request, "run", run_id=""))
    home = homes(lambda name: link(request, "runs", name=name))
    return [
        row(
            run,
            tag=tag,
            runs_path=runs_path,
            home=home(run["experiment"]) if "experiment" in run else "",
            beside=beside.of(run["runId"]),
            chosen=run["runId"] in asked.selected,
            colour=colours.get(run["runId"]),
            best=run["runId"] == best,
            apart=here["name"] in LISTS,
            drawn=drawn,
            lead=lead,
        )
        for run in runs
    ]


def _listing(query: Question, asked: Asked) -> Mapping[str, Any]:
    """What charts of all runs ask for the same runs with."""
    said = {key: query.variables[key] for key in ("filter", "sort", "first", "after")}
    return {**said, "trees": asked.tree}


def columns_of(asked: Asked, experiment: Answer) -> tuple[Sequence[Cell], Sequence[str]]:
    if asked.by_default:
        return default_cells(experiment), default_params(experiment)
    return asked.cells or (), asked.params or ()


def _question(
    asked: Asked,
    experiment: Answer,
    cells: Sequence[Cell],
    params: Sequence[str],
    charted: Sequence[Cell],
    **scope: Any,
) -> Question:
    return question(
        "run_trees" if asked.tree else "runs",
        filter=asked.filter(experiment=experiment["name"], **scope),
        sort=asked.sorting(),
        first=PAGE,
        after=asked.after,
        cells=[cell.variables for cell in cells],
        params=[*params, *asked.group_params],
        anywhere=experiment["name"] is None,
        **_drawn(() if asked.tree else charted),
    )


async def _problem(request: Request, asked: Asked) -> Answer | None:
    """What is wrong with the text of the filter."""
    if not asked.said:
        return None
    reading = question("filter_reading", text=asked.said)
    return (await reading.answer(request))["filterReading"]["problem"]


def _csv(
    asked: Asked, cells: Sequence[Cell], params: Sequence[str], **scope: Any
) -> Mapping[str, Any]:
    """The address of what is shown, from its first run on; the depth says which scope."""
    shown = asked.query(cells=tuple(cells), params=tuple(params), selected=(), view="")
    return {**shown, **{key: value for key, value in scope.items() if key != "scope"}}


def _offered(asked: Asked, experiment: Answer, runs: Sequence[Answer]) -> Mapping[str, Any]:
    """What there is to choose columns and groups from, to filter by, and to do."""
    best = experiment["best"]
    params = [each["key"] for each in experiment["paramColumns"]]
    kind, _, name = asked.group.partition(":")
    tags = {key for run in runs for key in run["tags"]}
    return {
        "homes": not experiment["name"],
        "experiment_name": experiment["name"],
        "filter_parts": parts_of(asked),
        "completion": "filter_completion",
        "bulk": {each: document(each) for each in CHANGES},
        "nested": any(run["depth"] > 0 or run["childCount"] for run in runs),
        "pickable": experiment["metricColumns"],
        "pickable_params": params,
        "groupable": {
            "params": sorted({*params, *asked.group_params}),
            "tags": sorted(tags | ({name} if kind == "tag" else set())),
        },
        "stats": STATS[:4],
        "bands": BANDS,
        "best_key": Cell(best["metric"], stat=BEST[best["goal"]]).key if best else None,
    }


async def _found(
    request: Request, query: Question, asked: Asked, params: int
) -> tuple[Answer, Sequence[Answer]]:
    if asked.tree:
        return await trees(request, query, asked.opened)
    page = (await query.answer(request))["runs"]
    return page, _runs(page, params)


def _runs(page: Answer, params: int) -> Sequence[Answer]:
    """What the page says of each run, together; what it is grouped by is behind its params."""
    edges = page["edges"]
    lines = plain(page["sparklines"]) if "sparklines" in page else [()] * len(edges)
    parts = zip(
        edges, page["childCounts"], page["metricCells"], page["paramCells"], lines, strict=True
    )
    return [
        {
            **edge["node"],
            "childCount": children,
            "metrics": metrics,
            "paramCells": said[:params],
            "group": said[params:],
            "line": line,
        }
        for edge, children, metrics, said, line in parts
    ]


def _tagged(request: Request, asked: Asked, here: Mapping[str, Any]) -> Callable[[str], str]:
    """The address of this table of those that have a tag; what else it says is made once."""
    said = at(request, here, asked.query(text="\0")).split("q=%00")
    return lambda words: f"q={quote_plus(words)}".join(said)


def _sorting(
    request: Request, asked: Asked, here: Mapping[str, Any]
) -> Callable[[Sequence[str]], str]:
    """The address of this table in another order."""
    head, tail = at(request, here, asked.query(sort=("\0",))).split("sort=%00")
    return lambda keys: head + "&".join(f"sort={quote_plus(key)}" for key in keys) + tail


def default_cells(experiment: Answer) -> tuple[Cell, ...]:
    """The primary metric at its best, then the numbers most of the newest runs have."""
    best = experiment["best"]
    first = (Cell(best["metric"], stat=BEST[best["goal"]]),) if best else ()
    others = [
        each
        for each in experiment["metricColumns"]
        if each["kind"] in LINES and not (best and each["metric"] == best["metric"])
    ]
    others.sort(key=_rank)
    more = [Cell(each["metric"], each["column"]) for each in others]
    return (*first, *more)[:CELLS_MAX]


def _rank(column: Answer) -> float:
    return math.inf if column["rank"] is None else column["rank"]


def default_params(experiment: Answer) -> tuple[str, ...]:
    """What differs between the newest runs before what all share, and a learning rate first."""

    def rank(param: Answer) -> tuple[bool, int]:
        word = param["key"].rpartition(".")[2].lower().replace("-", "_")
        return (not param["varies"], PARAM_RANKS.get(word, 1))

    ranked = sorted(experiment["paramColumns"], key=rank)
    # Among runs of all experiments the column of the experiment takes the place of one.
    most = PARAMS_MAX if experiment["name"] else PARAMS_MAX - 1
    return tuple(each["key"] for each in ranked[:most])


def shown(runs: Sequence[Answer], asked: Asked) -> Sequence[Answer]:
    """The runs whose lines are drawn: the selected, or else the newest of the page."""
    if asked.selected:
        return [run for run in runs if run["runId"] in asked.selected]
    newest = sorted(runs, key=lambda run: run["number"], reverse=True)
    return newest[:SHOWN_MAX]


def colours_of(runs: Sequence[Answer]) -> Mapping[str, int]:
    """A run keeps the colour of its number where no other shown run has it (as shown.js does)."""
    taken: dict[str, int] = {}
    free = set(range(8))
    for run in sorted(runs, key=lambda run: run["number"]):
        free = free or set(range(8))
        wanted = run["number"] % 8
        colour = next(c % 8 for c in range(wanted, wanted + 8) if c % 8 in free)
        free.discard(colour)
        taken[run["runId"]] = colour
    return taken


def _charted(cells: Sequence[Cell], experiment: Answer) -> Sequence[Cell]:
    lines = {
        (each["metric"], each["column"])
        for each in experiment["metricColumns"]
        if each["kind"] in LINES
    }
    distinct = {(cell.metric, cell.column): cell for cell in cells}
    return [cell for key, cell in distinct.items() if key in lines][:CHARTS_MAX]


def _told(
    charted: Sequence[Cell], cells: Sequence[Cell], runs: Sequence[Answer], asked: Asked
) -> Sequence[Cell]:
    """Those that some run here has a value of: the charts of others would be empty."""
    if set(asked.selected) - {run["runId"] for run in runs}:
        return charted
    known = {
        (cell.metric, cell.column)
        for place, cell in enumerate(cells)
        if any(run["metrics"][place] is not None for run in runs)
    }
    return [cell for cell in charted if (cell.metric, cell.column) in known]


def _drawn(charted: Sequence[Cell]) -> Mapping[str, Any]:
    """The small line of each run is of the first chart's metric."""
    if not charted:
        return {}
    return {"drawn": True, "line": charted[0].metric, "lineColumn": charted[0].column}


def spark_question(runs: Sequence[str], cell: Cell) -> Question:
    return question(
        "sparks", runs=list(runs), metric=cell.metric, column=cell.column, maxPoints=SPARK_POINTS
    )


def _best_in(runs: Sequence[Answer], cells: Sequence[Cell], experiment: Answer) -> str | None:
    """The run with the best value of the experiment's primary metric among those on the page."""
    best = experiment["best"]
    if not best:
        return None
    wanted = Cell(best["metric"], stat=BEST[best["goal"]])
    if wanted not in cells:
        return None
    place = list(cells).index(wanted)
    values = {
        run["runId"]: run["metrics"][place]
        for run in runs
        if isinstance(run["metrics"][place], int | float)
    }
    choose = max if best["goal"] == "MAXIMIZE" else min
    return choose(values, key=lambda run: values[run]) if values else None
