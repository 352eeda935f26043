"""
What a file of a run may be called: one parser, for every door of the server and for the SDK.

A path is text of 1 to 1,024 bytes in UTF-8, in parts of at most 255 bytes with `/` between
them, and never leads out of where it is put. It is kept in Unicode's form NFC, which most
keyboards and file systems write; one that comes as NFD, as from a Mac, means the same file.
Refused is what some system would take for another name: `.` and `..`, a backslash, control
characters, characters that turn the direction of writing, a letter with a colon in front, an
end in a dot or a space, and the names of Windows' devices.
"""

import re
import unicodedata

PATH_BYTES_MAX = 1024
PART_BYTES_MAX = 255
# Where the files of a snapshot are among those of a run, and the list of them, which comes last.
SNAPSHOT = ".snapshot/"
SNAPSHOT_LIST = ".snapshot.json"

# Controls, halves of characters, line and paragraph separators; U+FFFD stands for what was not
# UTF-8, and the rest turn the direction of writing (Unicode Technical Report 36, 2.1).
_FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffd\ufffe\uffff]"
)
_DRIVE = re.compile(r"[A-Za-z]:")
# They are devices there with any ending, in any folder.
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\..*)?",
    re.IGNORECASE,
)


def parsed(path: str) -> str:
    """The path in its normal form, or ValueError saying in words what is wrong with it."""
    path = unicodedata.normalize("NFC", path)
    if not path:
        raise ValueError("the name of a file has at least one character")
    if _FORBIDDEN.search(path):
        raise ValueError("the name of a file has no control characters")
    if len(path.encode()) > PATH_BYTES_MAX:
        raise ValueError(f"the name of a file has at most {PATH_BYTES_MAX:,} bytes")
    if "\\" in path:
        raise ValueError("the name of a file has no backslash: write / between its parts")
    if path.startswith("/") or _DRIVE.match(path):
        raise ValueError("the name of a file begins with no / and no drive: it is within its run")
    for part in path.split("/"):
        _look_at(part)
    return path


def prefix(text: str) -> str:
    """The beginning of a path, as lists are asked for by it: the same rules as far as they go."""
    text = unicodedata.normalize("NFC", text)
    if _FORBIDDEN.search(text) or "\\" in text:
        raise ValueError("a prefix has no control characters and no backslash")
    if len(text.encode()) > PATH_BYTES_MAX:
        raise ValueError(f"a prefix has at most {PATH_BYTES_MAX:,} bytes")
    if text.startswith("/") or {".", ".."}.intersection(text.split("/")[:-1]):
        raise ValueError("a prefix is the beginning of a name within its run")
    return text


def _look_at(part: str) -> None:
    if not part:
        raise ValueError("the name of a file has no empty parts: one / between two parts")
    if part in (".", ".."):
        raise ValueError("no part of the name of a file is . or ..")
    if len(part.encode()) > PART_BYTES_MAX:
        raise ValueError(f"each part of the name of a file has at most {PART_BYTES_MAX} bytes")
    if part[-1] in ". ":
        raise ValueError("no part of the name of a file ends in a dot or a space")
    if _DEVICE.fullmatch(part):
        raise ValueError(f"{part} is a device on Windows: choose another name")
