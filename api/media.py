"""What a file is by its name, and whether a browser may show it by its first bytes (pure)."""

import re
from collections.abc import Mapping

TEXT = "text/plain; charset=utf-8"
# How each begins. A browser draws these, and runs nothing.
IMAGES = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}
OTHERS = "application/octet-stream"
# Only what a name surely means; a list of the machine would say something else on the next one.
TYPES: Mapping[str, str] = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif",
    "webp": "image/webp", "svg": "image/svg+xml", "pdf": "application/pdf",
    "html": "text/html", "htm": "text/html", "json": "application/json", "xml": "text/xml",
    "csv": "text/csv", "md": "text/markdown", "txt": "text/plain", "log": "text/plain",
    "py": "text/x-python", "yaml": "text/yaml", "yml": "text/yaml", "toml": "text/x-toml",
    "ini": "text/plain", "cfg": "text/plain", "tsv": "text/tab-separated-values",
    "sh": "text/x-shellscript", "ipynb": "application/json", "zip": "application/zip",
    "gz": "application/gzip", "npy": OTHERS, "npz": OTHERS, "pt": OTHERS, "pkl": OTHERS,
    "parquet": "application/vnd.apache.parquet", "mp4": "video/mp4", "wav": "audio/wav",
}  # fmt: skip
# Shown as plain text; a browser would run the others, or offers them to other programs.
TEXTS = {"txt", "log", "md", "csv", "tsv", "json", "yaml", "yml", "toml", "ini", "cfg", "py", "sh"}


def media_type(path: str) -> str:
    """What the ending of the name means."""
    return TYPES.get(_ending(path), OTHERS)


def shown_as(path: str, begins: bytes) -> str | None:
    """As what a browser may show it, if name and first bytes agree; None: it is to be kept."""
    said = media_type(path)
    if said in IMAGES:
        return said if IMAGES[said].match(begins) else None
    return TEXT if _ending(path) in TEXTS and _is_text(begins) else None


def may_be_shown(path: str) -> bool:
    """Whether its first bytes are worth a look."""
    return media_type(path) in IMAGES or _ending(path) in TEXTS


def _ending(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[2].lower()


def _is_text(begins: bytes) -> bool:
    # The last character may be cut in two.
    text = begins.decode(errors="ignore")
    whole = len(begins) - len(text.encode()) < len("\U0010ffff".encode())
    return whole and "\0" not in text
