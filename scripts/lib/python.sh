# Python environments in the cache folder, each named by what it holds. Sourced by scripts/setup.

# Debian's own Python (3.11 or 3.13), for which the requirement files are locked; whatever else stands first on the
# PATH may be a version they do not know.
python=${SLUICE_PYTHON:-/usr/bin/python3}

# ensure_pip: pip_python is afterwards a Python whose pip works.
ensure_pip() {
  pip_python=$cache/venv-pip-$(python_version)/bin/python
  [[ -e $cache/venv-pip-$(python_version)/complete ]] && return
  make_environment "$cache/venv-pip-$(python_version)"
  touch "$cache/venv-pip-$(python_version)/complete"
}

python_version() {
  "$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' ||
    fail "$python does not run; set SLUICE_PYTHON to a Python 3.11 to 3.13"
}

make_environment() {
  rm -rf "$1"
  quietly "$python" -m venv "$1"
}
