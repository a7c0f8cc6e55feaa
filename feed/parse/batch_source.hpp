#pragma once

#include <millrace/feed/parse/csv_parser.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/table_batch.hpp>

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

namespace millrace::feed {

/// Where the batches of a feed come from. One call at a time, from any thread.
class batch_source {
public:
  virtual ~batch_source() = default;
  /// Called once, with the last cursor published of each source.
  [[nodiscard]] virtual error open(const std::vector<source_cursor>& published)
    = 0;
  /// The next batch; none at the end.
  [[nodiscard]] virtual result<std::optional<parsed_batch>> next() = 0;
  /// The period that is to end before the batch that `next` has just given is
  /// published; told once. Sources that follow the world's clock have none.
  [[nodiscard]] virtual std::optional<int64_t> period_over() {
    return std::nullopt;
  }
  /// Called after the last batch: rejects are kept safe here.
  [[nodiscard]] virtual error close() { return {}; }
};

/// How far a batch source has come. Its owner adds up, any thread may read.
struct batch_source_counters {
  /// Of files: see reader_counters. Of what is made up: rows.
  std::atomic<uint64_t> bytes{0};
  std::atomic<uint64_t> total_bytes{0};
  std::atomic<uint64_t> rejects{0};
  std::atomic<uint64_t> backwards{0};
  /// Files, or members of archives, that go on after published rows.
  std::atomic<uint64_t> resumed{0};
};

} // namespace millrace::feed
