#include <millrace/feed/source/fed_rejects_internal.hpp>
#include <millrace/feed/source/file_source.hpp>

#include <utility>

namespace millrace::feed {

file_source::file_source(persistence::env& world, reader_options options,
                         std::string reject_path,
                         std::shared_ptr<batch_source_counters> counters,
                         bool publishes)
  : env_{&world}, options_{std::move(options)},
    rejects_{*world.fs, options_.only_rejects.empty() ? std::move(reject_path)
                                                      : options_.only_rejects},
    publishes_{publishes}, counters_{std::move(counters)} {}

error file_source::open(const std::vector<source_cursor>& published) {
  options_.resume = published;
  options_.stop = counters_->stop;
  const bool only_rejects = !options_.only_rejects.empty();
  if (only_rejects && publishes_) {
    if (auto fault = lock(persistence::lock_mode::exclusive))
      return fault;
    options_.rejects = rejects_.sink();
  } else if (!only_rejects && !rejects_.path().empty())
    if (auto fault = read_files())
      return fault;
  auto opened = reader::open(*env_, options_);
  if (!opened)
    return opened.failure();
  reader_.emplace(*std::move(opened));
  return only_rejects ? take_rejects() : error{};
}

error file_source::lock(persistence::lock_mode mode) {
  auto held = lock_rejects(*env_->fs, rejects_.path(), mode, options_.feed);
  if (!held)
    return held.failure();
  lock_ = *std::move(held);
  return {};
}

error file_source::read_files() {
  if (auto fault = lock(persistence::lock_mode::shared))
    return fault;
  if (auto fault = check_reject_file(*env_->fs, rejects_.path()))
    return fault;
  options_.rejects = rejects_.sink();
  options_.reads = [this](const text_read& part) {
    // Else it may be another file of that name: only lines that stand there
    // still are read again.
    if (part.is_first && part.resumed)
      if (auto fault
          = rejects_.forget_from(part.source, part.reading, part.offset))
        return fault;
    return rejects_.forget_read(part.source, part.reading, part.offset,
                                part.text);
  };
  return {};
}

/// Lines that are known in part stay, and are told.
void file_source::find_parts(const std::vector<rejected_line>& lines) {
  parts_.source = options_.only_rejects;
  for (const auto& each : lines) {
    if (!is_part(each))
      continue;
    if (++parts_.rejects == 1)
      parts_.first_reject
        = each.source + ":" + std::to_string(each.line)
          + (each.is_open ? ": was not whole at the end of its file: mend the "
                            "file, which is read from there on, or end it "
                            "with a newline, and the line is one as others"
                          : ": only its beginning is known");
  }
}

/// Before a row of them is given.
error file_source::take_rejects() {
  auto settled = settle_rejects(*env_->fs, options_);
  if (!settled)
    return settled.failure();
  find_parts(settled->lines);
  if (!publishes_)
    return {};
  published_before_ = settled->published;
  marked_sources_
    = mark_rejects(settled->lines, reader_->reject_names(), options_.feed);
  if (auto fault
      = replace_rejects(*env_->fs, options_.only_rejects, settled->lines))
    return fault;
  marked_ = true;
  return {};
}

result<std::optional<parsed_batch>> file_source::next() {
  auto batch = reader_->next();
  count(reader_->counters());
  any_row_ = any_row_ || (batch && *batch);
  if (!batch)
    return end_with(batch.failure());
  // What stands before a published row is not read again: it is in the file
  // before the row is.
  if (auto fault = rejects_.write()) {
    lock_.reset();
    return fault;
  }
  if (!*batch && !waiting())
    if (auto fault = keep_reports())
      return end_with(fault);
  return batch;
}

/// After a fault nobody closes this.
error file_source::end_with(error why) {
  if (const auto fault = rejects_.flush())
    why.context += "; rejected lines are lost: " + fault.context;
  // Without a row nothing is to be known of the reading.
  else if (marked_ && !any_row_)
    if (const auto left = unmark_lines())
      why.context += "; " + left.context;
  if (const auto fault = keep_reports())
    why.context += "; " + fault.context;
  lock_.reset();
  return why;
}

bool file_source::waiting() const { return reader_ && reader_->waiting(); }

error file_source::close() {
  const auto fault = marked_ ? keep_remaining() : rejects_.flush();
  lock_.reset();
  return fault;
}

error file_source::unmark_lines() {
  marked_ = false;
  const auto settled = settle_rejects(*env_->fs, options_);
  return settled
           ? replace_rejects(*env_->fs, options_.only_rejects, settled->lines)
           : settled.failure();
}

/// No matter who changed the file meanwhile: what was read of it leaves it.
error file_source::keep_remaining() {
  if (auto fault = rejects_.write())
    return fault;
  marked_ = false;
  auto& fs = *env_->fs;
  auto all = read_rejects(fs, options_.only_rejects);
  if (!all)
    return all.failure();
  return replace_rejects(fs, options_.only_rejects,
                         without_fed(*std::move(all), marked_sources_));
}

error file_source::keep_reports() {
  auto reports = reader_->reports();
  for (auto& each : reports)
    if (each.resumed && options_.only_rejects.empty()) {
      const auto before = rejects_.kept_before(
        each.source,
        {options_.schema.name, options_.date, options_.symbol, std::nullopt});
      if (!before)
        return before.failure();
      each.rejects_before = *before;
    }
  if (published_before_ != 0 || parts_.rejects != 0) {
    reports.push_back(parts_);
    reports.back().published_before = published_before_;
  }
  counters_->keep(std::move(reports));
  return {};
}

void file_source::count(const reader_counters& now) {
  counters_->bytes = now.bytes;
  counters_->total_bytes = now.total_bytes;
  counters_->rejects = now.rejects + parts_.rejects;
  counters_->backwards = now.backwards;
  counters_->passed_over = now.passed_over;
  counters_->stamped = now.stamped;
}

} // namespace millrace::feed
