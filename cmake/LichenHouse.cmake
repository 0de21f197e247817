# SPDX-License-Identifier: Apache-2.0
# The house: compile options, and rooms (libraries) on floors.
#
# lichen_room(NAME n FLOOR k [SMALL] SOURCES a.cpp ... USES base ports ... LINKS ext::lib ...)
#   makes lichen::n from src/n. Its headers are included as "n/file.hpp" and only by rooms that list it in USES
#   (each room has an include root of its own, so a wrong include does not compile). USES of an equal or higher
#   floor is a configuration error. USES and LINKS_PUBLIC are passed on to users; LINKS are private. SMALL: it runs when a
#   model is loaded, not when it is run; compiled for size it takes less than half of the room in a program. Its types have
#   no names at run time: neither it nor a room that derives from its classes may use dynamic_cast or typeid on them.

find_program(LICHEN_MOLD mold)
if(LICHEN_MOLD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_CROSSCOMPILING)  # GCC asks for a mold of the target
  add_link_options(-fuse-ld=mold)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_link_options(-Wl,--gc-sections)
endif()
find_program(LICHEN_CCACHE ccache)
if(LICHEN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${LICHEN_CCACHE})
endif()

add_library(lichen_options INTERFACE)
target_compile_options(lichen_options INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Werror
  -ffp-contract=off              # the same numbers from every compiler and every optimisation level
  -fno-math-errno
  -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports false positives of these inside its own <expected>, <string> and <vector> at -O2 and under sanitizers.
  target_compile_options(lichen_options INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
endif()
if(LICHEN_SANITIZE)
  target_compile_options(lichen_options INTERFACE -fsanitize=${LICHEN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(lichen_options INTERFACE -fsanitize=${LICHEN_SANITIZE})
endif()
if(LICHEN_FUZZ)
  target_compile_options(lichen_options INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(lichen_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(NOT LICHEN_PROBES)
  target_compile_definitions(lichen_options INTERFACE LICHEN_NO_PROBES=1)
endif()
if(LICHEN_PLANTED_BUGS)
  target_compile_definitions(lichen_options INTERFACE LICHEN_PLANTED_BUGS=1)
endif()

function(lichen_room)
  cmake_parse_arguments(ROOM "SMALL" "NAME;FLOOR" "SOURCES;USES;LINKS;LINKS_PUBLIC" ${ARGN})
  set(target lichen_${ROOM_NAME})
  add_library(${target} STATIC ${ROOM_SOURCES})
  add_library(lichen::${ROOM_NAME} ALIAS ${target})
  set_property(TARGET ${target} PROPERTY LICHEN_FLOOR ${ROOM_FLOOR})
  if(ROOM_SMALL)
    target_compile_options(${target} PRIVATE "$<$<CONFIG:Release>:-Os;-fno-rtti>")
  endif()
  set(root ${CMAKE_BINARY_DIR}/rooms/${ROOM_NAME})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${root}/${ROOM_NAME} SYMBOLIC)
  target_include_directories(${target} PUBLIC ${root})
  foreach(used IN LISTS ROOM_USES)
    get_property(floor TARGET lichen_${used} PROPERTY LICHEN_FLOOR)
    if(NOT floor LESS ROOM_FLOOR)
      message(FATAL_ERROR "${ROOM_NAME} (floor ${ROOM_FLOOR}) may not use ${used} (floor ${floor}): only lower floors")
    endif()
    target_link_libraries(${target} PUBLIC lichen::${used})
  endforeach()
  target_link_libraries(${target} PUBLIC ${ROOM_LINKS_PUBLIC} PRIVATE lichen_options ${ROOM_LINKS})
endfunction()

# lichen_program(NAME n SOURCES ... USES rooms LINKS ext::lib): an executable, from floor 11 or beside the house.
# The target `programs` builds those of src/apps: what a device needs, no tests and benchmarks.
set(LICHEN_APPS ${CMAKE_SOURCE_DIR}/src/apps)
add_custom_target(programs)
# What ships has its relocations packed (DT_RELR, known to C libraries from 2.36): a smaller file, and a quicker start.
# GNU ld writes them in the form that the loader takes, mold 1.10 of Debian 12 does not.
function(lichen_pack_relocations target)
  if(CMAKE_BUILD_TYPE STREQUAL "Release" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU"
     AND CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")  # GNU ld 2.40 knows it for x86 only
    target_link_options(${target} PRIVATE -fuse-ld=bfd -Wl,-z,pack-relative-relocs)
  endif()
endfunction()

function(lichen_program)
  cmake_parse_arguments(PROGRAM "" "NAME" "SOURCES;USES;LINKS" ${ARGN})
  add_executable(${PROGRAM_NAME} ${PROGRAM_SOURCES})
  foreach(used IN LISTS PROGRAM_USES)
    target_link_libraries(${PROGRAM_NAME} PRIVATE lichen::${used})
  endforeach()
  target_link_libraries(${PROGRAM_NAME} PRIVATE lichen_options ${PROGRAM_LINKS})
  cmake_path(IS_PREFIX LICHEN_APPS ${CMAKE_CURRENT_SOURCE_DIR} is_app)
  if(is_app)
    add_dependencies(programs ${PROGRAM_NAME})
  endif()
  lichen_pack_relocations(${PROGRAM_NAME})
  set_target_properties(${PROGRAM_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()
