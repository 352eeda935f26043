"""Files of a run: uploads that go on by themselves where the server is away, and downloads."""

import shutil
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote

from runvane import _asking, _run_files, _source
from runvane._errors import TransferError
from runvane._run_files import within
from runvane._transfer import Parcel, Transfers
from runvane.azureml import _streams, _writers
from runvane.azureml._handle import Handle, logger
from runvane.azureml.exceptions import (
    ServiceException,
    SnapshotException,
    UserErrorException,
)

# What the server does not take within that time is sent by and by.
PATIENCE_S = 2.0
PIECE_BYTES = 256 * 1024


class Artifacts(Handle):
    """A name is written once: another content under it is refused, as by Azure."""

    def upload_file(
        self, name: str, path_or_stream: Any, datastore_name: str | None = None
    ) -> None:
        """From a path, or a file that is open for reading in bytes."""
        with _file_of(path_or_stream) as path:
            self._upload(name, path)

    def upload_files(
        self,
        names: Sequence[str],
        paths: Sequence[Any],
        return_artifacts: bool = False,
        timeout_seconds: float | None = None,
        datastore_name: str | None = None,
    ) -> None:
        if len(names) != len(paths):
            raise TypeError(
                "names and paths must be lists of equal lengths. Names was of length "
                f"{len(names)} and paths of length {len(paths)}."
            )
        for name, path in zip(names, paths, strict=True):
            self.upload_file(name, path)

    def upload_folder(self, name: str, path: str, datastore_name: str | None = None) -> None:
        """All files below a folder; links are not followed."""
        top = Path(path)
        if not top.is_dir():
            raise UserErrorException(f"{path} is not a directory.")
        for file in sorted(top.rglob("*")):
            if file.is_file() and not file.is_symlink():
                self._upload(f"{name.rstrip('/')}/{file.relative_to(top).as_posix()}", file)

    def get_file_names(self) -> list[str]:
        """Files, pictures and logs; not those of the snapshot."""
        _writers.settle(files=True)
        with _said_by_azure():
            files = _run_files.file_names(self._run_id)
        return sorted({*files, *_streams.names(self._run_id)})

    def download_file(
        self, name: str, output_file_path: str | None = None, _validate_checksum: bool = False
    ) -> None:
        """Into a file, or a folder that is there; else here by its own name."""
        target = Path(output_file_path or Path(name).name)
        self._download(name, target / Path(name).name if target.is_dir() else target)

    def download_files(
        self,
        prefix: str | None = None,
        output_directory: str | None = None,
        output_paths: Sequence[str] | None = None,
        batch_size: int = 100,
        append_prefix: bool = True,
        timeout_seconds: float | None = None,
    ) -> None:
        """All below a prefix; `output_paths` are where they go, in the order of their names."""
        every = self.get_file_names()
        folder = f"{prefix.rstrip('/')}/" if prefix else ""
        names = [name for name in every if name.startswith(folder)]
        if not names:
            raise UserErrorException(
                f"Prefix with path {folder} was not found,\navailable files include: "
                f"{','.join(every)}."
            )
        targets = list(output_paths or names)
        if len(targets) != len(names) or len(set(targets)) != len(names):
            logger.warning(
                "Length of output paths is not the same as the length of paths or output_paths "
                "contains duplicates. Using paths as output_paths."
            )
            targets, output_paths = names, None
        if not append_prefix and output_paths is None:
            targets = [name.removeprefix(folder) for name in targets]
        top = Path(output_directory or ".")
        for name, target in zip(names, targets, strict=True):
            self._download(name, top / target if output_paths else within(top, target))

    def take_snapshot(self, file_or_folder_path: str) -> str | None:
        """What `.amlignore`, or else `.gitignore`, leaves of it; a run has one."""
        there = self.get_snapshot_id()
        if there is not None:
            raise SnapshotException(f"Cannot take snapshot as the run already has one: {there}")
        writer = _writers.joined(self._experiment.name, self._run_id)
        self._record = None
        return writer.run.take_snapshot(file_or_folder_path)

    def get_snapshot_id(self) -> str | None:
        said = self._fresh()["properties"].get(_source.PROPERTY)
        return None if said is None else str(said)

    def restore_snapshot(self, snapshot_id: str | None = None, path: str | None = None) -> str:
        """The path of a zip, in a folder that is there, else in that for temporary files."""
        _writers.settle(files=True)
        own = self.get_snapshot_id()
        if own is None or snapshot_id not in (None, own):
            raise SnapshotException(f"Run {self._run_id} has no snapshot {snapshot_id or ''}")
        target = Path(path or tempfile.gettempdir(), f"{own}.zip").resolve()
        asked = f"/files/archives/{quote(self._run_id, safe='')}?role=snapshot"
        _copy(asked, target)
        return str(target)

    def get_all_logs(self, destination: str | None = None) -> list[str]:
        """Where each log was written to."""
        top = Path(destination or Path("assets", self._run_id))
        if top.exists() and not top.is_dir():
            raise UserErrorException(f"{destination} exists and is not a directory.")
        _writers.settle(files=True)
        made: list[str] = []
        for name in _streams.names(self._run_id):
            target = within(top, name)
            self._download(name, target)
            made.append(str(target))
        return made

    def _upload(self, name: str, path: Path) -> None:
        """At once where the server takes it; what it refuses is raised, as Azure does."""
        native = self._native
        if native is not None:
            native.flush(PATIENCE_S, files=False)
        transfers = Transfers()
        role = "log" if name.startswith(_run_files.LOGS) else "artifact"
        try:
            with path.open("rb") as file:
                transfers.upload(Parcel.of(self._run_id, name, role, file), file, PATIENCE_S)
        except TransferError as error:
            if not error.passing:
                raise _refused(error) from None
            _writers.joined(self._experiment.name, self._run_id).run.upload_file(name, path)
        finally:
            transfers.close()

    def _download(self, name: str, target: Path) -> None:
        _writers.settle(files=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        if name in _streams.names(self._run_id):
            with target.open("wb") as file:
                file.write(_streams.text(self._run_id, name).encode())
            return
        try:
            _run_files.download_file(self._run_id, name, target)
        except TransferError as error:
            if error.status != 404:
                raise _refused(error) from None
            raise UserErrorException(
                f"File with path {name} was not found,\navailable files include: "
                f"{','.join(self.get_file_names())}."
            ) from None


def _copy(path: str, target: Path) -> None:
    try:
        with _asking.opened(path, None) as reply, target.open("wb") as file:
            shutil.copyfileobj(reply, file, PIECE_BYTES)
    except HTTPError as error:
        raise ServiceException(_asking.words_of(error), error) from None
    except (OSError, HTTPException) as error:
        raise ServiceException(_asking.no_answer(error), error) from None


def _refused(error: TransferError) -> ServiceException:
    return ServiceException(str(error), error)


@contextmanager
def _said_by_azure() -> Generator[None]:
    try:
        yield
    except TransferError as error:
        raise _refused(error) from None


@contextmanager
def _file_of(path_or_stream: Any) -> Generator[Path]:
    """A path; what a stream has goes into a file for the while."""
    if not hasattr(path_or_stream, "read"):
        yield Path(path_or_stream)
        return
    with tempfile.NamedTemporaryFile() as copy:
        shutil.copyfileobj(path_or_stream, copy, PIECE_BYTES)
        copy.flush()
        yield Path(copy.name)
