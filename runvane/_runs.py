"""`runvane runs`: look at runs, follow, change and export them, through the API."""

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from runvane import _asking, home
from runvane._progress import Progress
from runvane._tables import shown, span, table

PAGE = 200
BULK = 1000
# What the API calls `RunAttribute`.
ATTRIBUTES = (
    "RUN_ID",
    "NAME",
    "DESCRIPTION",
    "STATUS",
    "REASON",
    "KIND",
    "TARGET",
    "EXPERIMENT",
    "PARENT",
    "ROOT",
    "PRIMARY_METRIC",
    "NUMBER",
    "DEPTH",
    "CREATED",
    "STARTED",
    "ENDED",
    "HEARTBEAT",
    "DURATION",
)
STATS = ("last", "min", "max", "first", "mean", "count")
_LIST = """query Runs($filter: RunFilter, $sort: [RunSort!], $first: Int!, $after: String,
    $columns: [CellInput!]!) {
  runs(filter: $filter, sort: $sort, first: $first, after: $after) {
    edges { node { runId name experiment status createdAt duration tags } }
    metricCells(columns: $columns) totalCount { value capped }
    pageInfo { hasNextPage endCursor } } }"""
_SHOW = """query Run($run: String!) { run(runId: $run) {
    runId name experiment number kind parentId status reason target createdAt startedAt endedAt
    duration description params tags properties error warnings childCount activeLog { name }
    metricList(first: 100) { name kind columns { column n last min max } } } }"""
_CANCEL = """mutation Cancel($runs: [String!]!, $reason: String!) {
  cancelRuns(runIds: $runs, reason: $reason) { runs { runId status }
    userErrors { message path } } }"""
_TAG = """mutation Tag($runs: [String!]!, $set: JSON, $remove: [String!]) {
  tagRuns(runIds: $runs, setTags: $set, removeTags: $remove) { runs { runId tags }
    userErrors { message path } } }"""
_DIFF = """query Diff($runs: [String!]!, $equal: Boolean!) { runDiff(runs: $runs, equal: $equal) {
    runs { runId name } params { name values } tags { name values } properties { name values }
    facts { name values } metrics { metric column stat values } capped } }"""


def add(commands: Any) -> argparse.ArgumentParser:
    """Say what `runvane runs` takes."""
    words: argparse.ArgumentParser = commands.add_parser("runs", help="look at runs, change them")
    kinds = words.add_subparsers(required=True, metavar="what")
    listing = kinds.add_parser("list", help="the newest, or those of a filter")
    listing.add_argument("filter", nargs="?", help="such as 'metrics.loss.last < 0.1'")
    listing.add_argument("--experiment", help="only of this one")
    listing.add_argument("--scope", choices=("roots", "any", "leaves"), default="any",
                         help="which runs of a tree; any if not said")  # fmt: skip
    listing.add_argument("--sort", action="append", default=[], metavar="[-]KEY", type=_sort,
                         help="such as -metrics.loss.min, params.lr, created")  # fmt: skip
    listing.add_argument("--metric", action="append", default=[], metavar="NAME[.STAT]",
                         type=_metric, help="a column for it; may be said again")  # fmt: skip
    listing.add_argument("--first", type=_count, default=20, help="how many at most; 20")
    listing.set_defaults(run=list_runs)
    showing = kinds.add_parser("show", help="what there is to know of one")
    tailing = kinds.add_parser("tail", help="follow one until it ends")
    canceling = kinds.add_parser("cancel", help="ask them to stop")
    canceling.add_argument("--reason", default="", help="why, for their history")
    tagging = kinds.add_parser("tag", help="set and remove tags")
    tagging.add_argument("--set", action="append", default=[], metavar="NAME[=VALUE]", type=_tag,
                         help="a tag: JSON, or else text, or nothing")  # fmt: skip
    tagging.add_argument("--remove", action="append", default=[], metavar="NAME")
    differing = kinds.add_parser("diff", help="in what they differ from the first")
    differing.add_argument("--equal", action="store_true", help="also what is the same")
    exporting = kinds.add_parser("export", help="write every point of a run")
    exporting.add_argument("--metric", help="only this one; to stdout without --output")
    exporting.add_argument("--column", default="value")
    exporting.add_argument("--format", choices=("ndjson", "csv", "parquet"), default="ndjson")
    exporting.add_argument("--output", help="a file; of all metrics a folder")
    for parser, does in ((showing, show), (tailing, tail), (exporting, export)):
        parser.add_argument("id", help="the run's id")
        parser.set_defaults(run=does)
    for parser, does in ((canceling, cancel), (tagging, tag), (differing, diff)):
        parser.add_argument("ids", nargs="+", metavar="id", help="the runs' ids")
        parser.set_defaults(run=does)
    for parser in (listing, showing, tailing, canceling, tagging, differing):
        parser.add_argument("--json", action="store_true", help="for programs")
    return words


def list_runs(chosen: argparse.Namespace) -> int:
    runs, total = _listed(chosen)
    if chosen.json:
        _say_json(runs)
        return 0
    names = [f"{each['metric']}.{each['stat'].lower()}" for each in chosen.metric]
    # A terminal is narrow, and who reads there counts from now.
    now = datetime.now(UTC) if sys.stdout.isatty() else None
    when = "age" if now else "created"
    lines = [["id", "name", "experiment", "status", when, "duration", *names]]
    for run in runs:
        cells = [shown(run["metrics"][name]) for name in names]
        created = datetime.fromisoformat(run["createdAt"])
        when = span((now - created).total_seconds()) if now else f"{created:%Y-%m-%d %H:%M:%S}"
        status = status_of(run["status"])
        about = [run["runId"], run["name"], run["experiment"], status, when, span(run["duration"])]
        lines.append([*about, *cells])
    print(table(lines, fit=(1, 2)) if runs else "no runs")
    if total["value"] > len(runs):
        more = "+" if total["capped"] else ""
        print(f"{len(runs):,} of {total['value']:,}{more}; more with --first", file=sys.stderr)
    return 0


def _listed(chosen: argparse.Namespace) -> tuple[list[dict[str, Any]], Mapping[str, Any]]:
    wanted = {"scope": chosen.scope.upper(), "text": chosen.filter, "experiment": chosen.experiment}
    runs: list[dict[str, Any]] = []
    after, total = None, {"value": 0, "capped": False}
    with Progress("reading", chosen.first) as progress:
        while len(runs) < chosen.first:
            page = _asking.ask(
                _LIST, filter=wanted, sort=chosen.sort or None, columns=chosen.metric,
                first=min(PAGE, chosen.first - len(runs)), after=after,
            )["runs"]  # fmt: skip
            total = page["totalCount"]
            for edge, cells in zip(page["edges"], page["metricCells"], strict=True):
                named = (f"{each['metric']}.{each['stat'].lower()}" for each in chosen.metric)
                runs.append({**edge["node"], "metrics": dict(zip(named, cells, strict=True))})
            progress.add(len(page["edges"]))
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
    return runs, total


def show(chosen: argparse.Namespace) -> int:
    run = found(chosen.id)
    if chosen.json:
        _say_json(run)
        return 0
    lines = [("run", run["runId"]), ("address", f"{home.url()}/runs/{run['runId']}")]
    for key, name in (("name", "name"), ("experiment", "experiment"), ("number", "number"),
                      ("kind", "kind"), ("parentId", "parent"), ("target", "target"),
                      ("createdAt", "created"), ("startedAt", "started"), ("endedAt", "ended"),
                      ("childCount", "children"), ("description", "description")):  # fmt: skip
        if run[key]:
            lines.append((name, shown(run[key])))
    why = f": {run['reason']}" if run["reason"] else ""
    lines[2:2] = [("status", status_of(run["status"]) + why), ("duration", span(run["duration"]))]
    for group in ("params", "tags", "properties"):
        lines += [(f"{group}.{key}", shown(value)) for key, value in run[group].items()]
    lines += [("warning", text) for text in run["warnings"]]
    if run["error"]:
        lines.append(("error", run["error"].get("message", "")))
    print(table(lines))
    metrics = [["metric", "kind", "points", "last", "min", "max"]]
    for each in run["metricList"]:
        for of in each["columns"]:
            name = each["name"] if of["column"] == "value" else f"{each['name']}.{of['column']}"
            values = [shown(of[key]) for key in ("last", "min", "max")]
            metrics.append([name, each["kind"].lower(), str(of["n"]), *values])
    if len(metrics) > 1:
        print(f"\n{table(metrics)}")
    return 0


def tail(chosen: argparse.Namespace) -> int:
    from runvane import _tail

    return _tail.follow(found(chosen.id), as_json=chosen.json)


def cancel(chosen: argparse.Namespace) -> int:
    return _change(_CANCEL, "cancelRuns", chosen, _status_said,
                   reason=chosen.reason)  # fmt: skip


def tag(chosen: argparse.Namespace) -> int:
    tags = dict(chosen.set)
    return _change(_TAG, "tagRuns", chosen, _tags_said,
                   set=tags, remove=chosen.remove)  # fmt: skip


def _status_said(run: Mapping[str, Any]) -> str:
    return status_of(run["status"])


def _tags_said(run: Mapping[str, Any]) -> str:
    return json.dumps(run["tags"], ensure_ascii=False)


def _change(document: str, field: str, chosen: argparse.Namespace, said: Any, **more: Any) -> int:
    changed: list[Mapping[str, Any]] = []
    wrong: list[str] = []
    with Progress("changing", len(chosen.ids)) as progress:
        for at in range(0, len(chosen.ids), BULK):
            some = chosen.ids[at : at + BULK]
            payload = _asking.ask(document, runs=some, **more)[field]
            changed += [run for run in payload["runs"] if run]
            wrong += [error["message"] for error in payload["userErrors"]]
            progress.add(len(some))
    if chosen.json:
        _say_json(changed)
    else:
        for run in changed:
            print(f"{run['runId']}  {said(run)}")
    for words in wrong:
        print(f"runvane: {words}", file=sys.stderr)
    return 1 if wrong else 0


def diff(chosen: argparse.Namespace) -> int:
    if len(chosen.ids) < 2:
        raise _asking.Refused("name two runs or more, to see in what they differ")
    difference = _asking.ask(_DIFF, runs=chosen.ids, equal=chosen.equal)["runDiff"]
    if chosen.json:
        _say_json(difference)
        return 0
    lines = [("", *(run["name"] for run in difference["runs"]))]
    for group in ("params", "tags", "properties", "facts"):
        lines += [
            (f"{group}.{each['name']}", *map(shown, each["values"])) for each in difference[group]
        ]
    for each in difference["metrics"]:
        column = "" if each["column"] == "value" else f".{each['column']}"
        name = f"metrics.{each['metric']}{column}.{each['stat'].lower()}"
        lines.append((name, *map(shown, each["values"])))
    print(table(lines, fit=range(len(lines[0]))) if len(lines) > 1 else "they do not differ")
    return 0


def export(chosen: argparse.Namespace) -> int:
    from runvane import _exporting

    if chosen.metric:
        _exporting.column(chosen.id, chosen.metric, chosen.column, chosen.format, chosen.output)
        return 0
    return _exporting.run(chosen.id, chosen.format, chosen.output or chosen.id)


def found(run_id: str) -> Mapping[str, Any]:
    run = _asking.ask(_SHOW, run=run_id)["run"]
    if run is None:
        raise _asking.Refused(f"there is no run {run_id}", "NOT_FOUND")
    return run


def status_of(said: str) -> str:
    """COMPLETED as people write it: Completed."""
    return "".join(part.capitalize() for part in said.split("_"))


def _say_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


def _tag(said: str) -> tuple[str, Any]:
    name, sign, value = said.partition("=")
    if not name:
        raise argparse.ArgumentTypeError("a tag has a name")
    try:
        return name, json.loads(value) if sign else None
    except ValueError:
        return name, value


def _metric(said: str) -> Mapping[str, str]:
    name, _, stat = said.rpartition(".")
    if name and stat in STATS:
        return {"metric": name, "stat": stat.upper()}
    return {"metric": said, "stat": "LAST"}


def _count(said: str) -> int:
    if not said.isdecimal() or not int(said):
        raise argparse.ArgumentTypeError(f"a number from 1, not {said}")
    return int(said)


def _sort(said: str) -> Mapping[str, Any]:
    """`created`, `params.lr`, `tags.team`, `metrics.loss.min`; a minus: the greatest first."""
    key = said.removeprefix("-")
    group, _, name = key.partition(".")
    if group == "metrics" and name:
        subject: Mapping[str, Any] = {"metric": _metric(name)}
    elif group in ("params", "tags") and name:
        subject = {group.removesuffix("s"): name}
    elif name or not key.replace("_", "").isalpha():
        raise argparse.ArgumentTypeError("an attribute, or params., tags., metrics. and a name")
    elif key.upper() not in ATTRIBUTES:
        raise argparse.ArgumentTypeError(f"one of {', '.join(ATTRIBUTES).lower()}, not {key}")
    else:
        subject = {"attribute": key.upper()}
    direction = "DESCENDING" if said.startswith("-") else "ASCENDING"
    return {"subject": subject, "direction": direction}
