"""Event streams are kept awake while nothing happens, and nobody waits for a slow reader."""

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from api.edge import streams
from api.edge.streams import END, PING, OpenStreams, Stream, Streams

pytestmark = pytest.mark.anyio
START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/event-stream")],
}
EVENT: Message = {"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True}
PINGS = 3


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Reader:
    """A client at its own stream, in which one event comes when it is told to."""

    def __init__(self, serving: Streams, *, reads: bool = True) -> None:
        self.said: list[Message] = []
        self._reads = reads
        self.pinged = asyncio.Event()
        self.waiting = 0
        self._task = asyncio.create_task(serving({"type": "http"}, self._receive, self._send))

    async def done(self) -> None:
        await self._task

    async def _receive(self) -> Message:
        return await asyncio.Future()

    async def _send(self, message: Message) -> None:
        if not self._reads and message is PING:
            self.waiting += 1
            await asyncio.Future()
        self.said.append(message)
        if self.said.count(PING) == PINGS:
            self.pinged.set()


@pytest.fixture
def more() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
def open_streams(monkeypatch: pytest.MonkeyPatch) -> OpenStreams:
    monkeypatch.setattr(streams, "PING_PERIOD_S", 0.01)
    return OpenStreams()


@pytest.fixture
def serving(open_streams: OpenStreams, more: asyncio.Event) -> Streams:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await more.wait()
        await send(EVENT)
        await send(END)

    return Streams(app, open_streams=open_streams)


async def test_who_never_reads_waits_for_one_ping_and_keeps_nobody_from_theirs(
    serving: Streams, more: asyncio.Event
) -> None:
    slow, quick = Reader(serving, reads=False), Reader(serving)
    await quick.pinged.wait()
    assert slow.waiting == 1
    more.set()
    await asyncio.gather(slow.done(), quick.done())
    assert slow.said == [START, EVENT, END]
    assert [each for each in quick.said if each is not PING] == [START, EVENT, END]


async def test_nothing_is_said_before_the_first_word_or_after_the_last(
    serving: Streams, open_streams: OpenStreams
) -> None:
    reader = Reader(serving)
    await reader.pinged.wait()
    open_streams.stop()
    await reader.done()
    await asyncio.sleep(0.05)
    assert (reader.said[0], reader.said[-1]) == (START, END)
    assert reader.said.count(PING) == len(reader.said) - 2


async def test_who_was_told_something_needs_no_ping() -> None:
    said: list[Message] = []

    async def send(message: Message) -> None:
        said.append(message)

    stream = Stream(send)
    for spoke in (True, True, False):
        stream.spoke = spoke
        stream.ping()
        await asyncio.sleep(0)
        assert said == ([] if spoke else [PING])


async def test_other_answers_are_left_alone(open_streams: OpenStreams) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**START, "headers": []})
        await asyncio.sleep(0.05)
        await send(END)

    reader = Reader(Streams(app, open_streams=open_streams))
    await reader.done()
    assert [each["type"] for each in reader.said] == [START["type"], END["type"]]
