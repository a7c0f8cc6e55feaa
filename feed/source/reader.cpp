#include <millrace/feed/source/parse_pool.hpp>
#include <millrace/feed/source/piece_cutter.hpp>
#include <millrace/feed/source/reader.hpp>
#include <millrace/feed/source/source.hpp>
#include <millrace/messages/text/csv_text.hpp>

#include <algorithm>
#include <deque>

namespace millrace::feed {

namespace {

error within(const std::string& label, error fault) {
  if (fault.context.find(label) == std::string::npos)
    fault.context = label + ": " + fault.context;
  return fault;
}

/// The names in a header line; quotes and a byte order mark are taken off.
result<std::vector<std::string>> split_header(std::string_view line,
                                              const layout& from) {
  if (line.starts_with("\xef\xbb\xbf"))
    line.remove_prefix(3);
  if (from.quote) {
    auto names = text::split_csv_line(line, from.delimiter);
    if (!names)
      return error{errc::bad_data, "the header: " + names.failure().context};
    return names;
  }
  std::vector<std::string> names;
  for (size_t at = 0;;) {
    const auto end = std::min(line.find(from.delimiter, at), line.size());
    names.emplace_back(line.substr(at, end - at));
    if (end == line.size())
      return names;
    at = end + 1;
  }
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
  error open_current();
  /// Hands pieces to the pool while it wants some.
  void feed_pool();
  error add_piece();
  error take_piece();
  error deliver_rejects(uint64_t below);
  error check_layout();

  persistence::env& outside;
  reader_options options;
  parse_pool pool;
  reader_counters counters;
  std::vector<source_info> sources;
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
  bool resumed = false;
  std::string first_reject;
  error failed;
};

error reader::state::list_files() {
  for (const auto& path : options.files) {
    auto found = list_sources(*outside.fs, path);
    if (!found)
      return within(path, found.failure());
    for (auto& each : *found) {
      bytes_before.push_back(counters.total_bytes);
      counters.total_bytes += each.total_bytes;
      sources.push_back(std::move(each));
    }
  }
  return {};
}

error reader::state::open_next() {
  cutter.reset();
  while (next_source < sources.size()) {
    if (auto fault = open_current())
      return within(sources[next_source].label(), std::move(fault));
    ++next_source;
    if (cutter)
      return {};
  }
  return {};
}

error reader::state::open_current() {
  const auto& info = sources[next_source];
  auto opened = open_source(*outside.fs, info);
  if (!opened)
    return opened.failure();
  const auto& from = options.layout;
  piece_cutter made{
    std::move(*opened),
    {from.delimiter, from.quote, options.line_bytes_max, piece_bytes}};
  binding_request request{&from,
                          options.schema,
                          info.label(),
                          info.identity,
                          {options.symbol, {}, info.path, info.member},
                          options.date.value_or(null_int),
                          {}};
  if (from.header) {
    auto line = made.take_header();
    if (!line)
      return line.failure();
    if (!*line) // An empty file has no header and needs none.
      return {};
    auto names = split_header(**line, from);
    if (!names)
      return names.failure();
    request.header = *std::move(names);
  }
  auto bound = bind(request);
  if (!bound)
    return bound.failure();
  for (const auto& cursor : options.resume)
    if (cursor.name == (*bound)->identity) {
      if (auto fault = made.skip_to(cursor.offset, cursor.row))
        return fault;
      resumed = true;
      ++counters.resumed_sources;
    }
  fitted = *bound;
  cutter.emplace(std::move(made));
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
  auto piece = cutter->next();
  if (!piece)
    return within(sources[next_source - 1].label(), piece.failure());
  if (!*piece) {
    cutter.reset();
    return {};
  }
  pool.add(std::move(**piece), fitted,
           bytes_before[next_source - 1] + cutter->progress());
  return {};
}

void reader::state::feed_pool() {
  while (!cut_all && !cut_fault && pool.wants_more())
    cut_fault = add_piece();
}

error reader::state::deliver_rejects(uint64_t below) {
  auto& [piece, parsed, bound, progress] = *current;
  for (; next_reject < parsed.rejects.size()
         && parsed.rejects[next_reject].begin < below;
       ++next_reject) {
    const auto& raw = parsed.rejects[next_reject];
    ++counters.rejects;
    if (!options.rejects && !first_reject.empty())
      continue;
    constexpr size_t looked_at_max = 64 * 1024;
    auto text = raw.begin < piece.text.size()
                  ? piece.text.substr(
                    raw.begin, std::min<uint64_t>(raw.length, looked_at_max))
                  : std::string_view{piece.oversize->begin};
    while (text.ends_with('\n') || text.ends_with('\r'))
      text.remove_suffix(1);
    rejected_line line{bound->source, piece.first_line + raw.line + 1,
                       piece.offset + raw.begin,
                       explain(*bound, raw, text, options.line_bytes_max),
                       printable(text, shown_bytes_max)};
    if (first_reject.empty())
      first_reject
        = line.source + ":" + std::to_string(line.line) + ": " + line.reason;
    if (options.rejects)
      if (auto fault = options.rejects(line))
        return fault;
  }
  return {};
}

/// A file of another kind gives rejects only: better an error than a feed that
/// ends well and empty.
error reader::state::check_layout() {
  if (counters.rows != 0 || resumed || counters.rejects == 0)
    return {};
  const bool over = cut_all && pool.empty() && !current;
  if (!over && counters.rejects < options.first_rejects_max)
    return {};
  return {errc::bad_data, "none of the first "
                            + std::to_string(counters.rejects)
                            + " lines fits layout '" + options.layout.name
                            + "': " + first_reject};
}

/// Delivers what is left of the current piece, and goes to the next one.
error reader::state::take_piece() {
  if (current) {
    if (auto fault = deliver_rejects(UINT64_MAX))
      return fault;
    counters.bytes = current->progress;
    current.reset();
    if (auto fault = check_layout())
      return fault;
  }
  feed_pool();
  if (pool.empty()) {
    if (cut_fault)
      return cut_fault;
    if (cut_all)
      counters.bytes = counters.total_bytes;
    return check_layout();
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

} // namespace millrace::feed
