# The ONNX Runtime library: out of the pinned wheel into the cache folder. Sourced by scripts/setup.

onnxruntime_folder() {
  printf '%s/onnxruntime-%s-%s\n' "$cache" "$(pin onnxruntime_version)" "$architecture"
}

onnxruntime_ready() {
  local folder
  folder=$(onnxruntime_folder)
  [[ -s $folder/lib/libonnxruntime.so.1 && -r $folder/wheel.sha256 &&
    $(<"$folder/wheel.sha256") == "$(pin "onnxruntime_sha256_$architecture")" ]]
}

install_onnxruntime() {
  onnxruntime_ready && return
  local folder version hash work library soname
  folder=$(onnxruntime_folder)
  version=$(pin onnxruntime_version)
  hash=$(pin "onnxruntime_sha256_$architecture")
  rm -rf "$cache"/onnxruntime.??????  # of a run that was interrupted
  say "fetching ONNX Runtime $version for $architecture into $folder"
  work=$(mktemp -d "$cache/onnxruntime.XXXXXX")
  ensure_pip
  printf 'onnxruntime==%s --hash=sha256:%s\n' "$version" "$hash" >"$work/requirements.txt"
  # The wheel is fetched for a fixed Python and platform: only the library in it matters, so that the hash is one
  # whichever Python the machine has.
  quietly "$pip_python" -m pip download --no-deps --only-binary=:all: --require-hashes --retries 5 \
    --implementation cp --python-version 3.12 --abi cp312 \
    --platform "manylinux_2_27_$architecture" --platform "manylinux_2_28_$architecture" \
    --dest "$work/wheel" --requirement "$work/requirements.txt"
  quietly "$pip_python" -m zipfile -e "$work"/wheel/onnxruntime-*.whl "$work/unpacked"
  mkdir -p "$work/ready/lib"
  library=("$work"/unpacked/onnxruntime/capi/libonnxruntime.so.*)
  [[ ${#library[@]} -eq 1 && -s ${library[0]} ]] || fail "the wheel of ONNX Runtime $version has no libonnxruntime.so"
  soname=$(soname_of "${library[0]}")
  [[ $soname == libonnxruntime.so.1 ]] || fail "ONNX Runtime $version has the soname '$soname', not libonnxruntime.so.1"
  cp "${library[0]}" "$work/ready/lib/"
  chmod 644 "$work"/ready/lib/*
  ln -s "$(basename "${library[0]}")" "$work/ready/lib/$soname"
  cp "$work"/unpacked/onnxruntime/{LICENSE,ThirdPartyNotices.txt} "$work/ready/"
  printf '%s\n' "$hash" >"$work/ready/wheel.sha256"
  # A folder of an older pin or of an interrupted run gives way only when the new one is whole.
  rm -rf "$folder"
  mv "$work/ready" "$folder"
  rm -rf "$work"
}

# soname_of FILE: the DT_SONAME of a shared library.
soname_of() {
  readelf -d "$1" | sed -n 's/.*(SONAME).*\[\(.*\)\].*/\1/p'
}
