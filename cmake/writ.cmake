# The house's own build vocabulary: one function makes a module with its tests.

find_package(fmt REQUIRED)
find_package(simdjson REQUIRED)
if(NOT WRIT_ONLY_CEDAR)
  find_package(Threads REQUIRED)
  find_package(OpenSSL 3 REQUIRED)
  find_package(Boost 1.81 REQUIRED)
  find_package(SQLite3 REQUIRED)
  find_package(CLI11 REQUIRED)
  # They have no package for CMake; linked by their names.
  find_library(WRIT_NGHTTP2 nghttp2 REQUIRED)
  find_library(WRIT_YAML yaml REQUIRED)
  # CMake's own module asks for the server's headers too.
  find_library(WRIT_LIBPQ pq REQUIRED)
  find_path(WRIT_LIBPQ_INCLUDE libpq-fe.h PATH_SUFFIXES postgresql REQUIRED)
  add_library(writ_pq INTERFACE)
  target_link_libraries(writ_pq INTERFACE ${WRIT_LIBPQ})
  target_include_directories(writ_pq SYSTEM INTERFACE ${WRIT_LIBPQ_INCLUDE})
endif()
if(WRIT_TESTS)
  include(GoogleTest)
  find_package(GTest REQUIRED)
endif()
find_program(WRIT_MOLD mold)

# Several files of a module are compiled as one: half the work, since most of it is reading the same headers. Not in
# preset dev, so that a file that does not include what it uses is found; and each file of Cedar for C++ has to stand
# alone for others.
set(WRIT_UNITY_USUAL OFF)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(WRIT_UNITY_USUAL ON)
endif()
cmake_dependent_option(WRIT_UNITY "Compile the files of a module eight at a time" ${WRIT_UNITY_USUAL}
                       "NOT WRIT_ONLY_CEDAR" OFF)

# Sets OUT to the files that are compiled for the target NAME: its sources, or joined files that include eight of them
# each. CMake's own joined files name each source by its absolute path, so that ccache knows no other checkout's objects.
function(writ_joined out name)
  if(NOT WRIT_UNITY)
    set(${out} ${ARGN} PARENT_SCOPE)
    return()
  endif()
  set(sources ${ARGN})
  set(joined "")
  set(number 0)
  while(sources)
    set(text "")
    foreach(one RANGE 1 8)
      list(POP_FRONT sources source)
      if(source)
        file(RELATIVE_PATH relative ${CMAKE_CURRENT_SOURCE_DIR} ${source})
        string(APPEND text "#include \"${relative}\"\n")
      endif()
    endforeach()
    set(file ${CMAKE_CURRENT_BINARY_DIR}/joined/${name}_${number}.cc)
    file(CONFIGURE OUTPUT ${file} CONTENT "${text}" @ONLY)
    list(APPEND joined ${file})
    math(EXPR number "${number} + 1")
  endwhile()
  set(${out} ${joined} PARENT_SCOPE)
endfunction()

add_library(writ_options INTERFACE)
# What a designated initialiser leaves out has its default, and that is meant.
target_compile_options(writ_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                                              -Wno-missing-field-initializers)
# Who builds Cedar for C++ alone may have a compiler that warns of more. Its tests build with the same flags as the rest,
# so that ccache knows what was compiled already.
if(NOT WRIT_ONLY_CEDAR OR WRIT_WARNINGS_ARE_ERRORS)
  target_compile_options(writ_options INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these inside its own standard library at -O2; each was looked at and is a false positive.
  target_compile_options(writ_options INTERFACE -Wno-restrict -Wno-maybe-uninitialized -Wno-dangling-pointer
                                                -Wno-stringop-overflow -Wno-array-bounds -Wno-stringop-overread)
  if(WRIT_UNITY)
    # What a class of one .cc has may be of its unnamed namespace: to g++ the file that joins them looks like a header.
    # And an enumerator of one class looks as if it hid a constant of a header that another file includes.
    target_compile_options(writ_options INTERFACE -Wno-subobject-linkage -Wno-shadow -Wshadow=local)
  endif()
  if(CMAKE_CXX_FLAGS_DEBUG MATCHES "sanitize=thread" AND CMAKE_BUILD_TYPE STREQUAL "Debug")
    target_compile_options(writ_options INTERFACE -Wno-tsan)
  endif()
else()
  # g++ 12's std::stable_sort takes its buffer in a way that C++17 deprecates, which clang reports.
  target_compile_options(writ_options INTERFACE -Wno-deprecated-declarations)
  # `a | b` of what is true or false has no branch, and is meant; so is what a designated initialiser leaves out.
  target_compile_options(writ_options INTERFACE -Wno-bitwise-instead-of-logical -Wno-missing-designated-field-initializers)
  if(WRIT_UNITY)
    target_compile_options(writ_options INTERFACE -Wno-shadow)
  endif()
endif()
target_include_directories(writ_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
# What is never hot, tests above all, is not worth the time that the optimiser takes.
set(WRIT_COLD $<$<CONFIG:Release>:-O1>)
if(WRIT_MOLD)
  target_link_options(writ_options INTERFACE -fuse-ld=mold)
endif()

# Precompiled headers, for all but Cedar for C++: others build that without them, and each of its files has to stand
# alone. Sanitizers do without too, so that a file that does not include what it uses is found.
cmake_dependent_option(WRIT_PRECOMPILE "Precompile the headers that most files include" ON
                       "NOT WRIT_ONLY_CEDAR;CMAKE_BUILD_TYPE STREQUAL Release" OFF)
set(WRIT_PRECOMPILED <algorithm> <array> <atomic> <charconv> <chrono> <condition_variable> <cstdint> <cstring> <expected>
    <filesystem> <functional> <map> <memory> <mutex> <optional> <set> <span> <string> <string_view> <thread>
    <unordered_map> <utility> <variant> <vector> <fmt/format.h>)
if(WRIT_PRECOMPILE)
  add_library(writ_precompiled OBJECT cmake/precompiled.cc)
  target_link_libraries(writ_precompiled PRIVATE writ_options fmt::fmt)
  target_precompile_headers(writ_precompiled PRIVATE ${WRIT_PRECOMPILED})
  if(WRIT_TESTS)
    add_library(writ_precompiled_tests OBJECT cmake/precompiled.cc)
    target_link_libraries(writ_precompiled_tests PRIVATE writ_options fmt::fmt GTest::gmock)
    target_compile_options(writ_precompiled_tests PRIVATE ${WRIT_COLD})
    target_precompile_headers(writ_precompiled_tests PRIVATE ${WRIT_PRECOMPILED} <gmock/gmock.h> <gtest/gtest.h>)
  endif()
endif()

# Names the folders of this tree for tests and benchmarks, the only place that does.
if(NOT WRIT_ONLY_CEDAR)
  add_library(writ_test_folders STATIC EXCLUDE_FROM_ALL src/base/testing/folders.cc)
  target_include_directories(writ_test_folders PRIVATE src)
  target_link_libraries(writ_test_folders PRIVATE writ_options)
  target_compile_definitions(writ_test_folders PRIVATE WRIT_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                                       WRIT_CONFORMANCE_DIR="${WRIT_CONFORMANCE_DIR}")
endif()

# writ_module(NAME [COLD] [DEPS module...] [LIBS target...] [TEST_LIBS target...])
#
# COLD is a module that no request passes through.
# Makes library writ_NAME from src/NAME/**/*.cc and, from *_test.cc beside them, the test program NAME_test.
# A module without sources of its own is header-only. The options are those of this build and are not installed.
function(writ_module name)
  cmake_parse_arguments(arg "COLD" "" "DEPS;LIBS;TEST_LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|_main)\\.cc$|/testing/folders\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(TRANSFORM arg_DEPS PREPEND writ_)
  if(WRIT_PRECOMPILE AND NOT name MATCHES "^(base|codec|cedar)$")
    set(precompiled writ_precompiled)
  endif()

  if(sources)
    writ_joined(compiled writ_${name} ${sources})
    add_library(writ_${name} STATIC ${compiled})
    target_link_libraries(writ_${name} PUBLIC $<BUILD_INTERFACE:writ_options> ${arg_DEPS} ${arg_LIBS})
    if(arg_COLD)
      target_compile_options(writ_${name} PRIVATE ${WRIT_COLD})
    endif()
    if(precompiled)
      target_precompile_headers(writ_${name} REUSE_FROM ${precompiled})
    endif()
  else()
    add_library(writ_${name} INTERFACE)
    target_link_libraries(writ_${name} INTERFACE writ_options ${arg_DEPS} ${arg_LIBS})
  endif()

  if(tests AND WRIT_TESTS)
    writ_joined(compiled ${name}_test ${tests})
    add_executable(${name}_test ${compiled})
    target_link_libraries(${name}_test PRIVATE writ_${name} ${arg_TEST_LIBS} writ_test_folders GTest::gmock
                                               GTest::gtest_main)
    target_compile_options(${name}_test PRIVATE ${WRIT_COLD})
    if(precompiled)
      target_precompile_headers(${name}_test REUSE_FROM ${precompiled}_tests)
    endif()
    # Each case counts and runs on its own, so that none can lean on what another left behind.
    gtest_discover_tests(${name}_test TEST_PREFIX ${name}: DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60)
  endif()
endfunction()
