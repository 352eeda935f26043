"""A line of a run table says what is known of the run, and nothing that a user wrote is HTML."""

from html.parser import HTMLParser
from typing import Any

from web.run_rows import SHORT, joined, row, tags

EVIL = "<b a='\">&"
RUN: dict[str, Any] = {
    "runId": "r7",
    "number": 7,
    "name": EVIL,
    "status": "NOT_RESPONDING",
    "tags": {EVIL: EVIL, "bare": None, "list": ["<i>"]},
    "createdAt": "2026-01-02T03:04:05.678Z",
    "duration": 61,
    "depth": 1,
    "childCount": 2,
    "metrics": [0.123456, EVIL, None],
    "paramCells": [EVIL, 3],
    "line": [1.0, None, 2.0],
}
BRANCH = "branch"


class Parsed(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data.strip()

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def made(**said: Any) -> Parsed:
    options: dict[str, Any] = {"colour": None, "lead": 0, "home": "", "beside": ()}
    for name in ("chosen", "best", "apart", "drawn"):
        options[name] = False
    options.update({name: said.pop(name) for name in list(said) if name not in {*RUN, BRANCH}})
    tag = tags(lambda words: f"/?q={words}")
    return Parsed(row({**RUN, **said}, tag=tag, runs_path="/runs/", **options))


def test_whatever_a_user_wrote_is_shown_as_it_is() -> None:
    line = made(apart=True, drawn=True)
    assert {tag for tag, _ in line.tags} == {
        *("a", "circle", "i", "input", "path", "span", "svg", "td", "time", "tr")
    }
    assert line.of("tr")[0]["data-name"] == EVIL
    assert line.of("input")[0]["aria-label"] == f"Select {EVIL}"
    assert [each["href"] for each in line.of("a")] == [
        "/runs/r7",
        f"/?q=#{EVIL}={EVIL}",
        "/?q=#bare",
        "/?q=#list=['<i>']",
    ]
    name, status, first, spark, *rest = line.cells[1:]
    assert name == f"{EVIL}{EVIL}={EVIL}barelist=['<i>']2"
    assert (status, first, spark) == ("Not responding", "0.1235", "")
    assert rest[:4] == [EVIL, "\N{EN DASH}", EVIL, "3"]
    assert rest[5] == "1m 01s"


def test_a_line_says_how_its_run_stands() -> None:
    plain = made(tags={}, childCount=0, name="")
    assert (plain.of("tr")[0]["data-name"], plain.of("i")) == ("r7", [{"class": "dot off"}])
    assert "aria-selected" not in plain.of("tr")[0]
    assert [each["class"] for each in plain.of("td")[3:8]] == [
        *("r num mk edge lead", "r num mk", "r num mk muted", "r num edge", "r num")
    ]
    chosen = made(chosen=True, best=True, colour=3, drawn=True, childCount=0, lead=1)
    assert chosen.of("tr")[0]["aria-selected"] == "true"
    assert "checked" in chosen.of("input")[0]
    assert chosen.of("i") == [{"class": "dot c3"}]
    assert chosen.of("path") == [{"class": "s3", "d": "M0.0 18.0L74.0 2.0"}]
    assert chosen.of("td")[3]["class"] == "r num mk edge best"
    assert chosen.of("td")[5]["class"] == "r num mk lead"
    when = {"datetime": RUN["createdAt"], "title": "2026-01-02 03:04:05 UTC", "data-ago": None}
    assert chosen.of("time") == [when]


def test_a_small_line_that_breaks_off_says_so_and_no_other_is_longer_for_it() -> None:
    broken = made(colour=3, drawn=True, childCount=0, line=[1.0, 2.0, None])
    assert [each["class"] for each in broken.of("path")] == ["s3", "broken"]
    (svg,) = broken.of("svg")
    assert (svg["role"], "aria-hidden" in svg) == ("img", False)
    assert "Its last value is NaN or infinite" in broken.cells
    whole = made(colour=3, drawn=True, childCount=0)
    (svg,) = whole.of("svg")
    assert (svg["aria-hidden"], whole.of("title")) == ("true", [])


def test_a_line_of_a_tree_says_how_deep_it_is_and_opens_its_children() -> None:
    branch = {"level": 2, "open": True, "matches": False, "left": 3}
    line = made(branch=branch, apart=True)
    assert line.of("tr")[0]["class"] == "leads"
    assert line.of("span")[1]["data-level"] == "2"
    (button,) = line.of("button")
    assert (button["data-branch"], button["aria-expanded"]) == ("r7", "true")
    assert button["aria-label"] == f"Children of {EVIL}"
    assert line.of("a")[-1]["href"] == "/runs/r7?tab=children"
    bare = made(branch={**branch, "matches": True, "left": 0}, childCount=0)
    assert "class" not in bare.of("tr")[0]
    assert bare.of("button") == []


def test_lines_are_html_for_a_template() -> None:
    assert joined(["<tr>", "&amp;"]).__html__() == "<tr>&amp;"


def test_a_tag_is_cut_only_where_it_may_be_too_long() -> None:
    line = made(tags={"m" * SHORT: None, "m" * (SHORT - 1): "m"}, childCount=0)
    assert [each.get("class") for each in line.of("a")[1:]] == ["tag short", "tag"]
