"""How the server is. For whoever watches over it, so it is not told who asks."""

from collections.abc import Mapping
from typing import Any

from api.domain.clock import now_ms
from api.errors import Unavailable
from api.storage import database, upkeep

# Frames are folded within seconds: an older one means that folding has stopped.
OPEN_FRAME_AGE_MAX_S = 60


async def state() -> Mapping[str, Any]:
    """
    `failing` when points are not folded any more, or nothing can be written, with the
    trouble in words; what there is is readable all the same.
    """
    try:
        oldest = await upkeep.oldest_open()
    except Unavailable as error:
        return {"status": "failing", "oldest_open_frame_s": None, "trouble": str(error)}
    age_s = 0.0 if oldest is None else max(now_ms() - oldest, 0) / 1000
    wrong = database.trouble()
    status = "ok" if age_s <= OPEN_FRAME_AGE_MAX_S and not wrong else "failing"
    state = {"status": status, "oldest_open_frame_s": age_s}
    return {**state, "trouble": wrong} if wrong else state


async def alarm() -> str | None:
    """The same for people; None when all is well."""
    found = await state()
    if found["status"] == "ok":
        return None
    minutes = max(round(found["oldest_open_frame_s"] / 60), 1)
    return (
        f"The server has not summed up new points for {minutes} min: nothing is lost and charts"
        " show everything, but lists and summaries are behind. Its log says why."
    )
