"""`runvane runs export`: every point of a run, as the server streams them."""

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode

from runvane import _asking
from runvane._progress import Progress

PART_BYTES = 64 * 1024
# No file system takes more than 255; a longer one is cut, and told from others by its digest.
NAME_LENGTH_MAX = 200
_NAMES = """query Names($run: String!, $after: String) { run(runId: $run) {
  metricNames(first: 1000, after: $after) {
    edges { node } pageInfo { hasNextPage endCursor } } } }"""
_COLUMNS = """query Columns($run: String!, $metric: String!) { run(runId: $run) {
  metricsPending metric(name: $metric) { columns { column } } } }"""


def run(run_id: str, kind: str, output: str) -> int:
    """A file for each column of each metric, in a folder; raise Refused where one is lost."""
    names = _names(run_id)
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    with Progress("writing metrics", len(names)) as progress:
        for metric in names:
            found = _asking.ask(_COLUMNS, run=run_id, metric=metric)["run"]["metric"]
            for column in (each["column"] for each in found["columns"]):
                with (folder / f"{_file_name(metric, column)}.{kind}").open("wb") as file:
                    _copy(run_id, metric, column, kind, file.write)
                count += 1
            progress.add(1)
    print(f"{count:,} files in {folder}")
    return 0


def _names(run_id: str) -> Sequence[str]:
    names: list[str] = []
    after: str | None = None
    while True:
        found = _asking.ask(_NAMES, run=run_id, after=after)["run"]
        if found is None:
            raise _asking.Refused(f"there is no run {run_id}", "NOT_FOUND")
        names += [edge["node"] for edge in found["metricNames"]["edges"]]
        if not found["metricNames"]["pageInfo"]["hasNextPage"]:
            return names
        after = found["metricNames"]["pageInfo"]["endCursor"]


def _file_name(metric: str, column: str) -> str:
    """A name is text of any sort; a file of it stays in the folder."""
    name = quote(metric, safe=" ()")
    name += "" if column == "value" else f".{quote(column, safe=' ()')}"
    if len(name) <= NAME_LENGTH_MAX:
        return name
    return f"{name[:NAME_LENGTH_MAX]}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def column(run_id: str, metric: str, name: str, kind: str, output: str | None) -> None:
    """To a file, or to stdout; raise Refused where there is no such column."""
    found = _asking.ask(_COLUMNS, run=run_id, metric=metric)["run"]
    if found is None:
        raise _asking.Refused(f"there is no run {run_id}", "NOT_FOUND")
    columns: Sequence[Mapping[str, Any]] = found["metric"]["columns"] if found["metric"] else ()
    names = [each["column"] for each in columns]
    # What was just logged is not counted yet.
    if name not in names and not found["metricsPending"]:
        has = f"metric {metric} has {', '.join(names)}" if names else f"it has no metric {metric}"
        raise _asking.Refused(f"run {run_id}: {has}", "NOT_FOUND")
    if output is None:
        _copy(run_id, metric, name, kind, sys.stdout.buffer.write)
        sys.stdout.buffer.flush()
        return
    with Path(output).open("wb") as file:
        _copy(run_id, metric, name, kind, file.write)


def _copy(
    run_id: str, metric: str, column: str, kind: str, write: Callable[[bytes], object]
) -> None:
    asked = urlencode({"metric": metric, "column": column, "format": kind})
    try:
        with _asking.opened(f"/export/runs/{quote(run_id)}?{asked}", None) as reply:
            while part := reply.read(PART_BYTES):
                write(part)
    except HTTPError as error:
        raise _asking.Refused(_asking.words_of(error)) from None
    except (OSError, HTTPException) as error:
        raise _asking.Refused(_asking.no_answer(error), "") from None
