# sluice_layer(NAME SOURCES a.cc .. [TESTS a_test.cc ..] [DEPS base ..] [LIBS lib ..])
#
# One folder of src/ as one library. DEPS are folders higher in the order of ARCHITECTURE.md and are visible to
# users of this one; LIBS are third-party libraries, which stop here (PRIVATE).
function(sluice_layer name)
  cmake_parse_arguments(L "" "" "SOURCES;TESTS;DEPS;LIBS" ${ARGN})
  add_library(sluice_${name} STATIC ${L_SOURCES})
  target_link_libraries(sluice_${name} PUBLIC sluice_options Threads::Threads PRIVATE ${L_LIBS})
  foreach(dep IN LISTS L_DEPS)
    target_link_libraries(sluice_${name} PUBLIC sluice_${dep})
  endforeach()
  if(SLUICE_TESTS AND L_TESTS)
    add_executable(sluice_${name}_test ${L_TESTS})
    target_link_libraries(sluice_${name}_test PRIVATE sluice_${name} ${L_LIBS} GTest::gmock_main)
    set_target_properties(sluice_${name}_test PROPERTIES BUILD_RPATH ${CMAKE_BINARY_DIR}/lib)
    target_compile_definitions(sluice_${name}_test PRIVATE SLUICE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    gtest_discover_tests(sluice_${name}_test TEST_PREFIX ${name}/ DISCOVERY_MODE PRE_TEST
                         PROPERTIES TIMEOUT 120)
  endif()
endfunction()
