"""
What an open page is told: one stream, from GraphQL subscriptions that run in process.

`metrics` events carry points for the charts; events without a name carry the parts
of the page that changed, to be morphed into place. The id of an event holds the
cursor of every run on the page, so that a browser that comes back goes on from there.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import StreamingResponse

from web.documents import Question, question
from web.pages import all_runs, compare, compute, experiments, run, runs, target
from web.render import as_json, part, render_block
from web.routes import Page

FLUSH_PERIOD_S = 0.1
PARTS_PERIOD_S = 1.0
PING_PERIOD_S = 15.0
# A reader that is behind waits in the subscription, where nothing is queued for it.
WAITING_MAX = 64
# As many as one subscription takes; those of a page that are most in sight come first.
FOLLOWED_MAX = 200
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


@dataclass(frozen=True, slots=True)
class Watched:
    """One kind of page, seen from its stream."""

    template: str
    blocks: Mapping[str, str]
    view: Callable[[], Awaitable[dict[str, Any]]]
    # Subscriptions whose news mean that parts of the page are old.
    changes: Sequence[Question]
    runs: Callable[[Mapping[str, Any]], Sequence[str]]
    # What asks for news of the log that is open; the script of the page then reads on by itself.
    log: Callable[[Mapping[str, Any]], Question | None] = lambda _: None


class Feed:
    """The subscriptions of one page, read only as fast as the browser takes what they say."""

    def __init__(self, request: Request, page: Watched) -> None:
        self._request = request
        self._page = page
        self._news: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(WAITING_MAX)
        self._changes = [self._pumped(asked) for asked in page.changes]
        self._points: asyncio.Task[None] | None = None
        self._log: asyncio.Task[None] | None = None
        self._followed: Question | None = None
        self.cursors = _cursors_in(request.headers.get("last-event-id", ""))
        self.runs: Sequence[str] = ()

    async def follow(self, runs: Sequence[str]) -> None:
        """Follow the points of the first of these runs, each from where this stream is with it."""
        runs = runs[:FOLLOWED_MAX]
        if list(runs) == list(self.runs):
            return
        self.runs = runs
        await _ended(self._points)
        self.cursors = {run: at for run, at in self.cursors.items() if run in runs}
        after = [{"runId": run, "after": self.cursors.get(run)} for run in runs]
        self._points = self._pumped(question("appended", runs=after)) if runs else None

    async def follow_log(self, asked: Question | None) -> None:
        if asked == self._followed:
            return
        self._followed = asked
        await _ended(self._log)
        self._log = self._pumped(asked) if asked else None

    async def news(self, timeout_s: float) -> Sequence[Mapping[str, Any]]:
        """What came, as soon as something did; nothing after the timeout."""
        found: list[Mapping[str, Any]] = []
        try:
            if self._news.empty() and timeout_s:
                async with asyncio.timeout(timeout_s):
                    found.append(await self._news.get())
        except TimeoutError:
            return []
        while not self._news.empty():
            found.append(self._news.get_nowait())
        for each in found:
            if "refused" in each:
                raise HTTPException(each["refused"])
            if appended := each.get("metricsAppended"):
                self.cursors[appended["runId"]] = appended["cursor"]
        return found

    @property
    def ready(self) -> bool:
        """Every run has a cursor: no point that comes from now on is missed."""
        return all(run in self.cursors for run in self.runs)

    async def close(self) -> None:
        await _ended(*self._changes, self._points, self._log)

    def _pumped(self, asked: Question) -> asyncio.Task[None]:
        return asyncio.create_task(self._pump(asked))

    async def _pump(self, asked: Question) -> None:
        try:
            async for answer in asked.answers(self._request):
                await self._news.put(answer)
        except HTTPException as error:
            await self._news.put({"refused": error.status_code})


async def events(request: Request) -> StreamingResponse:
    return StreamingResponse(_stream(request), headers=HEADERS, media_type="text/event-stream")


async def _stream(request: Request) -> AsyncGenerator[str]:
    page = _page_of(request, request.query_params)
    feed = Feed(request, page)
    try:
        values = await page.view()
        await feed.follow(page.runs(values))
        await feed.follow_log(page.log(values))
        async for event in _events(request, page, feed):
            yield event
    except HTTPException as error:
        # The status is long sent; all that is left is to say it and stop.
        yield f"event: refused\ndata: {error.status_code}\n\n"
    finally:
        await feed.close()


async def _events(request: Request, page: Watched, feed: Feed) -> AsyncGenerator[str]:
    now = asyncio.get_running_loop().time
    flushed = drawn = pinged = 0.0
    greeted: Sequence[str] | None = None
    stale, sent = False, dict[str, str]()
    while True:
        if feed.ready and greeted != feed.runs:
            greeted = feed.runs
            yield _event("ready", list(greeted), feed)
        if stale and feed.ready and now() - drawn >= PARTS_PERIOD_S:
            stale, drawn = False, now()
            values = await page.view()
            followed = feed.runs
            await feed.follow(page.runs(values))
            await feed.follow_log(page.log(values))
            # A new run's points must be on their way before its line asks for the first ones.
            stale = followed != feed.runs
            if not stale and (parts := _parts(request, page, values, sent)):
                yield parts
        wait_s = PARTS_PERIOD_S / 4 if stale else PING_PERIOD_S
        news = await feed.news(wait_s)
        if not news:
            if now() - pinged >= PING_PERIOD_S:
                # What no subscription tells, as a file that was uploaded, is seen then.
                pinged, stale = now(), True
                # The page is to know that we are here.
                yield "event: ping\ndata: {}\n\n"
            continue
        if (rest_s := flushed + FLUSH_PERIOD_S - now()) > 0:
            await asyncio.sleep(rest_s)
            news = [*news, *await feed.news(0)]
        flushed, stale = now(), True
        if written := {each["logAppended"]["stream"] for each in news if "logAppended" in each}:
            yield _event("log", sorted(written), feed)
        appended = [each["metricsAppended"] for each in news if "metricsAppended" in each]
        if points := [each for each in appended if each["blocks"] or each["reset"]]:
            yield _event("metrics", points, feed)


def _event(name: str, data: Any, feed: Feed) -> str:
    identity = json.dumps(feed.cursors, separators=(",", ":"))
    return f"id: {identity}\nevent: {name}\ndata: {as_json(data)}\n\n"


def _parts(
    request: Request, page: Watched, values: Mapping[str, Any], sent: dict[str, str]
) -> str | None:
    """The blocks that read differently from what this stream sent last."""
    parts: list[str] = []
    for place, block in page.blocks.items():
        html = render_block(request, page.template, block, **values)
        if sent.get(place) != html:
            sent[place] = html
            parts.append(part(place, html))
    lines = "".join(parts).splitlines()
    return "".join(f"data: {line}\n" for line in lines) + "\n" if lines else None


def _page_of(request: Request, params: QueryParams) -> Watched:
    if name := params.get("experiment"):
        return Watched(
            runs.TEMPLATE,
            runs.BLOCKS,
            lambda: runs.view(request, params, name),
            [question("runs_changed", filter={"experiment": name, "scope": "ANY"})],
            _listed,
        )
    if run_id := params.get("run"):
        return Watched(
            run.TEMPLATE,
            run.BLOCKS,
            lambda: run.view(request, params, run_id),
            [
                question("run_changed", runId=run_id),
                question("runs_changed", filter={"parent": run_id}),
            ],
            lambda values: [run_id, *_listed(values)],
            lambda values: values.get("appended"),
        )
    if name := params.get("target"):
        return Watched(
            target.TEMPLATE,
            target.BLOCKS,
            lambda: target.view(request, params, name),
            [question("targets_changed")],
            lambda _: (),
        )
    if page := {"runs": all_runs, "compare": compare}.get(params.get("page", "")):
        return Watched(
            page.TEMPLATE,
            page.BLOCKS,
            lambda: page.view(request, params),
            [question("runs_changed", filter={"scope": "ANY"})],
            _listed,
        )
    if params.get("page") == "compute":
        return Watched(
            compute.TEMPLATE,
            compute.BLOCKS,
            lambda: compute.view(request, params),
            [question("targets_changed")],
            lambda _: (),
        )
    return Watched(
        experiments.TEMPLATE,
        experiments.BLOCKS,
        lambda: experiments.view(request, params),
        [question("runs_changed", filter={"scope": "ANY"})],
        lambda values: [card["runId"] for card in values["cards"]],
    )


def _listed(values: Mapping[str, Any]) -> Sequence[str]:
    """Those with a line in a chart first: of a tree not all may be followed."""
    return list(dict.fromkeys([*values.get("colours_of", ()), *values.get("listed", ())]))


def _cursors_in(identity: str) -> dict[str, str]:
    try:
        return dict[str, str](json.loads(identity))
    except (ValueError, TypeError):
        return {}


async def _ended(*tasks: asyncio.Task[None] | None) -> None:
    """All at once: where we are cancelled ourselves, nothing is done behind the first wait."""
    begun = [task for task in tasks if task]
    for task in begun:
        task.cancel()
    await asyncio.gather(*begun, return_exceptions=True)


routes = [Page("/events", events, name="events")]
