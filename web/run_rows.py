"""
The lines of a run table as HTML.

A page has a hundred of them with twenty parts each, which a template would ask for and escape one
by one: here a line is made at once. Whatever a user may have written passes `escape`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from html import escape
from typing import Any

from markupsafe import Markup

from web import formats
from web.documents import Answer
from web.render import icon
from web.shell import colour_of
from web.texts import plural, spoken, text

# Where nothing stands that is not asked for.
IN_A_LIST: Answer = {"matches": True, "left": 0}
# A tag of so many letters fits whatever they are. That it need not be cut saves a twentieth of what
# a browser does for a page.
SHORT = 12
# Of the small line's box.
WIDTH, HEIGHT = 74, 20


def joined(rows: Iterable[str]) -> Markup:
    """What `row` gave, for a template."""
    return Markup("".join(rows))  # noqa: S704 - escaped where it was made


def row(
    run: Answer,
    *,
    tag: Callable[[str, Any], str],
    runs_path: str,
    home: str,
    beside: Sequence[Any],
    chosen: bool,
    colour: int | None,
    best: bool,
    apart: bool,
    drawn: bool,
    lead: int,
) -> str:
    """
    `runs_path` is where runs are, `tag` one of `tags`, `home` what `homes` says of its experiment,
    `beside` what stands before its metrics.

    `apart`: the list is of runs of any depth. `drawn`: the table has a column of
    small lines, which stands behind the first cell. `lead`: the metric that a phone shows.
    """
    cells = _cells(run, best=best, lead=lead)
    if drawn:
        cells.insert(min(len(run["metrics"]), 1), _spark(run["line"], colour))
    cells = [*_beside(beside), *cells]
    # An id has only letters that HTML and a path take as they are.
    id_, created = run["runId"], run["createdAt"]
    name = escape(run["name"] or id_)
    tagged = "".join([tag(key, value) for key, value in run["tags"].items()])
    return f"""
  <tr id="run-{id_}" data-run="{id_}" data-name="{name}" data-number="{run["number"]}"\
{' aria-selected="true"' if chosen else ""}\
{"" if run.get("branch", IN_A_LIST)["matches"] else ' class="leads"'}>
    <td class="sel" hx-morph-skip><span><input type="checkbox" class="box"\
 aria-label="{text("runs.select", name=name)}"{" checked" if chosen else ""}>\
<i class="dot {"off" if colour is None else f"c{colour}"}"></i></span></td>
    <td class="name">{_stem(run, runs_path, apart=apart)}<a href="{runs_path}{id_}">{name}</a>\
{tagged}{_children(run["childCount"])}{_left(run, runs_path)}</td>
    <td>{_state(run["status"], spoken())}</td>{home}
    {"".join(cells)}
    <td class="edge"><time datetime="{created}" title="{formats.moment(created)}" data-ago>\
{formats.ago(created)}</time></td>
    <td class="r num">{formats.duration(run["duration"])}</td>
  </tr>"""


def _cells(run: Mapping[str, Any], *, best: bool, lead: int) -> list[str]:
    """Of each metric and parameter."""
    cells: list[str] = []
    for n, value in enumerate(run["metrics"]):
        muted = " muted" if value is None else ""
        first = (" edge best" if best else " edge") if n == 0 else ""
        leads = " lead" if n == lead else ""
        cells.append(_cell(f"r num mk{muted}{first}{leads}", value, formats.number(value)))
    for n, value in enumerate(run["paramCells"]):
        cells.append(_cell("r num edge" if n == 0 else "r num", value, formats.value_of(value)))
    return cells


def _beside(values: Sequence[Any]) -> Iterator[str]:
    for n, value in enumerate(values):
        name = "r num" if isinstance(value, int | float) else ""
        yield _cell(f"{name} edge" if n == 0 else name, value, formats.value_of(value))


def _cell(name: str, value: Any, said: str) -> str:
    """Numbers are most of them, and need no escaping."""
    return f'<td class="{name}">{said if isinstance(value, int | float) else escape(said)}</td>'


def tags(tagged: Callable[[str], str]) -> Callable[[str, Any], str]:
    """
    Make tags of one table: many of its runs have the same.

    `tagged` gives the address of all that have a tag, by the words that filter for it.
    """

    @cache
    def made(words: str) -> str:
        name = "tag" if len(words) > SHORT else "tag short"
        return f'<a class="{name}" href="{escape(tagged(f"#{words}"))}">{escape(words)}</a>'

    return lambda key, value: made(key if value is None else f"{key}={value}")


def homes(linked: Callable[[str], str]) -> Callable[[str], str]:
    """Make the cells of experiments of one table of all runs; `linked` gives an address."""

    @cache
    def made(name: str) -> str:
        dot = f'<i class="dot c{colour_of(name)}"></i>'
        return f'<td class="home">{dot}<a href="{escape(linked(name))}">{escape(name)}</a></td>'

    return made


def _stem(run: Answer, runs_path: str, *, apart: bool) -> str:
    """
    What stands before its name: in a list that it is below a run which may not be in sight.

    In a tree it is how deep it is, and what opens its children; where no further branch can be
    open, what leads to them.
    """
    branch = run.get("branch")
    if branch is None:
        return _under(spoken()) if apart and run["depth"] else ""
    if not run["childCount"]:
        return f'<span class="twig" data-level="{branch["level"]}"></span>'
    name = run["name"] or run["runId"]
    if not branch["open"] and not branch["room"]:
        label = escape(text("runs.branch.full", name=name))
        return (
            f'<span class="twig" data-level="{branch["level"]}">'
            f'<a href="{_children_of(run, runs_path)}" aria-label="{label}" title="{label}">'
            f"{icon('arrow-right')}</a></span>"
        )
    label = escape(text("runs.branch", name=name))
    return (
        f'<span class="twig" data-level="{branch["level"]}"><button type="button"'
        f' data-branch="{run["runId"]}" aria-expanded="{"true" if branch["open"] else "false"}"'
        f' aria-label="{label}">{icon("chevron-down")}</button></span>'
    )


def _children(count: int) -> str:
    if not count:
        return ""
    title = escape(plural("runs.children", count))
    return f'<span class="tag plain" title="{title}">{icon("git-fork")}{count}</span>'


def _left(run: Answer, runs_path: str) -> str:
    """Where those are for which an open branch has no room."""
    left = run.get("branch", IN_A_LIST)["left"]
    if not left:
        return ""
    said = escape(plural("runs.branch.left", left))
    return f'<a class="tag" href="{_children_of(run, runs_path)}">{said}</a>'


def _children_of(run: Answer, runs_path: str) -> str:
    return f"{runs_path}{run['runId']}?tab=children"


@cache
def _under(_: str) -> str:
    """In the language that is spoken."""
    title = escape(text("runs.under"))
    return f'<span class="under" title="{title}">{icon("corner-down-right")}</span>'


@cache
def _state(status: str, _: str) -> str:
    """In the language that is spoken."""
    name = status.lower().replace("_", "")
    return f'<span class="state" data-s="{name}">{escape(text(f"status.{status}"))}</span>'


def _spark(values: Sequence[float | str | None], colour: int | None) -> str:
    path, cross = formats.spark(values, WIDTH, HEIGHT)
    name = "s-mute" if colour is None else f"s{colour}"
    drawn = f'<path class="{name}" d="{path}"/>' if path else ""
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none"'
    said = 'aria-hidden="true"'
    if cross:
        said = 'role="img"'
        drawn = f"<title>{_broken(spoken())}</title>{drawn}" + f'<path class="broken" d="{cross}"/>'
    return f'<td><svg class="spark" {box} {said}>{drawn}</svg></td>'


@cache
def _broken(_: str) -> str:
    """In the language that is spoken."""
    return escape(text("spark.broken"))
