#include <millrace/feed/source/file_source.hpp>

#include <utility>

namespace millrace::feed {

file_source::file_source(persistence::env& world, reader_options options,
                         std::string reject_path,
                         std::shared_ptr<batch_source_counters> counters)
  : env_{&world}, options_{std::move(options)},
    rejects_{*world.fs, std::move(reject_path)}, counters_{
                                                   std::move(counters)} {}

error file_source::open(const std::vector<source_cursor>& published) {
  options_.resume = published;
  options_.stop = counters_->stop;
  if (!options_.only_rejects.empty())
    options_.rejects = [this](const rejected_line& line) {
      remaining_.push_back(line);
      return error{};
    };
  else if (!rejects_.path().empty()) {
    if (auto fault = check_reject_file(*env_->fs, rejects_.path()))
      return fault;
    options_.rejects = rejects_.sink();
    options_.reads = [this](const text_read& part) {
      if (part.is_first)
        if (auto fault
            = rejects_.forget_from(part.source, part.reading, part.offset))
          return fault;
      return rejects_.forget_read(part.source, part.reading, part.offset,
                                  part.text);
    };
  }
  auto opened = reader::open(*env_, options_);
  if (!opened)
    return opened.failure();
  reader_.emplace(*std::move(opened));
  return {};
}

result<std::optional<parsed_batch>> file_source::next() {
  auto batch = reader_->next();
  count(reader_->counters());
  // What stands before a published row is not read again: it is in the file
  // before the row is. After a fault nobody closes this.
  if (auto fault = batch ? rejects_.write() : rejects_.flush(); fault) {
    if (batch)
      return fault;
    auto both = batch.failure();
    both.context += "; rejected lines are lost: " + fault.context;
    return both;
  }
  if (!batch || (!*batch && !waiting()))
    if (auto fault = keep_reports())
      return fault;
  return batch;
}

bool file_source::waiting() const { return reader_ && reader_->waiting(); }

error file_source::close() {
  return options_.only_rejects.empty() ? rejects_.flush() : keep_remaining();
}

error file_source::keep_remaining() {
  auto& fs = *env_->fs;
  const auto all = read_rejects(fs, options_.only_rejects);
  if (!all)
    return all.failure();
  std::vector<rejected_line> kept;
  for (const auto& each : *all)
    if (is_cut_off(each))
      kept.push_back(each);
  kept.insert(kept.end(), remaining_.begin(), remaining_.end());
  return replace_rejects(fs, options_.only_rejects, kept);
}

error file_source::keep_reports() {
  auto reports = reader_->reports();
  for (auto& each : reports)
    if (each.resumed) {
      const auto before = rejects_.kept_before(
        each.source,
        {options_.schema.name, options_.date, options_.symbol, std::nullopt});
      if (!before)
        return before.failure();
      each.rejects_before = *before;
    }
  counters_->keep(std::move(reports));
  return {};
}

void file_source::count(const reader_counters& now) {
  counters_->bytes = now.bytes;
  counters_->total_bytes = now.total_bytes;
  counters_->rejects = now.rejects;
  counters_->backwards = now.backwards;
  counters_->passed_over = now.passed_over;
}

} // namespace millrace::feed
