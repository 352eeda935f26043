"""How the server is. For whoever watches over it, so it is not told who asks."""

from collections.abc import Mapping
from typing import Any

from api.domain.clock import now_ms
from api.storage import upkeep

# Frames are folded within seconds: an older one means that folding has stopped.
OPEN_FRAME_AGE_MAX_S = 60


async def state() -> Mapping[str, Any]:
    """`failing` when points are not folded any more; they are readable all the same."""
    oldest = await upkeep.oldest_open()
    age_s = 0.0 if oldest is None else max(now_ms() - oldest, 0) / 1000
    status = "ok" if age_s <= OPEN_FRAME_AGE_MAX_S else "failing"
    return {"status": status, "oldest_open_frame_s": age_s}
