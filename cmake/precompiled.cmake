# What most sources include of the standard library, and tests of GoogleTest, parsed once a build instead of in each of
# six hundred sources: a third of the compilation. A source names all that it includes nevertheless: the preset clang,
# which `make lint` builds, goes without.
function(sluice_precompile)
  set(standard algorithm array atomic bit charconv chrono cmath condition_variable cstdint cstring deque expected
      filesystem format fstream functional future limits list map memory mutex optional random ranges set span sstream
      stdexcept string string_view thread tuple unordered_map unordered_set utility variant vector)
  list(TRANSFORM standard REPLACE "(.+)" "<\\1>")
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompiled.cc CONTENT "// What is compiled are the headers.\n")
  add_library(sluice_precompiled OBJECT ${CMAKE_BINARY_DIR}/precompiled.cc)
  target_link_libraries(sluice_precompiled PRIVATE sluice_options)
  target_precompile_headers(sluice_precompiled PRIVATE ${standard})
  if(SLUICE_TESTS)
    # Apart, as code of executables is compiled with other options than code of libraries.
    add_executable(sluice_precompiled_test EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/precompiled.cc)
    target_link_libraries(sluice_precompiled_test PRIVATE sluice_options sluice_test_options GTest::gmock_main)
    target_precompile_headers(sluice_precompiled_test PRIVATE ${standard} <gmock/gmock.h> <gtest/gtest.h>)
  endif()
endfunction()

if(SLUICE_PRECOMPILE)
  sluice_precompile()
endif()
