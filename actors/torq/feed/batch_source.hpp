#pragma once

#include <millrace/feed/parse/csv_parser.hpp>
#include <millrace/messages/data/table_batch.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace millrace::torq {

/// Where rows come from. Runs on a pool thread, one call at a time.
class batch_source {
public:
  virtual ~batch_source() = default;
  /// Called once, with the last cursor published of each source.
  virtual error open(const std::vector<source_cursor>& published) = 0;
  /// The next batch; none at the end.
  virtual result<std::optional<feed::parsed_batch>> next() = 0;
  /// The period that is to end before the batch that `next` has just given is
  /// published; told once. Sources that follow the world's clock have none.
  virtual std::optional<int64_t> period_over() { return std::nullopt; }
  /// Called after the last batch: rejects are kept safe here.
  virtual error close() { return {}; }
};

} // namespace millrace::torq
