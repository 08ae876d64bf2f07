# What comes from Debian 13, and the pinned ONNX Runtime library that scripts/setup keeps in the cache folder.
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(SQLite3 3.40 REQUIRED)
find_package(simdjson REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(Protobuf REQUIRED)
# gRPC's configuration looks for re2 by pkg-config, which walks Abseil's hundred packages sixteen times: 40 s. The
# library alone is what it needs, so it finds it here.
find_library(RE2_LIBRARY re2 REQUIRED)
add_library(re2::re2 UNKNOWN IMPORTED)
set_target_properties(re2::re2 PROPERTIES IMPORTED_LOCATION ${RE2_LIBRARY})
set(re2_FOUND TRUE)
find_package(gRPC CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
if(POLICY CMP0167)
  cmake_policy(SET CMP0167 NEW) # Boost's own configuration, not CMake's module
endif()
find_package(Boost 1.83 REQUIRED COMPONENTS json)
pkg_check_modules(PROMETHEUS REQUIRED IMPORTED_TARGET prometheus-cpp-core)
find_library(LLHTTP_LIBRARY llhttp REQUIRED)
find_library(HIREDIS_LIBRARY hiredis REQUIRED)
if(SLUICE_TESTS)
  find_package(GTest REQUIRED)
endif()
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)

file(STRINGS ${CMAKE_SOURCE_DIR}/scripts/pins _pins REGEX "^[a-z0-9_]+=")
foreach(_pin IN LISTS _pins)
  string(REGEX MATCH "^([a-z0-9_]+)=(.*)$" _ ${_pin})
  set(SLUICE_PIN_${CMAKE_MATCH_1} ${CMAKE_MATCH_2})
endforeach()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/scripts/pins)
set(_cache $ENV{XDG_CACHE_HOME})
if(NOT _cache)
  set(_cache $ENV{HOME}/.cache)
endif()
# -D SLUICE_ONNXRUNTIME_DIR=.. names another folder; what is found here is not kept, so that a new pin takes effect.
if(NOT SLUICE_ONNXRUNTIME_DIR)
  set(SLUICE_ONNXRUNTIME_DIR
      ${_cache}/sluice/onnxruntime-${SLUICE_PIN_onnxruntime_version}-${CMAKE_SYSTEM_PROCESSOR})
endif()
set(_ort ${SLUICE_ONNXRUNTIME_DIR}/lib/libonnxruntime.so.1)
if(NOT EXISTS ${_ort})
  message(FATAL_ERROR "${_ort} is missing: run scripts/setup build first")
endif()
find_path(ONNXRUNTIME_HEADERS onnxruntime_cxx_api.h PATH_SUFFIXES onnxruntime REQUIRED)
add_library(onnxruntime_pinned SHARED IMPORTED)
set_target_properties(onnxruntime_pinned PROPERTIES IMPORTED_LOCATION ${_ort} IMPORTED_SONAME libonnxruntime.so.1
                      INTERFACE_INCLUDE_DIRECTORIES ${ONNXRUNTIME_HEADERS})
# The library lies beside the binary, so that a build folder can be moved or packed as it is.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
file(COPY_FILE ${_ort} ${CMAKE_BINARY_DIR}/lib/libonnxruntime.so.1 ONLY_IF_DIFFERENT)

# llama.cpp as scripts/setup has built it. Without it (-D SLUICE_LLAMA=OFF) models of the backend llama are refused with a word on why.
if(SLUICE_LLAMA)
  if(NOT SLUICE_LLAMA_DIR)
    execute_process(COMMAND ${CMAKE_COMMAND} -E env SLUICE_CUDA=${SLUICE_CUDA}
                            ${CMAKE_SOURCE_DIR}/scripts/setup --print llama OUTPUT_VARIABLE SLUICE_LLAMA_DIR
                    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  endif()
  if(NOT EXISTS ${SLUICE_LLAMA_DIR}/complete)
    message(FATAL_ERROR "${SLUICE_LLAMA_DIR} is missing: run scripts/setup build first")
  endif()
  add_library(llama_pinned INTERFACE)
  target_include_directories(llama_pinned SYSTEM INTERFACE ${SLUICE_LLAMA_DIR}/include)
  # In the order of use, as a linker reads static libraries.
  foreach(_part llama-common llama-common-base cpp-httplib llama ggml ggml-cpu ggml-base)
    target_link_libraries(llama_pinned INTERFACE ${SLUICE_LLAMA_DIR}/lib/lib${_part}.a)
  endforeach()
  if(SLUICE_CUDA)
    find_package(CUDAToolkit REQUIRED)
    target_compile_definitions(llama_pinned INTERFACE SLUICE_CUDA)
    # The libraries of ggml name one another.
    target_link_libraries(llama_pinned INTERFACE ${SLUICE_LLAMA_DIR}/lib/libggml-cuda.a
                          ${SLUICE_LLAMA_DIR}/lib/libggml-base.a CUDA::cudart CUDA::cublas CUDA::cuda_driver)
  endif()
  target_link_libraries(llama_pinned INTERFACE Threads::Threads ${CMAKE_DL_LIBS})
endif()
