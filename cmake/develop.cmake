# Tests, examples and benchmarks, each found by its place:
#   tests/FOLDER/**.cpp  one program test_FOLDER, or test_networks where the folder's tests compile
#                        whole networks; ctest shows one entry per source file
#   tests/FOLDER/*.sh    one ctest entry each
#   examples/NAME.cpp    one program and one ctest entry, for it checks what it teaches;
#                        a folder examples/NAME/*.cpp is one program too
#   bench/NAME.cpp       one program bench_NAME, and so is a folder bench/NAME/*.cpp
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_EXTENSIONS OFF)

find_program(OCTET_CCACHE ccache)
if(OCTET_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${OCTET_CCACHE})
endif()

find_path(OCTET_DOCTEST doctest/doctest.h)
find_path(OCTET_EIGEN Eigen/Core PATH_SUFFIXES eigen3)
find_path(OCTET_CLI11 CLI/CLI.hpp)
find_path(OCTET_STB stb_image.h PATH_SUFFIXES stb)

# A newer compiler's new warning must not stop those who only want to build.
option(OCTET_WARNINGS_AS_ERRORS "Let warnings fail the build" $ENV{CI})

function(octet_program name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE octet::octet)
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wpedantic
    $<$<BOOL:${OCTET_WARNINGS_AS_ERRORS}>:-Werror>)
endfunction()

# Examples. Only fer, the program, needs a third party.
file(GLOB entries CONFIGURE_DEPENDS examples/*)
foreach(entry IN LISTS entries)
  get_filename_component(name ${entry} NAME_WE)
  if(IS_DIRECTORY ${entry})
    file(GLOB sources CONFIGURE_DEPENDS ${entry}/*.cpp)
    if(NOT sources)
      continue()
    endif()
  elseif(entry MATCHES "\\.cpp$")
    set(sources ${entry})
  else()
    continue()
  endif()
  if(name STREQUAL fer AND NOT (OCTET_CLI11 AND OCTET_STB))
    message(WARNING "CLI11 or stb_image.h not found: the program fer is not built")
    continue()
  endif()
  octet_program(${name} ${sources})
  if(NOT IS_DIRECTORY ${entry})
    list(APPEND lessons ${name})
    # A lesson is compiled more often than it runs.
    target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-Og>)
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/examples)
  if(name STREQUAL fer)
    # Who types ./run demo waits for this: all files as one, for two halves on two cores each compile
    # most of the templates and take longer, and -O2, for the kernels are vectorised by hand.
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
    target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O2>)
    target_include_directories(${name} SYSTEM PRIVATE ${OCTET_CLI11} ${OCTET_STB})
  endif()
endforeach()

include(cmake/bench.cmake)

# Tests.
if(NOT (OCTET_DOCTEST AND OCTET_EIGEN AND OCTET_STB))
  message(WARNING "doctest, Eigen or stb_image.h not found: the tests are not built")
  return()
endif()
enable_testing()
add_custom_target(tests ALL)
foreach(lesson IN LISTS lessons)
  add_test(NAME examples/${lesson} COMMAND ${lesson})
  set_tests_properties(examples/${lesson} PROPERTIES LABELS examples TIMEOUT 1800)
endforeach()
add_library(octet_test_main OBJECT tests/main.cpp)
target_include_directories(octet_test_main SYSTEM PRIVATE ${OCTET_DOCTEST})
target_compile_features(octet_test_main PRIVATE cxx_std_20)

# Joined, these compile the templates of networks and kernels once, not five times.
set(networks graph models program quant train)
file(GLOB folders LIST_DIRECTORIES true CONFIGURE_DEPENDS tests/*)
foreach(folder IN LISTS folders)
  if(NOT IS_DIRECTORY ${folder})
    continue()
  endif()
  get_filename_component(group ${folder} NAME)
  set(program test_${group})
  if(group IN_LIST networks)
    set(program test_networks)
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cpp ${folder}/*/*.cpp)
  if(sources AND TARGET ${program})
    target_sources(${program} PRIVATE ${sources})
  elseif(sources)
    octet_program(${program} ${sources} $<TARGET_OBJECTS:octet_test_main>)
    set_target_properties(${program} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    target_include_directories(${program} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_include_directories(${program} SYSTEM PRIVATE
      ${OCTET_DOCTEST} ${OCTET_EIGEN} ${OCTET_STB} $<$<BOOL:${OCTET_CLI11}>:${OCTET_CLI11}>)
    target_compile_definitions(${program} PRIVATE OCTET_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    # Quick to compile, and with the assertions that a release leaves out.
    target_compile_options(${program} PRIVATE $<$<CONFIG:Release>:-O1 -UNDEBUG>)
    # A program's files are compiled as one, in half the time; but those of kernels name their cases
    # alike, and those of interop test two translation units.
    if(NOT group MATCHES "^(kernels|interop)$")
      set_target_properties(${program} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
    endif()
    add_dependencies(tests ${program})
  endif()
  foreach(source IN LISTS sources)
    file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR}/tests ${source})
    string(REPLACE ".cpp" "" name ${path})
    add_test(NAME ${name} COMMAND ${program} --source-file=*tests/${path})
    set_tests_properties(${name} PROPERTIES LABELS ${group} TIMEOUT 1800)
  endforeach()

  file(GLOB scripts CONFIGURE_DEPENDS ${folder}/*.sh)
  foreach(script IN LISTS scripts)
    get_filename_component(name ${script} NAME_WE)
    add_test(NAME ${group}/${name} COMMAND sh ${script})
    set_tests_properties(${group}/${name} PROPERTIES LABELS ${group} TIMEOUT 1800 ENVIRONMENT
      "CXX=${CMAKE_CXX_COMPILER};OCTET_SOURCE_DIR=${PROJECT_SOURCE_DIR};OCTET_BUILD_DIR=${PROJECT_BINARY_DIR}")
  endforeach()
endforeach()

# The long ones begin first, so that all cores end together.
set(long_tests fer/fer hygiene/readme emulated/kernels_aarch64 hygiene/headers_alone emulated/programs
  emulated/kernels_webassembly emit/native hygiene/infer_without_exceptions fer/demo
  examples/2_train_a_classifier hygiene/compile_cost emit/cortex_m)
list(LENGTH long_tests cost)
foreach(name IN LISTS long_tests)
  if(TEST ${name})
    set_tests_properties(${name} PROPERTIES COST ${cost})
  endif()
  math(EXPR cost "${cost} - 1")
endforeach()
