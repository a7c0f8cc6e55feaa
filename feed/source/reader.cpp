#include <millrace/feed/source/parse_pool.hpp>
#include <millrace/feed/source/piece_cutter.hpp>
#include <millrace/feed/source/reader.hpp>
#include <millrace/feed/source/source.hpp>
#include <millrace/feed/source/text_opening_internal.hpp>

#include <algorithm>
#include <set>

namespace millrace::feed {

namespace {

error within(const std::string& label, error fault) {
  if (fault.context.find(label) == std::string::npos)
    fault.context = label + ": " + fault.context;
  return fault;
}

} // namespace

struct reader::state {
  state(persistence::env& env, reader_options given)
    : outside{env}, options{std::move(given)}, pool{env.pool, options.threads,
                                                    options.limits,
                                                    options.line_bytes_max} {}

  error list_files();
  /// Opens the next source that is not wholly read; none: `cutter` is empty.
  error open_next();
  /// Hands pieces to the pool while it wants some.
  void feed_pool();
  error add_piece();
  error take_piece();
  error deliver_rejects(uint64_t below);
  [[nodiscard]] error check_layout(size_t source, bool over) const;
  [[nodiscard]] error check_all() const;

  persistence::env& outside;
  reader_options options;
  parse_pool pool;
  reader_counters counters;
  std::vector<source_info> sources;
  std::vector<source_report> reports; ///< Of each source.
  std::vector<uint64_t> bytes_before; ///< Of each source.
  size_t next_source = 0;
  std::optional<piece_cutter> cutter;
  std::shared_ptr<const binding> fitted;
  bool cut_all = false;
  error cut_fault; ///< Comes after the pieces cut before it.

  // What is being delivered.
  std::optional<parse_pool::finished> current;
  size_t next_batch = 0;
  size_t next_reject = 0;
  int64_t last_time = null_long;
  error failed;
};

error reader::state::list_files() {
  std::set<std::string> known;
  for (const auto& path : options.files) {
    if (!known.insert(path).second)
      return {errc::invalid_argument,
              path + ": is named twice: its rows would come twice"};
    auto found = list_sources(*outside.fs, path);
    if (!found)
      return within(path, found.failure());
    for (auto& each : *found) {
      bytes_before.push_back(counters.total_bytes);
      counters.total_bytes += each.total_bytes;
      reports.emplace_back().source = each.label();
      sources.push_back(std::move(each));
    }
  }
  return {};
}

error reader::state::open_next() {
  cutter.reset();
  while (next_source < sources.size() && !cutter) {
    const auto& info = sources[next_source];
    auto opened = open_text(*outside.fs, info, options);
    if (!opened)
      return within(info.label(), opened.failure());
    reports[next_source].resumed = opened->resumed;
    ++next_source;
    cutter = std::move(opened->cutter);
    fitted = std::move(opened->fitted);
  }
  return {};
}

error reader::state::add_piece() {
  if (!cutter) {
    if (auto fault = open_next())
      return fault;
    if (!cutter) {
      cut_all = true;
      return {};
    }
  }
  const auto number = next_source - 1;
  auto piece = cutter->next();
  if (!piece)
    return within(sources[number].label(), piece.failure());
  if (!*piece) {
    cutter.reset();
    return {};
  }
  const auto& text = (*piece)->text;
  if (!text.empty() && !text.ends_with('\n') && !(*piece)->oversize)
    reports[number].open_line
      = printable(text.substr(text.rfind('\n') + 1), shown_bytes_max);
  pool.add(std::move(**piece), fitted, number,
           bytes_before[number] + cutter->progress());
  return {};
}

void reader::state::feed_pool() {
  while (!cut_all && !cut_fault && pool.wants_more())
    cut_fault = add_piece();
}

error reader::state::deliver_rejects(uint64_t below) {
  auto& [piece, parsed, bound, number, progress] = *current;
  auto& report = reports[number];
  for (; next_reject < parsed.rejects.size()
         && parsed.rejects[next_reject].begin < below;
       ++next_reject) {
    const auto& raw = parsed.rejects[next_reject];
    ++counters.rejects;
    ++report.rejects;
    if (!options.rejects && !report.first_reject.empty())
      continue;
    const bool known = raw.begin < piece.text.size();
    auto text = known ? piece.text.substr(raw.begin, raw.length)
                      : std::string_view{piece.oversize->begin};
    while (text.ends_with('\n') || text.ends_with('\r'))
      text.remove_suffix(1);
    rejected_line line{
      bound->source, piece.first_line + raw.line + 1, piece.offset + raw.begin,
      explain(*bound, raw, text, options.line_bytes_max),
      printable(text,
                raw.why == fault::too_long ? shown_bytes_max : text.size())};
    if (report.first_reject.empty())
      report.first_reject
        = line.source + ":" + std::to_string(line.line) + ": " + line.reason;
    if (options.rejects)
      if (auto fault = options.rejects(line))
        return fault;
  }
  return {};
}

/// A file of another kind gives rejects only: better an error than a feed that
/// ends well and empty.
error reader::state::check_layout(size_t source, bool over) const {
  const auto& report = reports[source];
  if (report.rows != 0 || report.resumed || report.rejects == 0
      || (!over && report.rejects < options.first_rejects_max))
    return {};
  return {errc::bad_data, "none of the first " + std::to_string(report.rejects)
                            + " lines fits layout '" + options.layout.name
                            + "': " + report.first_reject};
}

error reader::state::check_all() const {
  for (size_t i = 0; i < reports.size(); ++i)
    if (auto fault = check_layout(i, true))
      return fault;
  return {};
}

/// Delivers what is left of the current piece, and goes to the next one.
error reader::state::take_piece() {
  if (current) {
    if (auto fault = deliver_rejects(UINT64_MAX))
      return fault;
    counters.bytes = current->progress;
    const auto source = current->source;
    current.reset();
    if (auto fault = check_layout(source, false))
      return fault;
  }
  feed_pool();
  if (pool.empty()) {
    if (cut_fault)
      return cut_fault;
    if (cut_all)
      counters.bytes = counters.total_bytes;
    return check_all();
  }
  current = pool.take();
  // What was lost reads as zeros: no line of it is to be believed.
  if (const auto& piece = current->piece;
      piece.mapped
      && static_cast<const persistence::mapped_file*>(piece.owner.get())
           ->lost())
    return {errc::bad_data,
            current->fitted->source
              + ": cut short, or its disk failed, while it was read"};
  next_batch = 0;
  next_reject = 0;
  const auto& batches = current->parsed.batches;
  counters.backwards += current->parsed.backwards;
  if (!batches.empty()) {
    counters.backwards += batches.front().first_time < last_time;
    last_time = batches.back().last_time;
  }
  return {};
}

reader::reader(std::unique_ptr<state> made) : state_{std::move(made)} {}
reader::reader(reader&&) noexcept = default;
reader& reader::operator=(reader&&) noexcept = default;
reader::~reader() = default;

result<reader> reader::open(persistence::env& outside, reader_options options) {
  MILLRACE_ASSERT(outside.fs != nullptr);
  if (options.line_bytes_max == 0 || options.line_bytes_max > (1u << 30))
    return error{errc::invalid_argument,
                 "line_bytes_max " + std::to_string(options.line_bytes_max)
                   + " is not within 1 .. 1073741824"};
  auto made = std::make_unique<state>(outside, std::move(options));
  if (auto fault = made->list_files())
    return fault;
  if (auto fault = made->open_next())
    return fault;
  return reader{std::move(made)};
}

result<std::optional<parsed_batch>> reader::next() {
  auto& self = *state_;
  while (!self.failed) {
    if (self.current && self.next_batch < self.current->parsed.batches.size()) {
      auto& batch = self.current->parsed.batches[self.next_batch];
      const auto end = batch.cursor.offset - self.current->piece.offset;
      if ((self.failed = self.deliver_rejects(end)))
        break;
      ++self.next_batch;
      self.counters.rows += batch.rows;
      self.reports[self.current->source].rows += batch.rows;
      return std::optional<parsed_batch>{std::move(batch)};
    }
    self.failed = self.take_piece();
    if (!self.failed && !self.current)
      return std::optional<parsed_batch>{};
  }
  return self.failed;
}

const reader_counters& reader::counters() const noexcept {
  return state_->counters;
}

const std::vector<source_report>& reader::reports() const noexcept {
  return state_->reports;
}

} // namespace millrace::feed
