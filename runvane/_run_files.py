"""The files of a run, as a script puts them there and reads them back."""

import io
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runvane import _source, _uploads, paths
from runvane._errors import TransferError

if TYPE_CHECKING:
    from runvane._transfer import Transfers

LOGS = ("logs/", "user_logs/", "system_logs/", "azureml-logs/")
_LISTED = """query Files($run: String!, $prefix: String!, $after: String) {
  run(runId: $run) { files(prefix: $prefix, first: 1000, after: $after) {
    edges { node { path } } pageInfo { hasNextPage endCursor } } } }"""


class RunFiles:
    """
    What `Run` does with files. A call does not wait for the network and does not raise, as
    those that log: the file is copied and sent by and by. With `wait` it is sent from where it
    is, and what goes wrong is raised: `TransferError`, or `OSError` of the file itself.
    """

    id: str

    def upload_file(self, name: str, path: str | os.PathLike[str], *, wait: bool = False) -> None:
        """Keep a file as `name`, as `outputs/model.pt`. Its content never changes again."""
        self._upload(name, Path(path), _role_of(name), wait=wait)

    def upload_folder(self, name: str, path: str | os.PathLike[str], *, wait: bool = False) -> None:
        """Keep all files of a folder below `name`; links are not followed."""
        top = Path(path)
        if not top.is_dir():
            self._failed(name, NotADirectoryError(f"{top} is no folder"), wait=wait)
        for each in _all_in(top):
            inner = "/".join(filter(None, (name.strip("/"), each)))
            self._upload(inner, top / each, _role_of(inner), wait=wait)

    def file_names(self, prefix: str = "") -> list[str]:
        """The files that the server has; raises TransferError without an answer."""
        return file_names(self.id, prefix)

    def download_file(self, name: str, output: str | os.PathLike[str] | None = None) -> Path:
        """Into `output`, a file or a folder; else here by its own name. Compared by its digest."""
        return download_file(self.id, name, output)

    def download_files(
        self,
        prefix: str = "",
        output_directory: str | os.PathLike[str] = ".",
        *,
        append_prefix: bool = True,
    ) -> list[Path]:
        """All below a prefix; without `append_prefix` it is left out of where they go."""
        return download_files(self.id, prefix, output_directory, append_prefix=append_prefix)

    def log_image(
        self, name: str, path: str | os.PathLike[str] | None = None, plot: Any = None
    ) -> None:
        """Log a picture: a file, or a plot of matplotlib; exactly one of them."""
        try:
            if (path is None) == (plot is None):
                raise ValueError("give either a path or a plot")  # noqa: TRY301
            kept = self._image_path(name, ".png" if path is None else Path(path).suffix)
            content = _png_of(plot) if path is None else Path(path)
            _uploads.keep(self.id, paths.parsed(kept), "image", content)
            self._table(name, "image", {"value": [kept]})
        except Exception as error:  # noqa: BLE001 - training goes on
            self._refuse(name, error)

    def take_snapshot(self, path: str | os.PathLike[str] = ".") -> str | None:
        """
        Keep the code in a folder, or one file: what `.amlignore`, or else `.gitignore`, leaves.

        Gives the snapshot's id, the same for the same code; None when there is none.
        """
        try:
            return self._snapshot(Path(path))
        except Exception as error:  # noqa: BLE001 - training goes on
            self._refuse("snapshot", error)
            return None

    def _snapshot(self, path: Path) -> str:
        snapshot = _source.of(path)
        for each in snapshot.parcels():
            _uploads.keep(self.id, each.path, "snapshot", each.content)
        self.properties({_source.PROPERTY: snapshot.id})
        return snapshot.id

    def _upload(self, name: str, path: Path, role: str, *, wait: bool) -> None:
        try:
            kept = paths.parsed(name)
            if not wait:
                _uploads.keep(self.id, kept, role, path)
                return
            from runvane._progress import Progress
            from runvane._transfer import Parcel, Transfers

            transfers = Transfers()
            try:
                with path.open("rb") as file, Progress(kept, of_bytes=True) as progress:
                    parcel = Parcel.of(self.id, kept, role, file)
                    transfers.upload(parcel, file, told=progress.reach)
            finally:
                transfers.close()
        except Exception as error:  # noqa: BLE001 - training goes on
            self._failed(name, error, wait=wait)

    def _failed(self, name: str, error: Exception, *, wait: bool) -> None:
        if wait:
            raise error
        self._refuse(name, error)

    def _image_path(self, name: str, suffix: str) -> str:
        plain = re.sub(r"[^\w. /-]", "_", name)
        at = int(time.time())
        stem = f"{plain}_{at}"
        taken = self.__dict__.setdefault("_images", set[str]())
        number = 0
        while (kept := f"{stem}{f'_{number}' if number else ''}{suffix}") in taken:
            number += 1
        taken.add(kept)
        return kept

    # What `Run` has.
    _refuse: Callable[[Any, Exception], None]
    _table: Callable[[str, str, dict[str, Any]], None]
    properties: Callable[..., None]


def file_names(run: str, prefix: str = "") -> list[str]:
    from runvane._transfer import Transfers

    names: list[str] = []
    after: str | None = None
    transfers = Transfers()
    try:
        while True:
            found = transfers.ask(_LISTED, {"run": run, "prefix": prefix, "after": after})["run"]
            if found is None:
                raise TransferError(f"no run {run}", 404, "NOT_FOUND")
            names += [edge["node"]["path"] for edge in found["files"]["edges"]]
            if not found["files"]["pageInfo"]["hasNextPage"]:
                return names
            after = found["files"]["pageInfo"]["endCursor"]
    finally:
        transfers.close()


def download_file(run: str, name: str, output: str | os.PathLike[str] | None = None) -> Path:
    from runvane._transfer import Transfers

    name = paths.parsed(name)
    own = name.rpartition("/")[2]
    target = Path(own if output is None else output)
    target = target / own if target.is_dir() else target
    transfers = Transfers()
    try:
        _download(transfers, run, name, target)
    finally:
        transfers.close()
    return target


def download_files(
    run: str,
    prefix: str = "",
    output_directory: str | os.PathLike[str] = ".",
    *,
    append_prefix: bool = True,
) -> list[Path]:
    from runvane._transfer import Transfers

    top, made = Path(output_directory), list[Path]()
    transfers = Transfers()
    try:
        for name in file_names(run, prefix):
            shown = name if append_prefix else name.removeprefix(prefix).lstrip("/")
            target = within(top, shown or name.rpartition("/")[2])
            _download(transfers, run, name, target)
            made.append(target)
    finally:
        transfers.close()
    return made


def _download(transfers: "Transfers", run: str, name: str, target: Path) -> None:
    from runvane._progress import Progress

    with Progress(name, of_bytes=True) as progress:
        transfers.download(run, name, target, told=progress.reach)


def within(top: Path, name: str) -> Path:
    """Where a file of this name goes below a folder: never out of it, whatever a server says."""
    target = top / paths.parsed(name)
    if not Path(os.path.realpath(target)).is_relative_to(os.path.realpath(top)):
        raise ValueError(f"{name} would be written outside of {top}, through a link: remove that")
    return target


def _role_of(name: str) -> str:
    return "log" if name.startswith(LOGS) else "artifact"


def _all_in(top: Path) -> Iterator[str]:
    for above, folders, names in os.walk(top):
        folders.sort()
        for name in sorted(names):
            file = Path(above, name)
            if file.is_file() and not file.is_symlink():
                yield file.relative_to(top).as_posix()


def _png_of(plot: Any) -> bytes:
    drawn = io.BytesIO()
    plot.savefig(drawn, format="png")
    return drawn.getvalue()
