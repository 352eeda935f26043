"""Pages in smaller parts: what is made of them at once keeps nobody waiting."""

from collections.abc import Iterator

from api.domain.exports import Page


def cut(page: Page, points: int) -> Iterator[Page]:
    for at in range(0, len(page[0]), points):
        steps, times, values = (of[at : at + points] for of in page)
        yield steps, times, values
