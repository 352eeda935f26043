"""Names of files that lead somewhere else, are something else, or look like another."""

import random
from collections.abc import Sequence
from urllib.parse import quote

# As they are written into a request, percent signs and all.
UP = (
    "..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "..;", "..%00", "%c0%ae%c0%ae", "%e0%80%ae",
    "..%20", "...", "....", "%e2%80%a5", "%ef%bc%8e%ef%bc%8e", "%e2%80%a4%e2%80%a4", ". .", ".",
    "%2e", "..%0d%0a", "%u002e%u002e", "..%ef%bf%bd", "%f0%9f%98%80..", "..%cc%81",
)  # fmt: skip
SLASHES = (
    "/", "%2f", "%2F", "//", "%5c", "\\", "%255c", "%252f", "%c0%af", "%e2%88%95", "%ef%bc%8f",
    "/./", "%2f%2f", "/%00/", ";/", "%e2%81%84",
)  # fmt: skip
BEGINS = (
    "", "/", "%2f", "//", "C:", "c:%5c", "%5c%5chost%5cshare%5c", "file:", "file:///", "~",
    "~root/", "s3://bucket/", "http://127.0.0.1:1/", "%00", "outputs/", ".snapshot/",
    ".snapshot.json/", "-", "%0d%0aset-cookie:x=1%0d%0a", "%1b[2J", "%e2%80%ae", "%ef%bb%bf",
    "CON", "nul.", "files-evil/",
)  # fmt: skip
ENDS = (
    "etc/passwd", "token", "runvane.db", "canary", "files/uploads/x", "x", "", ".", "%20",
    "%00.png", "%ff%fe", "aux.txt", "com1", "x" * 256, "y%2f" * 300 + "z", "%e0%a4", "a%0ab",
    "a%7fb", "caf%cc%81", "%ed%a0%80", "x%e2%80%ae" + "gnp.exe", "lost+found", "{run}", "%%", "%",
    "%zz", "x?y", "x#y", "*",
)  # fmt: skip


def hostile_names(chance: random.Random, count: int) -> Sequence[str]:
    """The same for the same chance; each once."""
    names = {
        begin + up + slash + end
        for begin, up, slash, end in [
            *((b, "..", "/", "canary") for b in BEGINS),
            *(("", u, "/", "canary") for u in UP),
            *(("", "..", s, "canary") for s in SLASHES),
            *(("", "", "", e) for e in ENDS),
        ]
    }
    while len(names) < count:
        deep = "".join(
            chance.choice(UP) + chance.choice(SLASHES) for _ in range(chance.randrange(6))
        )
        names.add(chance.choice(BEGINS) + deep + chance.choice(ENDS))
        some = "".join(
            chr(chance.choice((chance.randrange(256), chance.randrange(0x10FFFF))))
            for _ in range(3)
        )
        names.add(chance.choice(BEGINS) + quote(some.encode("utf-8", "surrogatepass")) + deep)
    return sorted(names)
