# llama.cpp's libraries, built once into the cache folder from the source that a Python package carries. Sourced by
# scripts/setup.

# The flags are by measurement: a build for this very CPU (AVX-512) decoded more slowly than one for AVX2, and OpenMP
# keeps threads spinning or asleep in ways that a realtime context cannot do with.
llama_flags=(-D BUILD_SHARED_LIBS=OFF -D CMAKE_POSITION_INDEPENDENT_CODE=ON -D GGML_NATIVE=OFF -D GGML_OPENMP=OFF
  -D GGML_CCACHE=OFF -D LLAMA_OPENSSL=OFF -D LLAMA_BUILD_COMMON=ON -D LLAMA_BUILD_TESTS=OFF -D LLAMA_BUILD_EXAMPLES=OFF
  -D LLAMA_BUILD_APP=OFF -D LLAMA_BUILD_UI=OFF -D LLAMA_USE_PREBUILT_UI=OFF -D LLAMA_TOOLS_INSTALL=OFF)
llama_libraries=(common/libllama-common.a common/libllama-common-base.a vendor/cpp-httplib/libcpp-httplib.a
  src/libllama.a ggml/src/libggml.a ggml/src/libggml-cpu.a ggml/src/libggml-base.a)
# For NVIDIA GPUs beside the CPU, with the CUDA toolkit of the machine (nvcc): a folder of its own.
if [[ ${SLUICE_CUDA:-OFF} == ON ]]; then
  llama_flags+=(-D GGML_CUDA=ON)
  llama_libraries+=(ggml/src/ggml-cuda/libggml-cuda.a)
fi

# llama_key: changes with all that the libraries are made of.
llama_key() {
  printf '%s %s %s\n' "$(pin llama_cpp_sha256)" "${llama_flags[*]}" "$architecture" | sha256sum | cut -c 1-12
}
llama_folder() { printf '%s/llama-%s-%s\n' "$cache" "$(pin llama_cpp_version)" "$(llama_key)"; }
llama_ready() { [[ -e $(llama_folder)/complete ]]; }

# fetch_llama_source WORK: leaves the source in WORK/source.
fetch_llama_source() {
  local work=$1 version unpacked
  version=$(pin llama_cpp_version)
  ensure_pip
  # pip asks a source package for its metadata, which takes the package's own build backend.
  local backend=$work/backend
  quietly "$python" -m venv "$backend"
  quietly "$backend/bin/python" -m pip install --require-hashes --only-binary=:all: --no-deps --retries 5 \
    --progress-bar off --disable-pip-version-check --requirement "$repository/scripts/requirements-llama.txt"
  printf 'llama-cpp-python==%s --hash=sha256:%s\n' "$version" "$(pin llama_cpp_sha256)" >"$work/requirements.txt"
  quietly "$backend/bin/python" -m pip download --no-deps --no-binary=:all: --no-build-isolation --require-hashes \
    --retries 5 --disable-pip-version-check --dest "$work/package" --requirement "$work/requirements.txt"
  mkdir "$work/unpacked"
  tar -xzf "$work"/package/llama_cpp_python-*.tar.gz -C "$work/unpacked"
  unpacked=("$work"/unpacked/*/vendor/llama.cpp)
  [[ -d ${unpacked[0]} ]] || fail "the source package of llama-cpp-python $version has no vendor/llama.cpp"
  mv "${unpacked[0]}" "$work/source"
}

# build_llama WORK TARGET..: configures WORK/build once, and builds.
build_llama() {
  local work=$1 launcher=()
  shift
  # The compiler cache of the project's own builds.
  command -v ccache >/dev/null && launcher=(-D CMAKE_C_COMPILER_LAUNCHER=ccache -D CMAKE_CXX_COMPILER_LAUNCHER=ccache)
  export CCACHE_DIR=$cache/ccache CCACHE_BASEDIR=$work CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=8G
  quietly cmake -S "$work/source" -B "$work/build" -G Ninja -D CMAKE_C_COMPILER=gcc-14 -D CMAKE_CXX_COMPILER=g++-14 \
    -D CMAKE_BUILD_TYPE=Release "${llama_flags[@]}" -D LLAMA_BUILD_TOOLS="${llama_tools:-OFF}" \
    -D LLAMA_BUILD_SERVER="${llama_tools:-OFF}" "${launcher[@]}"
  quietly cmake --build "$work/build" --target "$@"
}

# The peer of the benchmarks: llama.cpp's own server, of the same source and flags.
install_llama_server() {
  local folder work
  folder=$(llama_folder)
  [[ -x $folder/bin/llama-server ]] && return
  say "building llama.cpp's server, a peer of the benchmarks (minutes)"
  work=$(mktemp -d "$cache/llama.XXXXXX")
  fetch_llama_source "$work"
  llama_tools=ON build_llama "$work" llama-server
  mkdir -p "$folder/bin"
  cp "$work/build/bin/llama-server" "$folder/bin/"
  rm -rf "$work"
}

install_llama() {
  llama_ready && return
  local folder work library
  folder=$(llama_folder)
  rm -rf "$cache"/llama.??????  # of a run that was interrupted
  say "fetching and building llama.cpp of llama-cpp-python $(pin llama_cpp_version) into $folder (minutes)"
  work=$(mktemp -d "$cache/llama.XXXXXX")
  fetch_llama_source "$work"
  build_llama "$work" llama llama-common
  mkdir -p "$work/ready/lib" "$work/ready/include"
  for library in "${llama_libraries[@]}"; do
    cp "$work/build/$library" "$work/ready/lib/"
  done
  cp -r "$work"/source/include/. "$work"/source/ggml/include/. "$work/ready/include/"
  (cd "$work/source/common" && find . -name '*.h' -o -name '*.hpp' | xargs cp --parents -t "$work/ready/include/")
  cp -r "$work/source/vendor/nlohmann" "$work/ready/include/"
  cp "$work/source/LICENSE" "$work/ready/"
  touch "$work/ready/complete"
  rm -rf "$folder"
  mv "$work/ready" "$folder"
  rm -rf "$work"
}
