# `cpack --config build/release/CPackConfig.cmake` makes Debian packages of what
# is built: the program, the libraries for programs of others, the simulator.
install(FILES cmake/package/millrace@.service
  DESTINATION lib/systemd/system COMPONENT program)
install(FILES examples/local.toml examples/cluster.toml examples/trades.csv
  examples/kills.faults
  DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/millrace/examples"
  COMPONENT program)
install(DIRECTORY examples/layouts examples/torq
  DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/millrace/examples"
  COMPONENT program FILES_MATCHING PATTERN "*.toml" PATTERN "*.csv" PATTERN "*.q"
  PATTERN "millrace-data" EXCLUDE PATTERN "hdb" EXCLUDE)
install(DIRECTORY examples/embed examples/library
  DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/libmillrace-dev/examples"
  COMPONENT millrace)
install(DIRECTORY examples/failure_test
  DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/libmillrace-sim-dev/examples"
  COMPONENT millraceSim)
install(DIRECTORY docs/ DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/millrace"
  COMPONENT program FILES_MATCHING PATTERN "*.md" PATTERN decisions EXCLUDE)

# What Debian wants of a package; compressed without the time of day.
find_program(MILLRACE_GZIP gzip)
set(packaged "${PROJECT_BINARY_DIR}/package")
function(millrace_gzip from to)
  execute_process(COMMAND "${MILLRACE_GZIP}" -9 -n -c
    "${PROJECT_SOURCE_DIR}/cmake/package/${from}" OUTPUT_FILE "${packaged}/${to}"
    COMMAND_ERROR_IS_FATAL ANY)
endfunction()
if(MILLRACE_GZIP)
  file(MAKE_DIRECTORY "${packaged}")
  millrace_gzip(changelog changelog.Debian.gz)
  millrace_gzip(millrace.1 millrace.1.gz)
  install(FILES "${packaged}/millrace.1.gz"
    DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" COMPONENT program)
  foreach(pair IN ITEMS "program millrace" "millrace libmillrace-dev"
      "millraceSim libmillrace-sim-dev")
    separate_arguments(pair)
    list(GET pair 0 component)
    list(GET pair 1 package)
    install(FILES "${packaged}/changelog.Debian.gz" cmake/package/copyright
      DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/${package}"
      COMPONENT ${component})
  endforeach()
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME millrace)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL program millrace millraceSim)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
  WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER
  "Millrace developers <developers@millrace.invalid>")
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME millrace)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS "tzdata, python3:any")
# For the module for Python.
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS "python3-numpy, python3-pandas")
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION
  "durable ordered streams of market data, and a tick database
Millrace carries market data from a feed, through a durable and
ordered stream, into a tick database that answers queries while it
fills. It needs a processor of the level x86-64-v3.")
set(CPACK_DEBIAN_MILLRACE_PACKAGE_NAME libmillrace-dev)
set(CPACK_DEBIAN_MILLRACE_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_MILLRACE_PACKAGE_DEPENDS
  "libcaf-dev, libcapnp-dev, librocksdb-dev, libhowardhinnant-date-dev, libfmt-dev, libspdlog-dev, nlohmann-json3-dev, zlib1g-dev, libzip-dev, libsystemd-dev, libisal-dev, libxxhash-dev, libpg-query-dev, libssl-dev, libsqlite3-dev, libre2-dev, libargon2-dev, liblz4-dev, libsnappy-dev, pkg-config")
set(CPACK_COMPONENT_MILLRACE_DESCRIPTION
  "Millrace for programs of others: headers and libraries
Streams, queries and whole nodes of Millrace for C++ programs, which
find them by CMake's find_package(millrace).")
set(CPACK_DEBIAN_MILLRACESIM_PACKAGE_NAME libmillrace-sim-dev)
set(CPACK_DEBIAN_MILLRACESIM_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_MILLRACESIM_PACKAGE_DEPENDS
  "libmillrace-dev (= ${PROJECT_VERSION}-1), libgtest-dev, millrace (= ${PROJECT_VERSION}-1)")
# Of the program behind `millrace chaos`.
set(CPACK_DEBIAN_MILLRACESIM_PACKAGE_SHLIBDEPS ON)
set(CPACK_COMPONENT_MILLRACESIM_DESCRIPTION
  "Millrace simulated: clusters with faults in tests of others
Whole clusters of Millrace in one thread, in virtual time, from a
seed, on disks that lose and links that cut; and 'millrace chaos',
which puts real nodes through the same faults.")
include(CPack)
