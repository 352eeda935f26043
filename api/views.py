"""Saved views: questions that are kept under a name, to be asked again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """
    A GraphQL document and its variables; `sha256`: of the document's text, in hex.

    `page` is where it was asked: path and query of a page of this server.
    """

    id: int
    name: str
    sha256: str
    document: str
    variables: Mapping[str, Any]
    page: str | None
    created: int
    changed: int
