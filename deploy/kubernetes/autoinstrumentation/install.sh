#!/bin/sh
# Fills a folder with this package and what it needs, at the versions and hashes of uv.lock, for the Python that runs pip.
# Usage: install.sh REPOSITORY FOLDER
set -eu
requirements=$(mktemp)
uv export --quiet --locked --project "$1" --no-default-groups --no-emit-project --output-file "$requirements" > /dev/null
python -m pip install --quiet --no-cache-dir --no-deps --require-hashes --only-binary=:all: \
  --target "$2" --requirement "$requirements"
python -m pip install --quiet --no-cache-dir --no-deps --target "$2" "$1"
rm -rf "$requirements" "$2/bin" # scripts that name a Python which the pod may not have
chmod -R go+rX "$2"
