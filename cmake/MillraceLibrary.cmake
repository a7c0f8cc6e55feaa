# Sources and headers lie side by side in the rooms. Everyone, in the tree and
# outside, includes them as <millrace/room/file.hpp>: in the tree through one
# symbolic link a room in build/include, after an install through copies.
set(MILLRACE_INCLUDE_ROOT "${PROJECT_SOURCE_DIR}/build/include")
file(MAKE_DIRECTORY "${MILLRACE_INCLUDE_ROOT}/millrace")

set(MILLRACE_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  -Wno-sign-conversion -Werror
  # Designated initializers leave the rest to the defaults on purpose;
  # GoogleTest's macros hold an else.
  -Wno-missing-field-initializers -Wno-dangling-else
  # g++ 12 sees overlaps in std::string that are not there (GCC bug 105651).
  -Wno-restrict)

set(MILLRACE_MARCH "x86-64-v3" CACHE STRING
  "Oldest processor that the build must run on (-march); empty: the compiler's")
if(MILLRACE_MARCH AND CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  add_compile_options(-march=${MILLRACE_MARCH})
endif()

if(MILLRACE_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address -fsanitize=undefined)
endif()

# millrace_room(<name>): makes the calling folder known as <millrace/name/...>.
function(millrace_room name)
  file(CREATE_LINK "${CMAKE_CURRENT_SOURCE_DIR}"
    "${MILLRACE_INCLUDE_ROOT}/millrace/${name}" SYMBOLIC)
endfunction()

# millrace_library(<name> ROOM <room> [NO_CAF] SOURCES <file>... HEADERS ...)
# Defines millrace_<name> / millrace::<name>. Paths are relative to the calling
# folder. HEADERS are public and installed, GENERATED ones as well (they lie
# below <build>/generated). NO_CAF: the library includes no CAF
# header, so that UBSan covers it under MILLRACE_SANITIZE.
function(millrace_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "NO_CAF" "ROOM" "SOURCES;HEADERS;GENERATED")
  list(TRANSFORM arg_HEADERS
    PREPEND "${MILLRACE_INCLUDE_ROOT}/millrace/${arg_ROOM}/")
  add_library(millrace_${name} STATIC ${arg_SOURCES})
  add_library(millrace::${name} ALIAS millrace_${name})
  target_sources(millrace_${name} PUBLIC FILE_SET HEADERS
    BASE_DIRS "${MILLRACE_INCLUDE_ROOT}" FILES ${arg_HEADERS})
  target_compile_features(millrace_${name} PUBLIC cxx_std_20)
  target_compile_options(millrace_${name} PRIVATE ${MILLRACE_WARNINGS})
  if(arg_NO_CAF AND MILLRACE_SANITIZE STREQUAL "address")
    target_compile_options(millrace_${name} PRIVATE
      -fsanitize=undefined -fno-sanitize-recover=undefined)
  endif()
  # The target all_verify_interface_header_sets compiles each header alone.
  set_target_properties(millrace_${name} PROPERTIES
    EXPORT_NAME ${name} VERIFY_INTERFACE_HEADER_SETS ON)
  set(sets FILE_SET HEADERS)
  if(arg_GENERATED)
    target_sources(millrace_${name} PUBLIC FILE_SET generated TYPE HEADERS
      BASE_DIRS "${PROJECT_BINARY_DIR}/generated" FILES ${arg_GENERATED})
    list(APPEND sets FILE_SET generated)
  endif()
  install(TARGETS millrace_${name} EXPORT millraceTargets ${sets})
endfunction()
