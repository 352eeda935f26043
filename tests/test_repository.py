"""What may be in the repository, and what is said in more than one place, checked on its files."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
PINS = sorted((ROOT / "constraints").glob("*.txt"))
PIN = re.compile(r"^([a-z0-9-]+)==([^ ;\\]+)", re.MULTILINE)
# Below these, holes are known.
FLOORS = {
    "strawberry-graphql": "0.327.2",  # Subscriptions without sign-in or bound.
    "graphql-core": "3.3.0",  # Comments escape the token limit; quadratic validation.
    "starlette": "1.3.1",  # Host poisons the path; quadratic ranges.
    "tortoise-orm": "1.0",  # LIKE filters.
    "python-multipart": "0.0.27",  # Only if something brings it.
}
# Written so that this file does not match itself.
NEVER = {
    "a registry's host": r"pypi[.]org|pythonhosted[.]org|registry[.]npm|debian[.]org|unpkg[.]com",
    "a path of one machine": r"(?<![\w.])/(?:work|root|farm|home)/[a-z]|(?<![\w.])/t[m]p/[a-z]",
    "something left for later": r"\b(?:TO[D]O|FIX[M]E|XX[X]|HAC[K])\b",
    "a test switched off": r"pytest[.](?:mark[.])?(?:ski[p]|xfai[l]|importorski[p])",
}


def tracked() -> list[Path]:
    """Every file that would be committed, also before it is."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in filter(None, names.split("\0")) if (ROOT / name).is_file()]


def texts() -> dict[str, str]:
    """The tracked files that are text, by their path."""
    found: dict[str, str] = {}
    for path in tracked():
        raw = path.read_bytes()
        if b"\0" not in raw[:8000]:
            found[path.relative_to(ROOT).as_posix()] = raw.decode()
    return found


@pytest.mark.parametrize("what", NEVER)
def test_no_file_holds(what: str) -> None:
    held = [name for name, text in texts().items() if re.search(NEVER[what], text)]
    assert held == []


def test_nothing_of_third_parties_is_committed() -> None:
    for name, text in texts().items():
        assert not re.search(r"(^|/)(vendor|third_party|node_modules)/|[.]min[.]|[.]map$", name)
        assert name == "LICENSE" or not re.search(
            r"copyri[g]ht \(c\)|@licens[e]", text, re.IGNORECASE
        ), name
    large = [path.name for path in tracked() if path.stat().st_size > 1024 * 1024]
    assert large == []


@pytest.mark.parametrize("path", PINS, ids=lambda path: path.stem)
def test_pins_hold_hashes_and_nothing_else(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert not [line for line in lines if not re.match(r"[a-z0-9-]+==\S+|    --hash=sha256:", line)]
    entries = re.split(r"^(?=\S)", path.read_text(), flags=re.MULTILINE)
    assert all("--hash=sha256:" in entry for entry in entries if entry)


def test_the_parts_have_the_versions_of_the_whole() -> None:
    whole = pins("dev")
    for name in ("server", "demo", "build"):
        assert pins(name) <= whole, name


@pytest.mark.parametrize(
    ("pinned", "wanted"),
    [
        ("server", [*EXTRAS["server"], *EXTRAS["postgres"]]),
        ("demo", [*EXTRAS["server"], *PROJECT["dependency-groups"]["examples"]]),
        ("dev", [each for each in PROJECT["dependency-groups"]["dev"] if isinstance(each, str)]),
        ("build", PROJECT["build-system"]["requires"]),
    ],
    ids=["server", "demo", "dev", "build"],
)
def test_what_the_project_asks_for_is_pinned(pinned: str, wanted: list[str]) -> None:
    have = pins(pinned)
    for requirement in map(Requirement, wanted):
        versions = [each for name, each in have if name == canonicalize_name(requirement.name)]
        assert versions, requirement.name
        assert all(requirement.specifier.contains(each) for each in versions), requirement.name


@pytest.mark.parametrize("name", FLOORS)
def test_no_version_has_a_known_hole(name: str) -> None:
    # What the guide generates a client with, and a test's store of objects, serve nobody.
    served = [path.stem for path in PINS if path.stem not in ("codegen", "s3")]
    seen = [each for stem in served for pin, each in pins(stem) if pin == name]
    if name in {
        canonicalize_name(dist) for each in packages_distributions().values() for dist in each
    }:
        seen.append(version(name))
    assert all(Version(each) >= Version(FLOORS[name]) for each in seen)
    assert seen or name == "python-multipart"


def test_no_dependency_owns_a_name_of_ours() -> None:
    owners = packages_distributions()
    assert set(owners.get("api", ())) | set(owners.get("web", ())) <= {"runvane"}


def test_what_is_imported_is_asked_for() -> None:
    """What only another package brings may go with that package's next version."""
    owners = packages_distributions()
    wanted = {
        canonicalize_name(Requirement(each).name)
        for extra in ("server", "postgres", "objects", "terminal")
        for each in EXTRAS[extra]
    }
    for name, text in texts().items():
        if not re.match(r"(runvane|api|web)/.*[.]py$", name):
            continue
        for imported in third_party(ast.parse(text)):
            dists = {canonicalize_name(dist) for dist in owners.get(imported, [imported])}
            assert dists & wanted, f"{name} imports {imported}"


def test_links_between_documents_lead_somewhere() -> None:
    for name, text in texts().items():
        if name.endswith(".md"):
            for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
                assert ((ROOT / name).parent / link).exists(), f"{name}: {link}"


def test_every_command_named_in_a_document_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name, text in texts().items():
        if name.endswith(".md"):
            assert set(re.findall(r"`make ([a-z]+)`", text)) <= targets, name
    assert "make test" in (ROOT / ".ci/run").read_text()


def pins(name: str) -> set[tuple[str, str]]:
    return set(PIN.findall((ROOT / "constraints" / f"{name}.txt").read_text()))


def third_party(tree: ast.AST) -> set[str]:
    """The top-level names that a module imports from outside."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names) - {"runvane", "api", "web"}
