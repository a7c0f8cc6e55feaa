#pragma once

#include <millrace/feed/parse/batch_source.hpp>
#include <millrace/feed/source/reader.hpp>
#include <millrace/feed/source/reject_file.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace millrace::feed {

/// Files through a layout. What cannot be read goes to a reject file, before
/// the rows that stand after it are given. Where the lines of a reject file are
/// read, those that still give no row stay in it, and the others leave it at
/// the end; where that is not reached, marks in it tell the next reading which
/// they are.
class file_source final : public batch_source {
public:
  /// Nothing is touched yet. `world` outlives the object.
  /// @param options where to resume, and where rejects go, is set here
  /// @param reject_path empty: rejects are only counted. Of lines of a reject
  /// file: not used
  /// @param publishes whether the batches are published: else a file whose
  /// lines are read stays as it is
  file_source(persistence::env& world, reader_options options,
              std::string reject_path,
              std::shared_ptr<batch_source_counters> counters,
              bool publishes = true);

  error open(const std::vector<source_cursor>& published) override;
  result<std::optional<parsed_batch>> next() override;
  [[nodiscard]] bool waiting() const override;
  error close() override;

private:
  void count(const reader_counters& now);
  error keep_reports();
  error lock(persistence::lock_mode mode);
  error read_files();
  [[nodiscard]] error end_with(error why);
  void find_parts(const std::vector<rejected_line>& lines);
  error take_rejects();
  error unmark_lines();
  error keep_remaining();

  persistence::env* env_;
  reader_options options_;
  reject_file rejects_;
  bool publishes_;
  std::unique_ptr<persistence::file_lock> lock_; ///< Of the reject file.
  bool marked_ = false; ///< Lines of options_.only_rejects.
  bool any_row_ = false;
  std::set<uint64_t> marked_sources_;
  uint64_t published_before_ = 0; ///< Lines of it, by an interrupted reading.
  source_report parts_; ///< Of lines of it that give no row by themselves.
  std::shared_ptr<batch_source_counters> counters_;
  std::optional<reader> reader_;
};

} // namespace millrace::feed
