"""What a run left behind, logs and files, as one tree of folders, and which of it is open."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from web.documents import Answer

# As Azure ML has them; what else there is comes behind, by its name.
FIRST = ("user_logs", "logs", "outputs", "system_logs")
# The log of what a script prints.
ACTIVE = "user_logs/std_log.txt"
# Below it is the code, each file by its path there.
SNAPSHOT = ".snapshot/"
FIRST_READ = ("README.md", "README.rst", "README.txt", "README")
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"})
# Of types that are not called text and are some.
TEXTS = frozenset({"application/json", "application/xml", "application/yaml", "application/toml"})
# A text that is shown whole; of what is longer, its beginning.
TEXT_BYTES_MAX = 200_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A log or a file; `path` is its whole name."""

    path: str
    size: int
    kind: Literal["log", "file"]
    record: Answer

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(slots=True)
class Folder:
    path: str = ""
    folders: dict[str, "Folder"] = field(default_factory=dict[str, "Folder"])
    entries: list[Entry] = field(default_factory=list[Entry])

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def count(self) -> int:
        return len(self.entries) + sum(each.count for each in self.folders.values())

    def holds(self, path: str) -> bool:
        return path.startswith(f"{self.path}/")


def tree(entries: Sequence[Entry]) -> Folder:
    top = Folder()
    for entry in sorted(entries, key=_place):
        folder = top
        for name in entry.path.split("/")[:-1]:
            path = f"{folder.path}/{name}" if folder.path else name
            folder = folder.folders.setdefault(name, Folder(path))
        folder.entries.append(entry)
    return top


def entries_of(found: Answer) -> Iterator[Entry]:
    """Logs, and the files that are no log as well."""
    logs = {log["name"] for log in found["logs"]}
    for log in found["logs"]:
        yield Entry(log["name"], int(log["bytes"]), "log", log)
    for edge in found["files"]["edges"]:
        file = edge["node"]
        if file["path"] not in logs:
            yield Entry(file["path"], int(file["size"]), "file", file)


def code_of(found: Answer) -> Iterator[Entry]:
    """The files of the code, by their names in its folder."""
    for edge in found["files"]["edges"]:
        file = edge["node"]
        if file["path"].startswith(SNAPSHOT):
            yield Entry(file["path"].removeprefix(SNAPSHOT), int(file["size"]), "file", file)


def opened_code(entries: Sequence[Entry], asked: str) -> Entry | None:
    """What was asked for; else what says what it is, else the first there is."""
    by_path = {entry.path: entry for entry in entries}
    if asked:
        return by_path.get(asked)
    read = (by_path[name] for name in FIRST_READ if name in by_path)
    return next(read, min(entries, key=_place, default=None))


def opened(found: Answer, entries: Sequence[Entry], asked: str) -> Entry | None:
    """What was asked for; else the active log, else the first there is. None: it is not there."""
    by_path = {entry.path: entry for entry in entries}
    if asked:
        return by_path.get(asked)
    if active := found["activeLog"]:
        return by_path[active["name"]]
    return min(entries, key=_place, default=None)


def shown_as(entry: Entry) -> Literal["log", "picture", "text", "bytes"]:
    if entry.kind == "log":
        return "log"
    kind = str(entry.record["contentType"]).partition(";")[0]
    if kind in PICTURES:
        return "picture"
    # What is code has any ending, or none.
    if entry.record["path"].startswith(SNAPSHOT) and entry.size <= TEXT_BYTES_MAX:
        return "text"
    return "text" if kind.startswith("text/") or kind in TEXTS else "bytes"


def _place(entry: Entry) -> tuple[int, Sequence[str]]:
    parts = entry.path.split("/")
    return (FIRST.index(parts[0]) if parts[0] in FIRST else len(FIRST), parts)


def viewed(entry: Entry, run_id: str) -> Mapping[str, Any]:
    """What the script that shows a log has to know."""
    return {
        "run": run_id,
        "log": entry.path,
        "writers": [each["writer"] for each in entry.record["writers"]],
    }
