"""What lets somebody in: a program its token, a browser its session."""

from dataclasses import dataclass

from api.records import ExperimentKey, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """
    A program's way in: `id` is the part of it that may be shown.

    The hash of the whole token stays in storage.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    experiment: ExperimentKey | None
    created: int
    expires: int | None
    # Not newer than five minutes.
    used: int | None = None
    revoked: int | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A browser's way in: `id` is the hash of the secret in its cookie."""

    id: str
    created: int
    expires: int
