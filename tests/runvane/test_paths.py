"""What a file of a run may be called."""

import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runvane import paths

TAKEN = [
    "a", "outputs/model.pt", "a b/c d.txt", "2026-11-27 04:45:38.png", ".hidden", "a..b", "...x",
    "\u00e4/\u6f22\u5b57.txt", "\U0001f600.png", "x" * 255, "con_", "console.log", "a~",
    "-rf", "%2e%2e",
]  # fmt: skip
REFUSED = {
    "": "at least one", "/a": "begins", "a/": "empty", "a//b": "empty", ".": "is . or ..",
    "a/../b": "is . or ..", "a/./b": "is . or ..", "..": "is . or ..", "a\\b": "backslash",
    "C:a": "drive", "c:/a": "drive", "a\0b": "control", "a\nb": "control", "a\x7f": "control",
    "a\u202eb": "control", "a\ufffd": "control", "a.": "ends", "a /b": "ends",
    "con": "device", "a/NUL.txt": "device", "Com1.x.y": "device", "lpt\u00b9": "device",
    "x" * 256: "255", "/".join(["x" * 200] * 6): "1,024", "\u00e4" * 128: "255",
}  # fmt: skip


@pytest.mark.parametrize("path", TAKEN)
def test_what_people_call_files_is_taken_as_it_is(path: str) -> None:
    assert paths.parsed(path) == path


@pytest.mark.parametrize(("path", "why"), REFUSED.items())
def test_what_leads_elsewhere_is_refused_with_its_reason(path: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        paths.parsed(path)


def test_one_name_has_one_form() -> None:
    assert paths.parsed("cafe\u0301") == paths.parsed("caf\u00e9") == "caf\u00e9"
    assert paths.parsed("\u212b") == "\u00c5"


@given(st.text(st.sampled_from("abC:./\\ \0\n\u0301\u202e\u00e9~%CONnul12"), max_size=12))
def test_what_is_taken_stays_below_where_it_is_put(text: str) -> None:
    try:
        path = paths.parsed(text)
    except ValueError:
        return
    assert paths.parsed(path) == path == unicodedata.normalize("NFC", path)
    assert not PurePosixPath(path).is_absolute()
    assert {"", ".", ".."}.isdisjoint(path.split("/"))
    assert paths.prefix(path) == path


@pytest.mark.parametrize("prefix", ["/a", "../a", "a/../b", "a\\", "a\0", "x" * 1025])
def test_a_prefix_is_held_to_the_same(prefix: str) -> None:
    with pytest.raises(ValueError, match="a prefix"):
        paths.prefix(prefix)
