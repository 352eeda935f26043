"""A table of runs: what its address asks for, and what it shows."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request

from web.documents import Answer, Question, question
from web.formats import plain
from web.render import at, link
from web.run_rows import row

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
            return {"direction": direction}
        cell = cell_of(key)
        return {**cell.variables, "direction": direction} if cell else None


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
    query = question(
        "runs",
        filter=asked.filter(experiment=experiment["name"], **scope),
        sort=asked.sorting(),
        first=PAGE,
        after=asked.after,
        cells=[cell.variables for cell in cells],
        params=list(params),
    )
    page = (await query.answer(request))["runs"]
    rows = zip(
        page["edges"], page["childCounts"], page["metricCells"], page["paramCells"], strict=True
    )
    runs = [
        {**edge["node"], "childCount": children, "metrics": metrics, "paramCells": params}
        for edge, children, metrics, params in rows
    ]
    charted, best = _charted(cells, experiment), _best_in(runs, cells, experiment)
    colours = colours_of(shown(runs, asked))
    sparks = await _sparks(request, runs, charted[0] if charted else None)
    tagged, runs_path = _tagged(request, asked, here), link(request, "run", run_id="")
    return {
        "asked": asked,
        "here": here,
        "page": page,
        "rows": [
            row(
                run,
                tagged=tagged,
                runs_path=runs_path,
                chosen=run["runId"] in asked.selected,
                colour=colours.get(run["runId"]),
                values=sparks.get(run["runId"], ()),
                best=run["runId"] == best,
                nested=here["name"] == "runs",
            )
            for run in runs
        ],
        "cells": cells,
        "params": params,
        "charted": charted,
        "colours_of": colours,
        "sparks": sparks,
        "table_query": query,
        "pickable": experiment["metricColumns"],
        "pickable_params": experiment["paramKeys"],
        "stats": STATS[:4],
    }


def _tagged(request: Request, asked: Asked, here: Mapping[str, Any]) -> Callable[[str, Any], str]:
    """The address of this table of those that have a tag; what else it says is made once."""
    said = at(request, here, asked.query(text="\0")).split("q=%00")

    def tagged(key: str, value: Any) -> str:
        words = f"#{key}" if value is None else f"#{key}={value}"
        return f"q={quote_plus(words)}".join(said)

    return tagged


def default_cells(experiment: Answer) -> tuple[Cell, ...]:
    """The primary metric at its best, then the numbers most of the newest runs have."""
    best = experiment["best"]
    first = (Cell(best["metric"], stat=BEST[best["goal"]]),) if best else ()
    # In the order in which a script logged them.
    common = Counter(
        metric["name"]
        for edge in experiment["runs"]["edges"]
        for metric in edge["node"]["metricList"]
    )
    places = {name: place for place, (name, _) in enumerate(common.most_common())}
    others = [
        Cell(each["metric"], each["column"])
        for each in experiment["metricColumns"]
        if each["kind"] in LINES and not (best and each["metric"] == best["metric"])
    ]
    others.sort(key=lambda cell: places.get(cell.metric, len(places)))
    return (*first, *others)[:CELLS_MAX]


def default_params(experiment: Answer) -> tuple[str, ...]:
    """What differs between the newest runs before what all share, and a learning rate first."""
    newest = [edge["node"]["params"] for edge in experiment["newest"]["edges"]]

    def rank(key: str) -> tuple[bool, int]:
        differs = len({repr(params[key]) for params in newest if key in params}) > 1
        word = key.rpartition(".")[2].lower().replace("-", "_")
        return (not differs, PARAM_RANKS.get(word, 1))

    return tuple(sorted(experiment["paramKeys"], key=rank)[:PARAMS_MAX])


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


async def _sparks(
    request: Request, runs: Sequence[Answer], cell: Cell | None
) -> Mapping[str, Sequence[float | None]]:
    if not runs or cell is None:
        return {}
    query = spark_question([run["runId"] for run in runs], cell)
    try:
        series = plain((await query.answer(request))["series"])
    except HTTPException:
        # Points of a run that are damaged; the charts say so, and the table needs none.
        return {}
    return {line["runId"]: line["mean"] for line in series["lines"]}


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
