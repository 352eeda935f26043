"""What stands around every page: the experiments to go to, and what runs in them."""

from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

from starlette.requests import Request

from web.documents import Answer, question
from web.formats import number
from web.texts import text
from web.views import opened


async def shell(
    request: Request,
    current: str | None = None,
    *,
    page: str = "experiments",
    parts_only: bool = False,
) -> Mapping[str, Any]:
    """
    `current`: the experiment that the page is about.

    `parts_only`: what stands around the page is not sent.
    """
    if parts_only:
        return {"view": await opened(request)}
    answer = await question("shell").answer(request)
    experiments = answer["experiments"]
    nodes = [edge["node"] for edge in experiments["edges"]]
    recent = [{**node, **counts(node["statusCounts"])} for node in nodes]
    return {
        "page": page,
        "total": experiments["totalCount"],
        "recent": recent,
        "current": current,
        "alarm": answer["alarm"],
        "view": await opened(request),
    }


def counts(statuses: Sequence[Answer]) -> Mapping[str, Any]:
    """How many runs have each status, in words; large numbers are said as "10,000+"."""
    capped = any(each["capped"] for each in statuses)
    total = sum(each["count"] for each in statuses)
    by_status = {each["status"]: each for each in statuses}
    return {
        "by_status": {status: counted(**_said(each)) for status, each in by_status.items()},
        "running": by_status["RUNNING"]["count"] if "RUNNING" in by_status else 0,
        "total": total,
        "total_said": counted(total, capped=capped),
        "capped": capped,
    }


def counted(value: int, *, capped: bool) -> str:
    return text("count.capped", count=number(value)) if capped else number(value)


def _said(count: Answer) -> Mapping[str, Any]:
    return {"value": count["count"], "capped": count["capped"]}


def colour_of(name: str) -> int:
    """An experiment keeps its colour wherever it is named."""
    return crc32(name.encode()) % 8
