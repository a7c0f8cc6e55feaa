#pragma once

#include <millrace/messages/data/lineage.hpp>
#include <millrace/messages/data/position.hpp>

#include <cstdint>

namespace millrace {

/// Where a subscription starts.
struct start_spec {
  enum kind_type : uint8_t { begin = 0, end = 1, at_position = 2, at_time = 3 };
  kind_type kind = begin;
  position at{};       ///< kind at_position.
  int64_t time_ns = 0; ///< kind at_time: ns since 2000.01.01, header `ts`.
  /// Of `at`. A stream of another life is given from its begin; not known: it
  /// is taken for the same.
  lineage_id life{};
  /// Of `at`: the sum of the record that ends there, as its header has it. A
  /// log that has another one there was set back, to an older copy of it, and
  /// went on otherwise. 0: not known.
  uint32_t before = 0;
};

} // namespace millrace
