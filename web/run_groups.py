"""A run table in groups: above the runs that are alike a line says what they have together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple

from starlette.requests import Request

from web.documents import Answer, question
from web.formats import number, value_of
from web.render import as_json, icon, slug
from web.run_address import Asked, Cell, label_of, subject_of
from web.texts import plural, text

# As many as the contract gives.
GROUPS = 1000
COLUMNS = 20


class Columns(NamedTuple):
    """Of the table: as many cells of metrics and parameters, and which others."""

    cells: int
    params: int
    # The cell that a phone shows.
    lead: int
    drawn: bool
    homes: bool
    # Those before the metrics.
    beside: int


@dataclass(frozen=True, slots=True)
class Groups:
    """`capped`: what they say is of the newest runs alone."""

    key: str
    found: Mapping[str | None, Answer]
    runs: int
    capped: bool

    def among(
        self, runs: Sequence[Answer], lines: Sequence[str], columns: Columns
    ) -> Iterator[str]:
        """The lines with a heading wherever another group begins."""
        last: object = Groups
        for run, line in zip(runs, lines, strict=True):
            value = self._value_of(run)
            alike = _alike(self.key, value)
            if alike != last:
                last = alike
                yield self._heading(value, self.found.get(alike), columns)
            yield line

    def _value_of(self, run: Answer) -> Any:
        kind, _, name = self.key.partition(":")
        if kind == "param":
            (value,) = run["group"]
            return value
        return run["tags"].get(name) if kind == "tag" else run[kind]

    def _heading(self, value: Any, group: Answer | None, columns: Columns) -> str:
        said = f"status.{value}" if self.key == "status" else ""
        shown = text(said) if said else value_of(value)
        name = escape(text("runs.group.none", name=label_of(self.key)) if value is None else shown)
        if value is not None:
            name = f"{escape(label_of(self.key))} = {name}"
        count = group["runs"] if group else None
        runs = "" if count is None else escape(plural("count.runs", count, number(count)))
        # Another grouping has the same values, too.
        fold = slug(as_json([self.key, value]))
        button = (
            f'<button type="button" data-fold="{fold}" aria-expanded="true"'
            f' aria-label="{escape(text("runs.group.fold"))}">{icon("chevron-down")}</button>'
        )
        cells = [_together(group, n, lead=n == columns.lead) for n in range(columns.cells)]
        if columns.drawn:
            cells.insert(min(columns.cells, 1), "<td></td>")
        cells[:0] = ["<td></td>"] * (columns.homes + columns.beside)
        cells += ['<td class="edge"></td>', *["<td></td>"] * columns.params][: columns.params]
        return f"""
  <tr class="group"><td class="sel"><span>{button}</span></td>\
<td class="name">{name} <span class="muted">· {runs}</span></td><td></td>\
{"".join(cells)}<td class="edge"></td><td></td></tr>"""


def _together(group: Answer | None, place: int, *, lead: bool) -> str:
    """Mean and standard deviation of a column, and of how many values."""
    name = f"r num mk{' edge' if place == 0 else ''}{' lead' if lead else ''}"
    mean = group["mean"][place] if group and place < COLUMNS else None
    if mean is None or group is None:
        return f'<td class="{name}"></td>'
    std, n = group["std"][place], group["n"][place]
    deviation = "" if std is None else f' <span class="pm">±{number(_short(std))}</span>'
    title = escape(plural("runs.group.values", n, number(n)))
    return f'<td class="{name}" title="{title}">{number(mean)}{deviation}</td>'


def _short(deviation: float) -> float:
    """In two digits: it says how far the mean can be trusted."""
    return float(f"{deviation:.2g}")


async def groups_of(
    request: Request, asked: Asked, wanted: Mapping[str, Any], cells: Sequence[Cell]
) -> Groups | None:
    """None: it is not in groups."""
    by = subject_of(asked.group)
    # All that are in one experiment would be one group.
    if by is None or (asked.group == "experiment" and wanted["experiment"]):
        return None
    query = question(
        "run_groups",
        filter=wanted,
        by=by,
        columns=[cell.variables for cell in cells[:COLUMNS]],
        first=GROUPS,
    )
    found = (await query.answer(request))["runGroups"]
    return Groups(
        asked.group,
        {_alike(asked.group, each["value"]): each for each in found["groups"]},
        found["runs"],
        found["capped"],
    )


def _alike(key: str, value: Any) -> str | None:
    """The same for what reads the same, as the contract puts it in groups."""
    if value is None:
        return None
    if key == "status":
        return str(value).lower().replace("_", "")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else as_json(value)
