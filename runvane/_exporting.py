"""`runvane runs export`: every point of a run, as the server streams them."""

import sys
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode

from runvane import _asking
from runvane._tables import Progress

PART_BYTES = 64 * 1024


def run(run: Mapping[str, Any], kind: str, output: str) -> int:
    """A file for each column of each metric, in a folder; raise Refused where one is lost."""
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    columns = [(each["name"], of) for each in run["metricList"] for of in each["columns"]]
    with Progress("writing", sum(int(of["n"]) for _, of in columns)) as progress:
        for metric, of in columns:
            # A name is text of any sort; a file of it stays in the folder.
            name = quote(metric, safe=" ()") + ("" if of["column"] == "value" else
                                                f".{quote(of['column'], safe=' ()')}")  # fmt: skip
            with (folder / f"{name}.{kind}").open("wb") as file:
                _copy(run["runId"], metric, of["column"], kind, file.write)
            progress.add(int(of["n"]))
    print(f"{len(columns):,} files in {folder}")
    return 0


def column(run_id: str, metric: str, name: str, kind: str, output: str | None) -> None:
    """To a file, or to stdout."""
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
