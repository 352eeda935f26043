"""The code in a folder: which files belong to it, and the id that the same code has everywhere."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runvane import _ignore, home, paths
from runvane._words import say

# Azure's own figures: beyond them it is said, and done all the same.
FILES_WARN = 2000
BYTES_WARN = 300 * 1024 * 1024
# Beyond these it is no code any more.
FILES_MAX = 20_000
BYTES_MAX = 4 * 1024**3
# What Azure calls the snapshot of a run.
PROPERTY = "ContentSnapshotId"
PIECE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of the code: its name there, where it is, and what its bytes are."""

    name: str
    source: Path
    sha256: str
    size: int
    mode: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """What becomes a file of a run; see `_transfer.Parcel` for one that is on its way."""

    path: str
    content: Path | bytes


@dataclass(frozen=True, slots=True)
class Snapshot:
    pieces: Sequence[Piece]

    @property
    def listing(self) -> bytes:
        """The JSON that is the last file of a snapshot, and says what belongs to it."""
        listed = [
            {"path": each.name, "sha256": each.sha256, "size": each.size, "mode": each.mode}
            for each in self.pieces
        ]
        return json.dumps(listed, ensure_ascii=False, indent=1).encode()

    @property
    def id(self) -> str:
        return hashlib.sha256(self.listing).hexdigest()

    def names_in(self, folder: Path) -> list[str]:
        """What its files are called there: by `name` they may be written in another form."""
        return [each.source.relative_to(folder).as_posix() for each in self.pieces]

    def parcels(self) -> Iterator[Parcel]:
        """The list comes last: it says that the others are there."""
        for each in self.pieces:
            yield Parcel(paths.SNAPSHOT + each.name, each.source)
        yield Parcel(paths.SNAPSHOT_LIST, self.listing)


def of(path: Path) -> Snapshot:
    """
    The code in a folder, as `.amlignore`, or else `.gitignore`, leaves it; or one file.

    OSError where it cannot be read, ValueError where it is too much to be code.
    """
    if path.is_file():
        return of_files(path.parent, [path.name])
    return of_files(path, code_in(path))


def of_files(top: Path, names: Sequence[str]) -> Snapshot:
    """These of a folder, in their order, which is a part of the id."""
    pieces: list[Piece] = []
    for name in names:
        try:
            inside = paths.parsed(paths.SNAPSHOT + name).removeprefix(paths.SNAPSHOT)
        except ValueError as error:
            say(f"{name} is left out of the snapshot: {error}")
            continue
        pieces.append(_piece(inside, top / name))
    return Snapshot(pieces)


def copied(top: Path, names: Sequence[str], folder: Path) -> Snapshot:
    """The same of a copy in `folder`, which is made here: nobody changes that meanwhile."""
    folder.mkdir(parents=True)
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(top / name, target, follow_symlinks=False)
    return of_files(folder, names)


def code_in(top: Path) -> Sequence[str]:
    """The files of a snapshot, with Azure's words where they are many."""
    if not top.is_dir():
        raise NotADirectoryError(f"{top} is no file and no folder")
    own, names, size = home.folder().resolve(), list[str](), 0
    # What is executed from there is code all the same.
    apart = not top.resolve().is_relative_to(own)
    for name in _ignore.files_in(top):
        if apart and (top / name).resolve().is_relative_to(own):
            continue
        names.append(name)
        size += (top / name).stat().st_size
        if len(names) > FILES_MAX or size > BYTES_MAX:
            raise ValueError(
                f"{top} has more than {FILES_MAX:,} files or {BYTES_MAX:,} bytes:"
                f" name in {_ignore.AZURE} what is no code"
            )
    if size > BYTES_WARN:
        say(
            f"While attempting to take snapshot of {top} Your total snapshot size exceeds the limit"
            f" of {BYTES_WARN / 1024**2} MB: name in {_ignore.AZURE} what is no code"
        )
    if len(names) > FILES_WARN:
        say(f"the snapshot of {top} has {len(names):,} files, more than {FILES_WARN:,}")
    return names


def _piece(name: str, file: Path) -> Piece:
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as opened:
        while said := opened.read(PIECE_BYTES):
            digest.update(said)
            size += len(said)
    mode = "755" if file.stat().st_mode & 0o100 else "644"
    return Piece(name, file, digest.hexdigest(), size, mode)
