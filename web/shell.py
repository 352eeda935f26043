"""What stands around every page: the experiments to go to, and what runs in them."""

from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

from starlette.requests import Request

from web.documents import Answer, question


async def shell(request: Request, current: str | None = None) -> Mapping[str, Any]:
    page = (await question("shell").answer(request))["experiments"]
    recent = [{**edge["node"], **counts(edge["node"]["statusCounts"])} for edge in page["edges"]]
    return {"total": page["totalCount"], "recent": recent, "current": current}


def counts(statuses: Sequence[Answer]) -> Mapping[str, Any]:
    by_status = {each["status"]: each["count"] for each in statuses}
    return {
        "by_status": by_status,
        "running": by_status.get("RUNNING", 0),
        "total": sum(by_status.values()),
    }


def colour_of(name: str) -> int:
    """An experiment keeps its colour wherever it is named."""
    return crc32(name.encode()) % 8
