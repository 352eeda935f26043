#!/bin/sh
# The steps of the container image; the tests run the same ones in bare virtual environments.
#
#   make/image.sh build WHEELS     in a checkout: gather the server and all it needs as wheels
#   make/image.sh install WHEELS   install the server from these wheels and from nowhere else
set -eu
pip="python -m pip --disable-pip-version-check --no-input"
wheels=$2

case $1 in
build)
    $pip install --quiet --no-deps --require-hashes --requirement constraints/build.txt
    command -v npm >/dev/null ||
        $pip install --quiet --no-deps --require-hashes --requirement constraints/node.txt
    $pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$wheels" .
    $pip wheel --quiet --no-deps --require-hashes --requirement constraints/server.txt --wheel-dir "$wheels"
    ;;
install)
    $pip install --quiet --no-index --find-links "$wheels" "runvane[server,postgres]"
    ;;
esac
