# Sources and headers lie side by side in the rooms. Everyone, in the tree and
# outside, includes them as <millrace/room/file.hpp>: in the tree through one
# symbolic link a room in build/include, after an install through copies.
set(MILLRACE_INCLUDE_ROOT "${PROJECT_SOURCE_DIR}/build/include")
file(MAKE_DIRECTORY "${MILLRACE_INCLUDE_ROOT}/millrace")

# What is installed: the rows of the list that name a header.
set(MILLRACE_PUBLIC_LIST "${PROJECT_SOURCE_DIR}/docs/public_headers.md")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  "${MILLRACE_PUBLIC_LIST}")
file(STRINGS "${MILLRACE_PUBLIC_LIST}" MILLRACE_PUBLIC_HEADERS
  REGEX "^\\| `[a-z_/]+\\.hpp` \\|")
list(TRANSFORM MILLRACE_PUBLIC_HEADERS
  REPLACE "^\\| `([a-z_/]+\\.hpp)`.*$" "${MILLRACE_INCLUDE_ROOT}/millrace/\\1")

set(MILLRACE_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  -Wno-sign-conversion -Werror
  # Designated initializers leave the rest to the defaults on purpose;
  # GoogleTest's macros hold an else.
  -Wno-missing-field-initializers -Wno-dangling-else
  # g++ 12 sees overlaps in std::string that are not there (GCC bug 105651).
  -Wno-restrict)
if(MILLRACE_SANITIZE STREQUAL "fuzzer")
  # What is warned of is g++'s to say; clang only makes the fuzzers.
  set(MILLRACE_WARNINGS -w)
endif()

set(MILLRACE_MARCH "x86-64-v3" CACHE STRING
  "Oldest processor that the build must run on (-march); empty: the compiler's")
if(MILLRACE_MARCH AND CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  add_compile_options(-march=${MILLRACE_MARCH})
endif()

# Reading headers costs more than most units do. File-local names are distinct
# within a folder, so that its units can be one.
option(MILLRACE_UNITY
  "Compile a folder at a time: half the processor time; OFF for those who edit" ON)
if(MILLRACE_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address -fsanitize=undefined)
elseif(MILLRACE_SANITIZE STREQUAL "fuzzer")
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR
      "MILLRACE_SANITIZE=fuzzer needs clang: use the preset 'fuzz'")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined
    -fno-sanitize-recover=undefined -fno-sanitize=vptr -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

# millrace_room(<name>): makes the calling folder known as <millrace/name/...>.
function(millrace_room name)
  file(CREATE_LINK "${CMAKE_CURRENT_SOURCE_DIR}"
    "${MILLRACE_INCLUDE_ROOT}/millrace/${name}" SYMBOLIC)
endfunction()

# millrace_install_as(<room or floor> <out>): what a library is installed with:
# the simulator is a package of its own, which may be absent.
function(millrace_install_as path out)
  if(path MATCHES "^sim")
    set(${out} millraceSim PARENT_SCOPE)
  else()
    set(${out} millrace PARENT_SCOPE)
  endif()
endfunction()

# Defines a word for the sources that have another one in them. The other units
# stay as they are, for a compiler cache.
function(millrace_define_in word definition)
  foreach(source IN LISTS ARGN)
    file(STRINGS "${source}" found REGEX "${word}")
    if(found)
      set_property(SOURCE "${source}" APPEND PROPERTY COMPILE_DEFINITIONS
        ${definition})
    endif()
  endforeach()
endfunction()

# millrace_floor(<room>/<floor> [CAF | ACTORS <unit>...] [COLD] [SMALL]
#                [NOT_INSTALLED] NEEDS <room>/<floor>... [PUBLIC <target>...] [PRIVATE <target>...]
#                [SOURCES <file>...] [GENERATED <header>...])
# A folder is a library: all .cpp and .hpp files in it (the room is the calling
# folder) become millrace_<room>_<floor> / millrace::<room>_<floor>. NEEDS names
# the floors that it may include and links; lint reads this line too. A floor
# includes no CAF header, so that UBSan covers it under MILLRACE_SANITIZE, unless
# CAF says that all of it may, or ACTORS that these units (a name without suffix)
# may. Units are compiled together (MILLRACE_UNITY), ACTORS apart from the others.
# COLD: no row and no message passes through it, so that -O1 is enough. HOT: each
# unit by itself, for in a large one the compiler inlines less; not where speed is
# not asked for. SMALL: its units are short beside the headers that they read, and
# all are one.
# SOURCES and GENERATED are made by the build, the headers of the latter below
# <build>/generated. Headers that docs/public_headers.md names are installed. A
# floor that is NOT_INSTALLED is for our programs alone.
function(millrace_floor path)
  cmake_parse_arguments(PARSE_ARGV 1 arg "CAF;COLD;HOT;SMALL;NOT_INSTALLED" ""
    "ACTORS;NEEDS;PUBLIC;PRIVATE;SOURCES;GENERATED")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "millrace_floor(${path}): ${arg_UNPARSED_ARGUMENTS}")
  endif()
  string(REPLACE "/" "_" name "${path}")
  string(REGEX MATCH "/.*" below_room "${path}")
  set(folder "${CMAKE_CURRENT_SOURCE_DIR}${below_room}")
  set(linked_folder "${MILLRACE_INCLUDE_ROOT}/millrace/${path}")
  file(GLOB sources CONFIGURE_DEPENDS "${folder}/*.cpp")
  file(GLOB headers CONFIGURE_DEPENDS RELATIVE "${folder}" "${folder}/*.hpp")
  list(TRANSFORM headers PREPEND "${linked_folder}/")
  set(private_headers ${headers})
  list(REMOVE_ITEM private_headers ${MILLRACE_PUBLIC_HEADERS} "")
  list(REMOVE_ITEM headers ${private_headers} "")

  if(MILLRACE_PLANTED_BUGS)
    millrace_define_in("MILLRACE_PLANTED" MILLRACE_PLANTED_BUGS ${sources})
  endif()
  if(MILLRACE_SANITIZE STREQUAL "fuzzer") # Some read in small pieces then.
    millrace_define_in("MILLRACE_FUZZING" MILLRACE_FUZZING ${sources})
  endif()
  set(actors)
  foreach(unit IN LISTS arg_ACTORS) # Some are a header alone.
    if("${folder}/${unit}.cpp" IN_LIST sources)
      list(APPEND actors "${folder}/${unit}.cpp")
    endif()
  endforeach()
  list(REMOVE_ITEM sources ${actors} "")
  if(MILLRACE_SANITIZE STREQUAL "fuzzer")
    set(actors) # What is fuzzed are cores, which need none.
  endif()
  add_library(millrace_${name} STATIC ${sources} ${arg_SOURCES})
  add_library(millrace::${name} ALIAS millrace_${name})
  target_sources(millrace_${name} PUBLIC FILE_SET HEADERS
    BASE_DIRS "${MILLRACE_INCLUDE_ROOT}" FILES ${headers})
  set(units millrace_${name})
  set(alone ${arg_HOT})
  set(batch 12)
  if(arg_SMALL)
    set(batch 0) # All of them.
  endif()
  if(MILLRACE_SANITIZE)
    set(alone OFF)
  endif()
  if(actors)
    add_library(millrace_${name}_actors OBJECT ${actors})
    target_sources(millrace_${name}
      PRIVATE $<TARGET_OBJECTS:millrace_${name}_actors>)
    list(APPEND units millrace_${name}_actors)
  endif()
  foreach(unit IN LISTS units)
    target_compile_options(${unit} PRIVATE ${MILLRACE_WARNINGS})
    if(arg_COLD)
      target_compile_options(${unit} PRIVATE $<$<CONFIG:Release>:-O1>)
    elseif(MILLRACE_UNITY AND NOT alone)
      # What another file of the unit names shadows nothing, and is in no header.
      target_compile_options(${unit} PRIVATE
        -Wno-shadow -Wshadow=local -Wno-subobject-linkage)
    endif()
    if(NOT alone)
      set_target_properties(${unit} PROPERTIES
        UNITY_BUILD ${MILLRACE_UNITY} UNITY_BUILD_BATCH_SIZE ${batch})
    endif()
  endforeach()
  if(NOT arg_CAF AND MILLRACE_SANITIZE STREQUAL "address")
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
  set(floors ${arg_NEEDS})
  list(TRANSFORM floors REPLACE "/" "_")
  list(TRANSFORM floors PREPEND "millrace::")
  foreach(unit IN LISTS units)
    target_link_libraries(${unit}
      PUBLIC ${floors} ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
    target_compile_features(${unit} PUBLIC cxx_std_20)
  endforeach()
  if(NOT arg_NOT_INSTALLED)
    millrace_install_as(${path} as)
    install(TARGETS millrace_${name} EXPORT ${as}Targets COMPONENT ${as} ${sets}
      COMPONENT ${as})
  endif()

  # The headers that stay here compile alone too.
  add_library(millrace_${name}_private INTERFACE)
  target_sources(millrace_${name}_private INTERFACE FILE_SET HEADERS
    BASE_DIRS "${MILLRACE_INCLUDE_ROOT}" FILES ${private_headers})
  target_link_libraries(millrace_${name}_private INTERFACE millrace_${name})
  set_target_properties(millrace_${name}_private PROPERTIES
    VERIFY_INTERFACE_HEADER_SETS ON)
endfunction()

# millrace_room_library(<room> <room>/<floor>...): millrace::<room>, all of them.
function(millrace_room_library room)
  set(floors ${ARGN})
  list(TRANSFORM floors REPLACE "/" "_")
  list(TRANSFORM floors PREPEND "millrace::")
  add_library(millrace_${room} INTERFACE)
  add_library(millrace::${room} ALIAS millrace_${room})
  target_link_libraries(millrace_${room} INTERFACE ${floors})
  set_target_properties(millrace_${room} PROPERTIES EXPORT_NAME ${room})
  millrace_install_as(${room} as)
  install(TARGETS millrace_${room} EXPORT ${as}Targets COMPONENT ${as})
endfunction()
