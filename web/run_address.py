"""What the address of a run table says: which runs, in which order, and what is shown of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote

from starlette.datastructures import QueryParams

from web.texts import text

# As many keys as the contract takes, one of which a table in groups needs for itself.
SORTS_MAX = 4
STATS = ("LAST", "MIN", "MAX", "MEAN", "FIRST", "COUNT")
# What every run has, by the words of an address.
ATTRIBUTES = {
    "name": "NAME",
    "status": "STATUS",
    "experiment": "EXPERIMENT",
    "created": "CREATED",
    "duration": "DURATION",
}
# Of these a table can be in groups.
GROUPED = ("status", "experiment")
# Signs and words that only the language of filters has; anything else is part of a name.
_SPOKEN = re.compile(r"[=<>!~]|\s(?:exists|contains)\b")
_TAGS_FIRST = re.compile(r"(?:#\S+\s*)*")


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


@dataclass(frozen=True, slots=True)
class Sorted:
    """How a column stands in the order: `place` counts from 1."""

    place: int
    descending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the address of a table says; None is for the default of that experiment."""

    text: str = ""
    statuses: tuple[str, ...] = ()
    # Keys of columns, the first one first; with a minus those that fall.
    sort: tuple[str, ...] = ()
    # The key of what runs are put in groups by.
    group: str = ""
    cells: tuple[Cell, ...] | None = None
    params: tuple[str, ...] | None = None
    after: str | None = None
    selected: tuple[str, ...] = ()
    # As trees; which runs are open in them, or shut, as run_trees.py reads it.
    tree: bool = False
    opened: tuple[str, ...] = ()
    # Deleted runs instead of those that are there.
    deleted: bool = False
    # Charts of one's own, as `custom_charts` reads them.
    charts: tuple[str, ...] = ()
    # The saved view that it was opened by, however far it has moved on.
    view: str = ""

    @property
    def filtered(self) -> bool:
        return bool(self.text or self.statuses)

    @property
    def by_default(self) -> bool:
        """Whether the columns are ours to choose."""
        return self.cells is None and self.params is None

    @property
    def group_params(self) -> Sequence[str]:
        """The parameter that it is in groups by, if it is one."""
        kind, _, name = self.group.partition(":")
        return [name] if kind == "param" else []

    @property
    def said(self) -> str:
        """What of the text is in the language of filters; empty where it is a name and tags."""
        if not _SPOKEN.search(" ".join(each for each in self.text.split() if each[0] != "#")):
            return ""
        return _TAGS_FIRST.sub("", self.text, count=1)

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
            "sort": list(asked.sort),
            "group": asked.group,
            "after": asked.after,
            "sel": ",".join(asked.selected),
            "depth": "tree" if asked.tree else None,
            "open": ",".join(asked.opened) if asked.tree else None,
            "deleted": "yes" if asked.deleted else None,
            "chart": list(asked.charts),
            "view": asked.view,
            **columns,
        }

    def filter(self, **scope: Any) -> Mapping[str, Any]:
        """Words with a hash are tags; the others are part of a name, or a filter's text."""
        words = self.text.split()
        if self.said:
            words = self.text[: -len(self.said)].split()
        tags = [word[1:].partition("=") for word in words if len(word) > 1 and word[0] == "#"]
        name = " ".join(word for word in words if word[0] != "#")
        wanted = {
            "name": name or None,
            "text": self.said or None,
            "statuses": list(self.statuses) or None,
            "tags": [{"key": key, "value": value if eq else None} for key, eq, value in tags]
            or None,
            "deleted": self.deleted or None,
        }
        return {**scope, **{key: value for key, value in wanted.items() if value is not None}}

    def sorting(self) -> Sequence[Mapping[str, Any]] | None:
        """None: the newest first. Groups come before all, by their values."""
        keys = [self.group, *self.sort] if self.group else self.sort
        if self.group and not self.sort:
            keys = [self.group, "-created"]
        subjects = [(subject_of(key.removeprefix("-")), key[:1] == "-") for key in keys]
        found = [
            {"subject": subject, "direction": "DESCENDING" if falls else "ASCENDING"}
            for subject, falls in subjects
            if subject
        ]
        return found or None

    def place_of(self, key: str) -> Sorted | None:
        for place, each in enumerate(self.sort or ("-created",), 1):
            if each.removeprefix("-") == key:
                return Sorted(place, descending=each[:1] == "-")
        return None

    def sorted_by(self, key: str) -> tuple[str, ...]:
        """By this alone: falling, then rising."""
        stands = self.place_of(key)
        return (key if stands and stands.place == 1 and stands.descending else f"-{key}",)


def asked_in(params: QueryParams) -> Asked:
    own, tree = params.get("columns") == "own", params.get("depth") == "tree"
    cells = tuple(cell for key in params.getlist("col") if (cell := cell_of(key)))
    return Asked(
        text=params.get("q", "").strip(),
        statuses=tuple(status for status in params.getlist("status") if status),
        sort=_sort_in(params),
        # A tree is in one order from its root on.
        group="" if tree else _group_in(params),
        cells=cells if own else None,
        params=tuple(params.getlist("param")) if own else None,
        after=params.get("after"),
        selected=_runs_in(params, "sel"),
        tree=tree,
        opened=_runs_in(params, "open") if tree else (),
        deleted=params.get("deleted") == "yes",
        charts=tuple(params.getlist("chart")),
        view=params.get("view", ""),
    )


def _runs_in(params: QueryParams, name: str) -> tuple[str, ...]:
    return tuple(run for run in params.get(name, "").split(",") if run)


def _sort_in(params: QueryParams) -> tuple[str, ...]:
    """Each column once, those that there can be."""
    found: dict[str, str] = {}
    for key in params.getlist("sort"):
        found.setdefault(key.removeprefix("-"), key)
    return tuple(key for column, key in found.items() if subject_of(column))[:SORTS_MAX]


def _group_in(params: QueryParams) -> str:
    key = params.get("group", "")
    kind, colon, name = key.partition(":")
    return key if key in GROUPED or (colon and name and kind in ("param", "tag")) else ""


def subject_of(key: str) -> Mapping[str, Any] | None:
    """What a column is of, as the contract says it; None where there is no such column."""
    if key in ATTRIBUTES:
        return {"attribute": ATTRIBUTES[key]}
    kind, _, name = key.partition(":")
    if name and kind in ("param", "tag"):
        return {kind: name}
    cell = cell_of(key)
    return {"metric": cell.variables} if cell else None


def label_of(key: str) -> str:
    """What runs are in groups by, as pages call it."""
    kind, _, name = key.partition(":")
    if kind == "param":
        return name
    return f"#{name}" if kind == "tag" else text(f"run.{kind}")


def cell_of(key: str) -> Cell | None:
    stat, _, rest = key.partition(":")
    column, colon, metric = rest.partition(":")
    if not colon or not metric or stat.upper() not in STATS:
        return None
    return Cell(metric, unquote(column) or "value", stat.upper())
