"""Every error has a status and a word at every door."""

from collections.abc import Iterator

from api import errors
from api.edge.errors import ANSWERS
from api.graphql.errors import CODES


def every(kind: type[errors.RunvaneError] = errors.RunvaneError) -> Iterator[type]:
    for each in kind.__subclasses__():
        yield each
        yield from every(each)


def test_every_door_has_a_word_for_every_error() -> None:
    assert set(every()) == set(ANSWERS) == set(CODES)
