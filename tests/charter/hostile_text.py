"""Texts that a careless page would run, and a run that has one wherever a user writes a word."""

import json
import random
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import runvane

# They call `ran()`, or ask for `/ran`.
FILE = "<script src=/files/runs/s8/ran.js></script>"
SCRIPTS = (
    "<script>ran()</script>", "<script src=/ran></script>", FILE,
    "<img src=/ran onerror=ran()>", "<img srcset='/ran 2x'>", "<svg onload=ran()>",
    "<svg><script>ran()</script></svg>", "<svg><use href=/ran#x></use></svg>",
    "<svg><animate onbegin=ran() attributeName=x dur=1s></svg>",
    "<iframe srcdoc='<script>parent.ran()</script>'></iframe>",
    "<iframe src=javascript:parent.ran()></iframe>", "<object data=/ran></object>",
    "<embed src=/ran>", "<body onload=ran()>", "<details open ontoggle=ran()>x</details>",
    "<video><source onerror=ran() src=/ran></video>", "<audio src=/ran onerror=ran()></audio>",
    "<input autofocus onfocus=ran()>", "<marquee onstart=ran()>x</marquee>",
    "<link rel=stylesheet href=/ran>", "<style>@import '/ran';*{background:url(/ran)}</style>",
    "<p style='background:url(/ran)'>x</p>", "<base href=//ran.invalid/>",
    "<a href=javascript:ran() autofocus>x</a>",
    "<form action=/ran><button autofocus>x</button></form>",
    "<button formaction=javascript:ran()>x</button>", "<div hx-get=/ran hx-trigger=load></div>",
    "<div hx-on:click='ran()' hx-on::load='ran()'></div>",
    "<div hx-trigger='load[ran()]' hx-get=/ran></div>",
    "<div hx-get=/ran hx-vals='js:{x:ran()}' hx-trigger=load></div>",
    "<div hx-ext=sse hx-sse:connect=/ran></div>",
    "<math><mtext><mglyph><style><img src=/ran onerror=ran()></style></mglyph></mtext></math>",
    "<noscript><p title='</noscript><img src=/ran onerror=ran()>'></noscript>",
    "<svg></p><style><a id='</style><img src=/ran onerror=ran()>'></style></svg>",
    "<template><script>ran()</script></template><img src=/ran onerror=ran()>",
)  # fmt: skip
# They end what a text may stand in.
ENDINGS = (
    "",
    '">',
    "'>",
    "</title>",
    "</textarea></template>",
    "--></style></script>",
    '\\"});',
    "]]>",
)
# They are no markup, but become something elsewhere: links, templates, Markdown, terminals, JSON.
WORDS = (
    "javascript:ran()", "JaVaScRiPt:ran()", "java\tscript:ran()", " javascript:ran()",
    "data:text/html,<script>ran()</script>", "vbscript:ran()", "//ran.invalid/ran",
    "[x](javascript:ran())", "![x](/ran)", "<javascript:ran()>", "[x](/ran 'x' onclick=ran())",
    '![x](x"onerror="ran())', "[x]: javascript:ran()\n\n[x]", "`<img src=/ran onerror=ran()>`",
    "{{ran()}}", "{{''.__class__}}", "{% raise %}", "${ran()}", "<%= ran() %>", "#{ran()}",
    "\x1b]8;;javascript:ran()\x07x\x1b]8;;\x07", "\x1b[31m<img src=/ran onerror=ran()>\x1b[0m",
    "\r<img src=/ran onerror=ran()>", "\u2028ran()\u2029", "';ran();//", '";ran();//', "`;ran();//",
    "</script><script>ran()</script>", "<!--<script>", "\\u003cscript\\u003eran()",
    "\\x3cimg src=/ran onerror=ran()>",
    "&lt;img src=/ran onerror=ran()&gt;", "&#60;img src=/ran onerror=ran()&#62;",
    "\u202e<img src=/ran onerror=ran()>", "+ADw-script+AD4-ran()", "\ufeff<script>ran()</script>",
    "<scr\0ipt>ran()</scr\0ipt>", "\uff1cscript\uff1eran()", "__proto__", "constructor",
    "<", '"', "'", "&amp;",
)  # fmt: skip


def hostile_texts(count: int) -> Sequence[str]:
    """As many of some three hundred, always the same."""
    every = [*WORDS, *(end + script for script in SCRIPTS for end in ENDINGS)]
    return random.Random(8).sample(every, count)


def leave(texts: Sequence[str], run_id: str, experiment: str) -> None:
    """A run with the first of them as each text that it has once, and all where it has many."""
    first = texts[0]
    named = dict(zip(texts, reversed(texts), strict=True))
    run = runvane.Run(experiment, name=first, id=run_id, kind="hyperdrive")
    run.describe(name=first, description=first, primary_metric=first)
    run.params(named)
    run.tags(named)
    run.properties({**named, "azureml.git.repository_uri": first, "azureml.git.branch": first})
    for value in (1.5, 2.5):
        run.log(dict.fromkeys(texts, value))
    run.log_row(f"rows {first}", **dict.fromkeys(texts, 1.0))
    run.log_table(f"table {first}", {text: [text] for text in texts})
    data = {"class_labels": list(texts), "matrix": [[1] * len(texts)] * len(texts)}
    about = {"schema_type": "confusion_matrix", "schema_version": "1.0.0", "data": data}
    run.log_chart(f"confusion {first}", "confusion_matrix", about)
    with tempfile.TemporaryDirectory() as folder:
        for text in texts:
            leave_files(run, text, Path(folder, "file.txt"))
    run.child_run(first, params=named).complete()
    # Whoever waits for all of it waits for this.
    run.tag(f"all-of-{run_id}")
    run.log_text("user_logs/std_log.txt", f"all-of-{run_id}\n")
    run.fail(first, first, code=first)
    run.flush()


def leave_files(run: runvane.Run, text: str, path: Path) -> None:
    """A log that says it, and files that are called so, or as much of it as a file may be."""
    run.log_text("user_logs/std_log.txt", f"{text}\n")
    path.write_text(text)
    run.log_image(text, path)
    name = "".join(each for each in text if each.isprintable() and each not in ":/\\")[:100]
    with suppress(ValueError):
        run.log_text(f"logs/{name}", text)
    run.upload_file(f"outputs/{name}", path)


if __name__ == "__main__":
    for run_id, (experiment, texts) in json.load(sys.stdin).items():
        leave(texts, run_id, experiment)
