"""What a run keeps as files: a name within the run, and bytes that are known by their SHA-256."""

import re
from dataclasses import dataclass
from enum import StrEnum

DIGEST = re.compile(r"[0-9a-f]{64}")


class FileRole(StrEnum):
    ARTIFACT = "artifact"
    LOG = "log"
    SNAPSHOT = "snapshot"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class NewFile:
    """What a client says of a file before its bytes: `digest` in hex, `size` in bytes."""

    path: str
    role: FileRole
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class File:
    """A file of a run; it never changes."""

    path: str
    role: FileRole
    digest: str
    size: int
    created: int


@dataclass(frozen=True, slots=True)
class Blob:
    """Where bytes are: in the store of this name, as `name`."""

    digest: str
    size: int
    store: str
    created: int

    @property
    def name(self) -> str:
        """Never that of bytes that were removed before, so that a removal hits no others."""
        return f"{self.digest}-{self.created:x}"


@dataclass(frozen=True, slots=True)
class Upload:
    """How far a file has come: `offset` is the next byte that is wanted, unless it is stored."""

    stored: bool
    offset: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The code of a run: `digest` is that of the list of its files, `size` all their bytes."""

    digest: str
    files: int
    size: int
