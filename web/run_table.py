"""A table of runs: what its address asks for, and what it shows."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from starlette.datastructures import QueryParams
from starlette.requests import Request

from web.documents import Answer, Question, question
from web.formats import plain
from web.render import at, link
from web.run_rows import joined, row, tags

PAGE = 100
CELLS_MAX = 4
PARAMS_MAX = 3
CHARTS_MAX = 3
SHOWN_MAX = 10
SPARK_POINTS = 40
STATS = ("LAST", "MIN", "MAX", "MEAN", "FIRST", "COUNT")
BEST = {"MAXIMIZE": "MAX", "MINIMIZE": "MIN"}
# Parameters that people look for first, and last.
PARAM_RANKS = {"lr": 0, "learning_rate": 0, "seed": 2, "random_state": 2}
# Kinds that are one number after another.
LINES = ("SCALAR", "LIST")


@dataclass(frozen=True, slots=True)
class Cell:
    """One statistic of one metric column; `key` is how an address names it."""

    metric: str
    column: str = "value"
    stat: str = "LAST"

    @property
    def key(self) -> str:
        return f"{self.stat.lower()}:{quote(self.column, safe='')}:{self.metric}"

    @property
    def label(self) -> str:
        return self.metric if self.column == "value" else f"{self.metric}.{self.column}"

    @property
    def variables(self) -> Mapping[str, str]:
        return {"metric": self.metric, "column": self.column, "stat": self.stat}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the address of a table says; None is for the default of that experiment."""

    text: str = ""
    statuses: tuple[str, ...] = ()
    sort: str = ""
    cells: tuple[Cell, ...] | None = None
    params: tuple[str, ...] | None = None
    after: str | None = None
    selected: tuple[str, ...] = ()
    # Only runs that have no parent.
    top: bool = False

    @property
    def filtered(self) -> bool:
        return bool(self.text or self.statuses)

    @property
    def by_default(self) -> bool:
        """Whether the columns are ours to choose."""
        return self.cells is None and self.params is None

    def query(self, **changes: Any) -> Mapping[str, Any]:
        """The address of this table with something changed; it begins at its first page."""
        asked = replace(self, **{"after": None, **changes})
        columns: Mapping[str, Any] = {}
        if not asked.by_default:
            columns = {
                "columns": "own",
                "col": [cell.key for cell in asked.cells or ()],
                "param": list(asked.params or ()),
            }
        return {
            "q": asked.text,
            "status": list(asked.statuses),
            "sort": asked.sort,
            "after": asked.after,
            "sel": ",".join(asked.selected),
            "depth": "top" if asked.top else None,
            **columns,
        }

    def filter(self, **scope: Any) -> Mapping[str, Any]:
        """The words of the text are a name; those with a hash are tags."""
        words = self.text.split()
        tags = [word[1:].partition("=") for word in words if len(word) > 1 and word[0] == "#"]
        name = " ".join(word for word in words if word[0] != "#")
        wanted = {
            "name": name or None,
            "statuses": list(self.statuses) or None,
            "tags": [{"key": key, "value": value if eq else None} for key, eq, value in tags]
            or None,
        }
        return {**scope, **{key: value for key, value in wanted.items() if value is not None}}

    def sorting(self) -> Mapping[str, Any] | None:
        key = self.sort.removeprefix("-")
        direction = "DESCENDING" if self.sort.startswith("-") else "ASCENDING"
        if key == "created":
            return {"subject": {"attribute": "CREATED"}, "direction": direction}
        cell = cell_of(key)
        return {"subject": {"metric": cell.variables}, "direction": direction} if cell else None


def asked_in(params: QueryParams) -> Asked:
    own = params.get("columns") == "own"
    cells = tuple(cell for key in params.getlist("col") if (cell := cell_of(key)))
    return Asked(
        text=params.get("q", "").strip(),
        statuses=tuple(status for status in params.getlist("status") if status),
        sort=params.get("sort", ""),
        cells=cells if own else None,
        params=tuple(params.getlist("param")) if own else None,
        after=params.get("after"),
        selected=tuple(run for run in params.get("sel", "").split(",") if run),
        top=params.get("depth") == "top",
    )


def cell_of(key: str) -> Cell | None:
    stat, _, rest = key.partition(":")
    column, colon, metric = rest.partition(":")
    if not colon or not metric or stat.upper() not in STATS:
        return None
    return Cell(metric, unquote(column) or "value", stat.upper())


async def table(
    request: Request, asked: Asked, experiment: Answer, here: Mapping[str, Any], **scope: Any
) -> dict[str, Any]:
    """
    The values of `_run_table.html`: the runs of an experiment, or those below one run.

    `here` is the page that it stands on, and what of its address is not the table's.
    """
    if asked.by_default:
        cells, params = default_cells(experiment), default_params(experiment)
    else:
        cells, params = asked.cells or (), asked.params or ()
    charted = _charted(cells, experiment)
    query = question(
        "runs",
        filter=asked.filter(experiment=experiment["name"], **scope),
        sort=asked.sorting(),
        first=PAGE,
        after=asked.after,
        cells=[cell.variables for cell in cells],
        params=list(params),
        **_drawn(charted),
    )
    page = (await query.answer(request))["runs"]
    runs = _runs(page)
    best, colours = _best_in(runs, cells, experiment), colours_of(shown(runs, asked))
    # On a phone a line has room for one number.
    lead = next((n for n, each in enumerate(cells) if each.key == asked.sort.lstrip("-")), 0)
    tag, runs_path = tags(_tagged(request, asked, here)), escape(link(request, "run", run_id=""))
    under = [here["name"] == "runs" and run["depth"] > 0 for run in runs]
    return {
        "asked": asked,
        "here": here,
        "page": page,
        "listed": [run["runId"] for run in runs],
        "nested": any(under),
        "rows": joined(
            row(
                run,
                tag=tag,
                runs_path=runs_path,
                chosen=run["runId"] in asked.selected,
                colour=colours.get(run["runId"]),
                best=run["runId"] == best,
                under=below,
                drawn=bool(charted),
                lead=lead,
            )
            for run, below in zip(runs, under, strict=True)
        ),
        "cells": cells,
        "lead": lead,
        "params": params,
        "charted": charted,
        "colours_of": colours,
        "sparks": bool(charted),
        "table_query": query,
        "pickable": experiment["metricColumns"],
        "pickable_params": [each["key"] for each in experiment["paramColumns"]],
        "stats": STATS[:4],
    }


def _runs(page: Answer) -> Sequence[Answer]:
    """What the page says of each run, together."""
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
            "paramCells": params,
            "line": line,
        }
        for edge, children, metrics, params, line in parts
    ]


def _tagged(request: Request, asked: Asked, here: Mapping[str, Any]) -> Callable[[str], str]:
    """The address of this table of those that have a tag; what else it says is made once."""
    said = at(request, here, asked.query(text="\0")).split("q=%00")
    return lambda words: f"q={quote_plus(words)}".join(said)


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
    return tuple(each["key"] for each in ranked[:PARAMS_MAX])


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
