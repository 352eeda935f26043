"""What a page makes of an answer's errors."""

from api.graphql.errors import CODES
from web.documents import STATUSES


def test_every_error_of_the_contract_has_a_status_of_its_own_on_the_pages() -> None:
    assert set(STATUSES) == {*CODES.values(), "TIMEOUT"}
