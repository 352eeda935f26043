"""Ignore files are read as git reads them: git itself is asked."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runvane import _ignore

TREE = [
    "a", "b.py", "a.log", "lib/a", "lib/b.py", "lib/deep/a.log", "lib/deep/b", "build/x/y/a",
    "foo/build/a", "foo/a b", "#a", "!a", "[a]", "a*", "a ", "foo/bar/baz/qux", ".hidden", "A.PY",
]  # fmt: skip
PATTERNS = st.lists(
    st.one_of(
        st.sampled_from([
            "*.py", "/a", "lib/", "!lib/b.py", "**/deep", "lib/**", "build/**/a", "a?", "[ab]*",
            "[!a]*", "*", "!*/", "!b.py", "/*", "foo/*", "\\#a", "\\!a", "\\[a\\]", "a\\*", "a\\ ",
            "a  ", "**", "*/a", "lib/*/b", "/lib/deep/", "deep/", "**/", "a/", "foo/bar",
            "[a-b]*", "[]a]*", "[a", "", "# a", "foo/**/qux", "**/**/a", "lib//a", "/", "!",
            "[^a]*", "[[:upper:]]*",
            "[[:digit:][:lower:]]", "*.[pl]*", "***", "a**", "lib/**deep", "[b-a]", "[\\]a]", "a\\",
        ]),
        st.text("ab*?/[]!\\#. -lib", max_size=8),
    ),
    max_size=5,
)  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("tree")
    for name in TREE:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text("")
    subprocess.run(["git", "init", "-q", str(top)], check=True)
    (top / ".git/info/exclude").write_text("")
    return top


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(top=PATTERNS, below=PATTERNS)
def test_git_leaves_out_the_same(tree: Path, top: list[str], below: list[str]) -> None:
    (tree / ".gitignore").write_text("\n".join(top))
    (tree / "lib/.gitignore").write_text("\n".join(below))
    command = ["git", "-c", "core.excludesFile=", "-C", str(tree), "ls-files", "-z", "--others"]
    listed = subprocess.run(
        [*command, "--exclude-per-directory=.gitignore"], check=True, capture_output=True, text=True
    )
    assert set(_ignore.files_in(tree)) == set(filter(None, listed.stdout.split("\0")))


def test_azures_own_file_goes_first(tmp_path: Path) -> None:
    for name, text in {"a": "", "b": "", ".gitignore": "a", ".amlignore": "b"}.items():
        (tmp_path / name).write_text(text)
    assert set(_ignore.files_in(tmp_path)) == {"a", ".gitignore", ".amlignore"}
