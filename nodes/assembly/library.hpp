#pragma once

#include <millrace/nodes/assembly/roles.hpp>

#include <cstdint>

namespace millrace::nodes {

/// What a node looks for in a shared library that a process names in `load`:
/// the variable `millrace_library`. MILLRACE_LIBRARY defines it.
struct library_entry {
  /// Of this struct.
  static constexpr uint32_t format_now = 1;

  uint32_t format = format_now;
  /// Of Millrace's headers that the library was compiled with.
  const char* release = nullptr;
  /// Adds the types of processes that the library has. Must not throw. Called
  /// once in a program, before any process of the node starts.
  void (*register_types)(role_table& roles) = nullptr;
};

} // namespace millrace::nodes

/// `register_types` is a function `void (millrace::nodes::role_table&)`. Once
/// in a library, in no namespace. The target millrace::library says which
/// release the headers are of.
#define MILLRACE_LIBRARY(register_types)                                       \
  extern "C" [[gnu::visibility(                                                \
    "default")]] const millrace::nodes::library_entry millrace_library{        \
    millrace::nodes::library_entry::format_now, MILLRACE_RELEASE,              \
    register_types};
