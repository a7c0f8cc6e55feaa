#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace millrace::nodes {

/// What Prometheus is told, and what dashboards and alerts are made of.
struct metric {
  enum class kind : uint8_t { gauge, counter, histogram };
  /// Of the process, as its status has it; "port" of all types of ports, whose
  /// name is `millrace_<type>_<name>`; "node" of nodes.
  std::string_view role;
  /// Where status has it, divided by dots: `*` are all entries of an object,
  /// named by their keys, `[name]` all elements of a list, named by what they
  /// have at `name`.
  std::string_view key;
  std::string_view name;
  kind what = kind::gauge;
  std::string_view help;
  /// What the names of `*` and `[name]` are, divided by commas.
  std::string_view labels = {};
  std::string_view unit = {}; ///< "ms": told in seconds.
  /// Status has it from the first time on only: until then it is 0. What begins
  /// with 1 has never increased.
  bool is_from_zero = false;
};

/// In the order in which they are told.
[[nodiscard]] std::span<const metric> metrics() noexcept;

} // namespace millrace::nodes
