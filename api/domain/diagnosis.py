"""What is wrong with what is kept, in plain words, each with what to do. Nothing is changed."""

from collections.abc import AsyncIterator, Mapping, Sequence

from api.storage import blobs, soundness, stores
from api.storage.database import snapshot
from api.storage.soundness import Row

BLOBS_PER_PAGE = 1000
NAMES_SHOWN_MAX = 3
RESTORE = "restore a backup, or delete the run"


async def runs() -> AsyncIterator[str]:
    """One line for each thing that is wrong, run by run; each run is seen at one moment."""
    after = -1
    while keys := await soundness.runs(after):
        for run in keys:
            async with snapshot():
                found = await _of(run)
                name = await soundness.name(run) if found else ""
            for each in found:
                yield f"run {name}: {each}"
        after = keys[-1]


async def files() -> AsyncIterator[str]:
    """One line for each content of files that is not where it should be, or not whole."""
    after = ""
    while found := await blobs.after(after, BLOBS_PER_PAGE):
        for blob in found:
            if not await stores.of(blob).has(blob):
                yield (
                    f"the bytes of {await _names(blob.digest)} are not in {blob.store}: put them"
                    " back, or upload the same once more"
                )
        after = found[-1].digest


async def _names(digest: str) -> str:
    names = await blobs.meant_by(digest, NAMES_SHOWN_MAX)
    return ", ".join(names) or f"sha256 {digest}"


async def _of(run: int) -> Sequence[str]:
    found = [f"its {name} is not there: {RESTORE}" for name in await soundness.strays(run)]
    found += [
        f"batches of its writer {writer} are missing in between: {RESTORE}"
        for writer in await soundness.gaps(run)
    ]
    if odd := await soundness.odd_claim(run):
        found.append(f"{odd}: {RESTORE}")
    if bad := await soundness.bad_frames(run):
        found.append(f"the points of {bad} batches cannot be read: {RESTORE}")
    found += [
        f"what its writer {writer} said to the log {stream} cannot be read: {RESTORE}"
        for writer, stream in await soundness.bad_logs(run)
    ]
    segments = await soundness.segments_of(run)
    summaries = await soundness.summaries(run)
    for row, why in segments:
        if why:
            metric = summaries[row["key"]]["metric"] if row["key"] in summaries else row["key"]
            found.append(f"{metric}, steps {row['first_step']} to {row['last_step']}: {why}")
    found += [
        f"the summary of {name} is not that of its points: {RESTORE}"
        for name in _differing([row for row, _ in segments], summaries)
    ]
    if await soundness.has_old_terms(run):
        found.append(f"searches may miss it, its entries in the index are old: {RESTORE}")
    if old := await soundness.old_ranks(run):
        found.append(f"lists sort {old} of its metrics by old values: log to it once more")
    return found


def _differing(segments: Sequence[Row], summaries: Mapping[int, Row]) -> Sequence[str]:
    """Metrics whose summary is not what their segments say together."""
    by_key: dict[int, list[Row]] = {key: [] for key in summaries}
    for row in segments:
        by_key.setdefault(row["key"], []).append(row)
    return [
        summaries[key]["metric"] if key in summaries else f"column {key}"
        for key, rows in by_key.items()
        if key not in summaries or not _agree(summaries[key], rows)
    ]


def _agree(summary: Row, rows: Sequence[Row]) -> bool:
    low = [row["vmin"] for row in rows if row["vmin"] is not None]
    high = [row["vmax"] for row in rows if row["vmax"] is not None]
    return (summary["n"], summary["last_step"], summary["vmin"], summary["vmax"]) == (
        sum(row["n"] for row in rows),
        max((row["last_step"] for row in rows), default=None),
        min(low, default=None),
        max(high, default=None),
    )
