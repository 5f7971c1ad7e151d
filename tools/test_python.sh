#!/usr/bin/env bash
# Tests of the Python package with the program in target/release, in a virtual environment that is made for them.
# PYTHON=… names a Python that has pytest, instead; where it has PyTorch, the tests that need it run too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export COLLADO_BINARY="${COLLADO_BINARY:-$PWD/target/release/collado}"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv --clear target/python-venv
  PYTHON=target/python-venv/bin/python
  if ! "$PYTHON" -m pip install --quiet --retries 1 numpy pytest; then
    # Whatever else may have failed is a failure of this script.
    "$PYTHON" -m pip index --retries 1 versions numpy >/dev/null 2>&1 && exit 1
    echo "Not checked: the Python package, as pip cannot install NumPy and pytest here."
    exit 0
  fi
  # Without these the tests that need them are skipped, and say so.
  "$PYTHON" -m pip install --quiet --retries 1 nbclient ipykernel pandas matplotlib safetensors || true
fi
"$PYTHON" -m pytest -q -rs python --rootdir python -c python/pyproject.toml
