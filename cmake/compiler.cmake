# Language level, warnings, sanitizers and the compiler cache, the same for every target.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(sluice_options INTERFACE)
target_include_directories(sluice_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(sluice_options INTERFACE -Wall -Wextra -Wpedantic -Werror
                       -Wno-missing-field-initializers)  # designated initialisers leave the rest at its default
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 14 reports these for std::variant and std::string it inlines itself.
  target_compile_options(sluice_options INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-array-bounds
                         -Wno-stringop-overflow -Wno-dangling-reference)
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND SLUICE_PRECOMPILE)
  # So that the compiler cache finds the headers of another clone the same.
  target_compile_options(sluice_options INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
endif()

add_library(sluice_test_options INTERFACE)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
  target_compile_options(sluice_options INTERFACE -fno-plt -fno-semantic-interposition)
  # What is tested is compiled as it is shipped; to optimise the tests as well takes longer than they gain by it.
  target_compile_options(sluice_test_options INTERFACE -O1)
else()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # It checks: to optimise, above all what sanitizers add, takes it longer than the tests gain by it.
    set(CMAKE_CXX_FLAGS_DEBUG "-O0 -gline-tables-only")
  else()
    set(CMAKE_CXX_FLAGS_DEBUG "-Og -g1")
  endif()
  target_compile_definitions(sluice_options INTERFACE _GLIBCXX_ASSERTIONS)
endif()
if(SLUICE_SANITIZE)
  add_compile_options(-fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SLUICE_SANITIZE})
  if(SLUICE_SANITIZE STREQUAL "thread")
    # Headers of libraries give their types further members under this macro, which the libraries as they are
    # installed do not know. The standard library's own headers must still hear of it, and so must ours.
    add_compile_options(-U__SANITIZE_THREAD__)
    add_compile_definitions(_GLIBCXX_TSAN=1 SLUICE_TSAN=1)
  endif()
endif()
if(SLUICE_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()
if(SLUICE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# One compiler cache for every clone of this machine.
find_program(SLUICE_CCACHE ccache)
if(SLUICE_CCACHE)
  set(_cache $ENV{XDG_CACHE_HOME})
  if(NOT _cache)
    set(_cache $ENV{HOME}/.cache)
  endif()
  get_filename_component(_parent ${CMAKE_SOURCE_DIR} DIRECTORY)
  set(_launch ${CMAKE_COMMAND} -E env CCACHE_DIR=${_cache}/sluice/ccache CCACHE_BASEDIR=${_parent}
      CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_MAXSIZE=8G ${SLUICE_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${_launch})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${_launch})
endif()

find_program(SLUICE_LLD ld.lld-19)
if(SLUICE_LLD AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=lld)
endif()
