# Python environments in the cache folder, each named by what it holds. Sourced by scripts/setup.

# Debian's own Python (3.11 or 3.13), for which the requirement files are locked; whatever else stands first on the
# PATH may be a version they do not know.
python=${SLUICE_PYTHON:-/usr/bin/python3}

python_version() {
  "$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' ||
    fail "$python does not run; set SLUICE_PYTHON to a Python 3.11 to 3.13"
}

# requirements_of ENVIRONMENT: the file that says what is in it.
requirements_of() {
  case $1 in
    tools | tests) printf '%s/%s/requirements.txt\n' "$repository" "$1" ;;
    benchmarks) printf '%s/benchmarks/requirements.txt\n' "$repository" ;;
    mlserver | litellm) printf '%s/benchmarks/requirements-%s.txt\n' "$repository" "$1" ;;
    *) fail "there is no Python environment '$1'; there are tools, tests, benchmarks, mlserver and litellm" ;;
  esac
}

# environment_folder ENVIRONMENT: its place, which changes with the Python and with the requirements.
environment_folder() {
  local requirements hash
  requirements=$(requirements_of "$1")
  [[ -r $requirements ]] || fail "$requirements is missing"
  hash=$(sha256sum <"$requirements")
  printf '%s/venv-%s-%s-%s\n' "$cache" "$1" "$(python_version)" "${hash:0:12}"
}

environment_ready() { [[ -e $1/complete && -x $1/bin/python ]]; }

# install_environment ENVIRONMENT: makes it unless it is there.
install_environment() {
  local folder requirements
  folder=$(environment_folder "$1")
  environment_ready "$folder" && return
  requirements=$(requirements_of "$1")
  say "making the Python environment '$1' ($(grep -c '^[a-z]' "$requirements") packages) in $folder"
  rm -rf "$folder"
  quietly "$python" -m venv "$folder"
  # The lock alone decides what fits: MLServer declares Python below 3.13 and yet runs on it.
  quietly "$folder/bin/python" -m pip install --ignore-requires-python --require-hashes --only-binary=:all: \
    --no-deps --retries 5 --progress-bar off --disable-pip-version-check --requirement "$requirements"
  touch "$folder/complete"
}

# ensure_pip: pip_python is afterwards a Python whose pip works. Debian's own refuses to work outside a venv.
ensure_pip() {
  local folder
  folder=$cache/venv-pip-$(python_version)
  pip_python=$folder/bin/python
  environment_ready "$folder" && return
  rm -rf "$folder"
  quietly "$python" -m venv "$folder"
  touch "$folder/complete"
}
