"""What holds for every page before any server answers."""

import json
import re

import pytest
from graphql import build_schema, parse, validate
from jinja2 import Environment, FileSystemLoader, nodes

from tests.conftest import ROOT
from web.render import HEADERS
from web.texts import LANGUAGES, catalogue

TEXTS = catalogue("en")
TEMPLATES = sorted((ROOT / "web/templates").glob("*.html"))
SCRIPTS = sorted((ROOT / "web/src").rglob("*.js"))
DOCUMENTS = sorted((ROOT / "web/queries").iterdir())
# What the policy of a page forbids, in a template or in what a script writes.
FORBIDDEN = (r"\sstyle=", r"<style", r"hx-on", r"\son\w+=", r"hx-vals=.js:", r"javascript:")
# Endings of keys that a template puts together, by the values they are put together from.
ENUMS = {
    "status": "NOT_STARTED UNAPPROVED QUEUED PREPARING PROVISIONING STARTING RUNNING NOT_RESPONDING"
    " PAUSING PAUSED FINALIZING CANCEL_REQUESTED COMPLETED FAILED CANCELED",
    "stat": "LAST MIN MAX FIRST MEAN COUNT",
    "goal": "MINIMIZE MAXIMIZE",
    "compute.state": "IDLE STEADY PREPARING RUNNING NOT_RESPONDING UNMANAGED",
    "compute.nodes": "IDLE PREPARING RUNNING NOT_RESPONDING",
    "target.tab": "runs nodes",
    "target.show": "all active queued",
    "target.empty": "active queued",
    "chart.x": "STEP RELATIVE TIME",
    "theme": "auto light dark",
    "settings.theme": "auto light dark",
    "settings.density": "wide dense",
    "settings.tab": "access limits appearance",
    "settings.scope": "READ WRITE INGEST EXECUTE WORKER"
    " READ.why WRITE.why INGEST.why EXECUTE.why WORKER.why",
    "views.kind": "experiments experiment runs run compute target compare query",
    "run.tab": "metrics overview images children files snapshot code raw",
    "query": "document variables curl python",
    "query_page": "curl python javascript mutation subscription",
}


def name(path: object) -> str:
    return str(path).rpartition("/")[2]


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_a_template_carries_no_script_or_style_of_its_own(path: object) -> None:
    page = (ROOT / str(path)).read_text()
    assert not [each for each in FORBIDDEN if re.search(each, page)]
    assert page.count("<script") == page.count('<script type="module" src=')
    assert "[" not in "".join(re.findall(r'hx-trigger="([^"]*)"', page)), "a filter is evaluated"


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_every_word_of_a_template_is_in_the_catalogue(path: object) -> None:
    environment = Environment(loader=FileSystemLoader(ROOT / "web/templates"), autoescape=True)
    tree = environment.parse((ROOT / str(path)).read_text())
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in ("t", "n"):
            for key in keys_in(call.args[0]):
                found = key in TEXTS or any(each.startswith(key) for each in TEXTS)
                assert found, key


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_a_template_holds_no_words_of_its_own(path: object) -> None:
    page = (ROOT / str(path)).read_text()
    # The example script of the first page is code, not words.
    page = re.sub(r"{% call codebox\(.*?endcall %}", "", page, flags=re.DOTALL)
    page = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", "", page, flags=re.DOTALL)
    assert not re.search(r'\b(aria-label|title|placeholder|alt)="[^"]*[A-Za-z]', page)
    text = re.sub(r"<[^>]*>|&\w+;|RUNVANE_URL=|data-sign-in", "", page)
    assert not re.findall(r"[A-Za-z]{2,}", text)


def keys_in(node: nodes.Expr) -> list[str]:
    """The keys, or their beginnings, that an expression can come to."""
    if isinstance(node, nodes.Concat):
        return keys_in(node.nodes[0])
    if isinstance(node, nodes.CondExpr):
        return [*keys_in(node.expr1), *(keys_in(node.expr2) if node.expr2 else ())]
    return [node.value] if isinstance(node, nodes.Const) else []


def test_a_word_has_one_place_in_the_catalogue() -> None:
    files = [json.loads(path.read_text()) for path in (ROOT / "web/texts/en").rglob("*.json")]
    assert sum(map(len, files)) == len(TEXTS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_says_all_that_another_says(language: str) -> None:
    def named(words: str) -> list[str]:
        return sorted(re.findall(r"{\w*}", words))

    for path in (ROOT / "web/texts/en").rglob("*.json"):
        page = str(path.relative_to(ROOT / "web/texts/en").with_suffix(""))
        said, english = catalogue(language, page), catalogue("en", page)
        assert said.keys() == english.keys(), page
        assert {key: named(words) for key, words in said.items()} == {
            key: named(words) for key, words in english.items()
        }, page


def test_every_value_of_an_enum_has_its_word() -> None:
    for prefix, values in ENUMS.items():
        assert {f"{prefix}.{value}" for value in values.split()} <= set(TEXTS)


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_a_script_writes_no_markup_and_has_its_words_from_the_catalogue(path: object) -> None:
    source = (ROOT / str(path)).read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b", source)
    assert len(source.splitlines()) <= 300
    for key in re.findall(r'\bword\(\s*"([^"]+)"', source):
        assert key in known_words(path), key


def known_words(path: object) -> set[str]:
    own = {"query_page": "query_page", "/logs/": "files"}
    pages = [name for part, name in own.items() if part in str(path)]
    return set(catalogue("en", *(f"scripts/{name}" for name in ("site", *pages))))


def test_the_policy_allows_nothing_but_our_own_files() -> None:
    policy = HEADERS["content-security-policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'self';")


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_a_document_asks_what_the_schema_answers(path: object) -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text())
    assert validate(schema, parse((ROOT / str(path)).read_text())) == []


def test_every_document_is_asked_by_a_page() -> None:
    sources = [*(ROOT / "web").rglob("*.py"), *(ROOT / "web/src").rglob("*.js")]
    asked = "".join(path.read_text() for path in sources)
    for path in DOCUMENTS:
        assert f'"{path.stem}"' in asked, path.stem
