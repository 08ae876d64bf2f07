# sluice_layer(NAME SOURCES a.cc .. [TESTS a_test.cc ..] [SERIAL_TESTS b_test.cc ..] [DEPS base ..] [LIBS lib ..])
#
# One folder of src/ as one library. DEPS are folders higher in the order of ARCHITECTURE.md and are visible to
# users of this one. SERIAL_TESTS want the machine for themselves: no other test runs beside them. LIBS are third-party
# libraries, which stop here (PRIVATE).
function(sluice_layer name)
  cmake_parse_arguments(L "" "" "SOURCES;TESTS;SERIAL_TESTS;DEPS;LIBS" ${ARGN})
  add_library(sluice_${name} STATIC ${L_SOURCES})
  target_link_libraries(sluice_${name} PUBLIC sluice_options Threads::Threads PRIVATE ${L_LIBS})
  if(SLUICE_PRECOMPILE)
    target_precompile_headers(sluice_${name} REUSE_FROM sluice_precompiled)
  endif()
  foreach(dep IN LISTS L_DEPS)
    target_link_libraries(sluice_${name} PUBLIC sluice_${dep})
  endforeach()
  if(SLUICE_TESTS AND L_TESTS)
    sluice_unit_test(${name} ${name}_test "${L_TESTS}" "${L_LIBS}")
  endif()
  if(SLUICE_TESTS AND L_SERIAL_TESTS)
    sluice_unit_test(${name} ${name}_serial_test "${L_SERIAL_TESTS}" "${L_LIBS}" RUN_SERIAL ON)
  endif()
endfunction()

function(sluice_unit_test layer name sources libs)
  add_executable(sluice_${name} ${sources})
  target_link_libraries(sluice_${name} PRIVATE sluice_${layer} ${libs} sluice_testing sluice_test_options
                                               GTest::gmock_main)
  if(SLUICE_PRECOMPILE)
    target_precompile_headers(sluice_${name} REUSE_FROM sluice_precompiled_test)
  endif()
  set_target_properties(sluice_${name} PROPERTIES BUILD_RPATH ${CMAKE_BINARY_DIR}/lib)
  gtest_discover_tests(sluice_${name} TEST_PREFIX ${layer}/ DISCOVERY_MODE PRE_TEST
                       PROPERTIES TIMEOUT 120 ${ARGN})
endfunction()
