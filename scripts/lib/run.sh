# What the scripts that run tests share. Sourced; common.sh comes first.

jobs=${JOBS:-$(nproc)}

# Sanitizers say where, and end the process that erred.
export ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:${ASAN_OPTIONS:-}
export LSAN_OPTIONS=suppressions=$repository/tests/sanitizers/lsan.supp:print_suppressions=0:${LSAN_OPTIONS:-}
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:${UBSAN_OPTIONS:-}
# Debian's libraries are not compiled for ThreadSanitizer, which would take their locking for none.
export TSAN_OPTIONS=external_symbolizer_path=$ASAN_SYMBOLIZER_PATH:ignore_noninstrumented_modules=1:suppressions=$repository/tests/sanitizers/tsan.supp:second_deadlock_stack=1:halt_on_error=1:${TSAN_OPTIONS:-}

# unit_tests PRESET ARGUMENT..: every GoogleTest binary of that build; the arguments are ctest's.
unit_tests() {
  local preset=$1
  shift
  ctest --test-dir "$repository/build/$preset" "$@" --parallel "$jobs" --output-on-failure --no-tests=error
}

# python_tests PRESET ARGUMENT..: pytest against the server of that build.
python_tests() {
  local preset=$1
  shift
  (cd "$repository" && SLUICE_BIN=$repository/build/$preset/sluice \
    "$("$repository/scripts/setup" --print venv-tests)/bin/python" -m pytest --numprocesses "$jobs" "$@" ${PYTEST:-})
}
