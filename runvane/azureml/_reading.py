"""What the server says of runs and experiments, in Azure's words."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from runvane import _asking
from runvane.azureml import _writers
from runvane.azureml.exceptions import ServiceException

# As GraphQL answers it.
Record: TypeAlias = Mapping[str, Any]

PAGE = 200
RUNNING = (
    "NotStarted", "Queued", "Preparing", "Provisioning", "Starting", "Running", "Unapproved",
    "NotResponding", "Pausing", "Paused",
)  # fmt: skip
POST_PROCESSING = ("CancelRequested", "Finalizing")
TERMINAL = ("Completed", "Failed", "Canceled")
_OF_RUN = """fragment Of on Run { runId experiment parentId rootId number name kind status ended
  reason target createdAt startedAt endedAt description tags properties params error warnings
  primaryMetric primaryGoal }"""
_RUN = f"query Run($run: String!) {{ run(runId: $run) {{ ...Of }} }} {_OF_RUN}"
_RUNS = f"""query Runs($filter: RunFilter, $first: Int!, $after: String) {{
  runs(filter: $filter, first: $first, after: $after) {{
    edges {{ node {{ ...Of }} }} pageInfo {{ hasNextPage endCursor }} }} }} {_OF_RUN}"""
_BELOW = f"""query Below($run: String!, $filter: RunFilter, $first: Int!, $after: String) {{
  run(runId: $run) {{ descendants(filter: $filter, first: $first, after: $after) {{
    edges {{ node {{ ...Of }} }} pageInfo {{ hasNextPage endCursor }} }} }} }} {_OF_RUN}"""


def ask(document: str, **variables: Any) -> Mapping[str, Any]:
    """The answer, with all that this process wrote before; raise ServiceException without one."""
    try:
        return _writers.ask(document, **variables)
    except _asking.Refused as error:
        raise ServiceException(str(error), error) from None


def change(document: str, field: str, **variables: Any) -> Mapping[str, Any]:
    try:
        return _writers.change(document, field, **variables)
    except _asking.Refused as error:
        raise ServiceException(str(error), error) from None


def run(run_id: str) -> Record:
    found = ask(_RUN, run=run_id)["run"]
    if found is None:
        raise ServiceException(f"Run {run_id} was not found")
    return found


def runs(
    where: Mapping[str, Any],
    *,
    kind: str | None = None,
    tags: Any = None,
    properties: Any = None,
    status: str | None = None,
    below: str | None = None,
) -> Iterator[Record]:
    """The newest first; `tags` and `properties` are a name that they have, or names with values."""
    named = _named(tags)
    wanted = {**where, "tags": [{"key": key, "value": value} for key, value in named.items()]}
    if status:
        wanted["statuses"] = [graphql_status(status)]
    if kind:
        test = {"subject": {"attribute": "KIND"}, "value": kind}
        wanted["where"] = {"all": [wanted["where"], {"test": test}]} if "where" in wanted else {
            "test": test
        }  # fmt: skip
    for found in _paged(wanted, below):
        if _has(found["tags"], named) and _has(found["properties"], _named(properties)):
            yield found


def _paged(wanted: Mapping[str, Any], below: str | None) -> Iterator[Record]:
    after: str | None = None
    while True:
        asked: dict[str, Any] = {"filter": wanted, "first": PAGE, "after": after}
        if below is None:
            page = ask(_RUNS, **asked)["runs"]
        else:
            top = ask(_BELOW, run=below, **asked)["run"]
            if top is None:
                return
            page = top["descendants"]
        for edge in page["edges"]:
            yield edge["node"]
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


def status(said: str) -> str:
    """CANCEL_REQUESTED as Azure says it: CancelRequested."""
    return "".join(part.capitalize() for part in said.split("_"))


def graphql_status(said: str) -> str:
    return "".join(f"_{each}" if each.isupper() else each for each in said).strip("_").upper()


def time(said: str | None) -> str | None:
    """Six digits of a second, as Azure writes times: 2026-01-31T12:00:00.250000Z."""
    if said is None:
        return None
    moment, _, part = said.removesuffix("Z").partition(".")
    return f"{moment}.{part.ljust(6, '0')}Z"


def _named(wanted: Any) -> Mapping[str, Any]:
    if wanted is None:
        return {}
    if isinstance(wanted, str):
        return {wanted: None}
    return {str(key): None if value is None else str(value) for key, value in wanted.items()}


def _has(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(
        key in there and (value is None or as_text(there[key]) == value)
        for key, value in wanted.items()
    )


def as_text(value: Any) -> str | None:
    """Tags and properties are texts in Azure, and None where there is no value."""
    return value if value is None or isinstance(value, str) else str(value)
