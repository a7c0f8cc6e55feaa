#include <millrace/feed/source/parse_pool.hpp>
#include <millrace/feed/source/piece_cutter.hpp>
#include <millrace/feed/source/reader.hpp>
#include <millrace/feed/source/rejected_sources_internal.hpp>
#include <millrace/feed/source/source.hpp>
#include <millrace/feed/source/text_identity.hpp>
#include <millrace/feed/source/text_opening_internal.hpp>

#include <algorithm>
#include <iterator>
#include <set>

namespace millrace::feed {

namespace {

error within(const std::string& label, error fault) {
  // Another one that is told of may be named as this one and more.
  if (fault.context.find(label + ":") == std::string::npos)
    fault.context = label + ": " + fault.context;
  return fault;
}

/// An archive may hold files of several kinds.
std::string hint_of(const source_info& info) {
  return info.member.empty() ? "" : "; --member PATTERN chooses members";
}

error hinted(const source_info& info, error fault) {
  if (fault.code == errc::bad_data)
    fault.context += hint_of(info);
  return fault;
}

} // namespace

struct reader::state {
  state(persistence::env& env, reader_options given)
    : outside{env}, options{std::move(given)}, pool{env.pool, options.threads,
                                                    options.limits,
                                                    options.line_bytes_max} {}

  error list_files();
  error add_rejects();
  /// Before the first row, whether all of them fit: else what stands before the
  /// one that does not would be published.
  [[nodiscard]] error check_texts();
  [[nodiscard]] error name_rejects();
  void add_source(source_info info);
  /// Opens the next source that is not wholly read; none: `cutter` is empty.
  error open_next();
  /// Hands pieces to the pool while it wants some.
  void feed_pool();
  error add_piece();
  error take_piece();
  /// Its text ended without a line.
  void note_empty(size_t source);
  /// An archive may hold empty files beside others.
  void forgive_empty_members();
  error deliver_rejects(uint64_t below);
  [[nodiscard]] rejected_line line_of(const raw_reject& raw) const;
  /// Of the piece that was taken, before a line of it is told.
  error tell_read();
  /// `line`, which names a place in what was read, by where it stands in its
  /// file.
  void place(size_t source, rejected_line& line) const;
  [[nodiscard]] error check_layout(size_t source, bool over) const;
  [[nodiscard]] error check_all();
  [[nodiscard]] error check_passed_over() const;

  persistence::env& outside;
  reader_options options;
  parse_pool pool;
  reader_counters counters;
  std::vector<source_info> sources;
  std::vector<source_report> reports; ///< Of each source.
  std::vector<std::string> reject_names;
  std::vector<uint64_t> bytes_before; ///< Of each source.
  size_t next_source = 0;
  std::optional<piece_cutter> cutter;
  std::shared_ptr<const binding> fitted;
  std::vector<source_read> ended; ///< Sources that were read to their end.
  std::optional<size_t> read_of;  ///< The source that was told last.
  bool cut_any = false;           ///< Of the source: it has lines.
  bool cut_all = false;
  bool waiting = false; ///< For more of a source.
  error cut_fault;      ///< Comes after the pieces cut before it.

  // What is being delivered.
  std::optional<parse_pool::finished> current;
  size_t next_batch = 0;
  size_t next_reject = 0;
  int64_t last_time = null_long;
  int64_t last_cut_ns = 0; ///< Of pieces whose rows may be stamped.
  error failed;
};

error reader::state::list_files() {
  std::set<std::string> known;
  for (const auto& path : options.files) {
    if (!known.insert(path).second)
      return {errc::invalid_argument,
              path + ": is named twice: its rows would come twice"};
    auto found = list_sources(*outside.fs, path, options.choice, *options.stop);
    if (!found)
      return within(path, found.failure());
    for (auto& each : *found) {
      if (options.named_by_text) {
        auto told = identify_text(*outside.fs, each, *options.stop);
        if (!told)
          return within(each.label(), told.failure());
        each.identity = *std::move(told);
      }
      add_source(std::move(each));
    }
  }
  return check_member(options.choice, sources);
}

error reader::state::name_rejects() {
  for (const auto& info : sources) {
    const auto opened = open_text(*outside.fs, info, options);
    if (!opened)
      return hinted(info, within(info.label(), opened.failure()));
    reject_names.push_back(opened->cutter ? opened->fitted->identity : "");
  }
  return {};
}

error reader::state::check_texts() {
  if (!options.only_rejects.empty())
    return name_rejects();
  if (sources.size() < 2)
    return {};
  text_check check{*outside.fs, options};
  for (const auto& info : sources)
    if (!info.pipe && !info.followed)
      if (auto fault = check.add(info))
        return hinted(info, within(info.label(), fault));
  return {};
}

void reader::state::add_source(source_info info) {
  bytes_before.push_back(counters.total_bytes);
  counters.total_bytes += info.total_bytes;
  auto& report = reports.emplace_back();
  report.source = info.label();
  report.left_out = info.left_out;
  sources.push_back(std::move(info));
}

error reader::state::add_rejects() {
  auto found = list_rejects(*outside.fs, options);
  if (!found)
    return found.failure();
  for (auto& each : *found)
    add_source(std::move(each));
  return {};
}

error reader::state::open_next() {
  cutter.reset();
  while (next_source < sources.size() && !cutter) {
    const auto& info = sources[next_source];
    auto opened = open_text(*outside.fs, info, options, ended);
    if (!opened) {
      waiting = opened.failure().code == errc::timeout;
      return waiting ? error{}
                     : hinted(info, within(info.label(), opened.failure()));
    }
    reports[next_source].resumed = cut_any = opened->resumed;
    ++next_source;
    cutter = std::move(opened->cutter);
    fitted = std::move(opened->fitted);
    if (!cutter)
      note_empty(next_source - 1);
  }
  return {};
}

void reader::state::note_empty(size_t source) {
  reports[source].empty = !sources[source].followed && !reports[source].resumed;
}

void reader::state::forgive_empty_members() {
  std::set<std::string> with_lines;
  for (size_t i = 0; i < sources.size(); ++i)
    if (!reports[i].empty)
      with_lines.insert(sources[i].path);
  for (size_t i = 0; i < sources.size(); ++i)
    if (with_lines.contains(sources[i].path))
      reports[i].empty = false;
}

error reader::state::add_piece() {
  if (!cutter) {
    if (auto fault = open_next())
      return fault;
    if (!cutter) {
      cut_all = !waiting;
      return {};
    }
  }
  const auto number = next_source - 1;
  auto piece = cutter->next();
  cut_any = cut_any || (piece && *piece);
  if (!piece)
    return within(sources[number].label(), piece.failure());
  if (!*piece) {
    waiting = cutter->waiting();
    if (!waiting) {
      // What is recorded otherwise may tell of nothing; a header is a line.
      if (!cut_any && cutter->line() == 0
          && options.layout.decode == decoding::none)
        note_empty(number);
      if (cut_any)
        ended.push_back({{fitted->identity, cutter->offset(), cutter->line(),
                          cutter->digest()},
                         sources[number].label()});
      cutter.reset();
    }
    return {};
  }
  const auto& text = (*piece)->text;
  if (!text.empty() && !text.ends_with('\n') && !(*piece)->oversize)
    reports[number].open_line
      = printable(text.substr(text.rfind('\n') + 1), shown_bytes_max);
  if (options.now)
    (*piece)->cut_ns = last_cut_ns = std::max(last_cut_ns, options.now());
  pool.add(std::move(**piece), fitted, number,
           bytes_before[number] + cutter->progress());
  return {};
}

void reader::state::feed_pool() {
  waiting = false;
  while (!cut_all && !waiting && !cut_fault && pool.wants_more())
    cut_fault = add_piece();
}

void reader::state::place(size_t source, rejected_line& line) const {
  const auto& rejected = sources[source].rejected;
  if (!rejected)
    return;
  const auto after = std::upper_bound(
    rejected->lines.begin(), rejected->lines.end(), line.offset,
    [](uint64_t at, const auto& each) { return at < each.begin; });
  const auto& origin = *std::prev(after);
  line.mark = {options.feed, hash_of_source(reject_names[source]), origin.begin,
               0, true};
  line.line = origin.line;
  line.offset = origin.offset;
  line.reading = rejected->reading;
  line.hash = origin.hash;
}

error reader::state::tell_read() {
  const auto& [piece, parsed, bound, number, progress] = *current;
  auto& report = reports[number];
  const auto& info = sources[number];
  // Said in vain, or missing, a date makes another source of rows that may be
  // published, and rejects of all its lines.
  if (parsed.rows == 0 && report.rows == 0 && !report.resumed)
    for (const auto& each : parsed.rejects)
      // The first piece of what is followed may be one line.
      if ((each.why == fault::own_date
           || (each.why == fault::no_date && !info.followed))
          && !info.rejected)
        return {errc::bad_data,
                bound->source + ":"
                  + std::to_string(piece.first_line + each.line + 1) + ": "
                  + explain(*bound, each,
                            piece.text.substr(each.begin, each.length),
                            options.line_bytes_max)
                  + hint_of(info)};
  if (!options.reads || info.pipe || info.rejected)
    return {};
  const bool is_first = read_of != number;
  read_of = number;
  return options.reads({bound->source, bound->reading, piece.offset, is_first,
                        report.resumed, piece.text});
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
    const auto line = line_of(raw);
    if (report.first_reject.empty())
      report.first_reject
        = line.source + ":" + std::to_string(line.line) + ": " + line.reason;
    if (options.rejects)
      if (auto fault = options.rejects(line))
        return fault;
  }
  return {};
}

rejected_line reader::state::line_of(const raw_reject& raw) const {
  const auto& [piece, parsed, bound, number, progress] = *current;
  const bool known = raw.begin < piece.text.size();
  auto text = known ? piece.text.substr(raw.begin, raw.length)
                    : std::string_view{piece.oversize->begin};
  while (text.ends_with('\n') || text.ends_with('\r'))
    text.remove_suffix(1);
  rejected_line out{
    bound->source,
    piece.first_line + raw.line + 1,
    piece.offset + raw.begin,
    explain(*bound, raw, text, options.line_bytes_max),
    printable(text, raw.why == fault::too_long ? shown_bytes_max : text.size()),
    bound->reading,
    line_hash(text)};
  out.is_open = parsed.open_from && raw.begin >= *parsed.open_from;
  place(number, out);
  return out;
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
                            + "': " + report.first_reject
                            + hint_of(sources[source])};
}

error reader::state::check_all() {
  forgive_empty_members();
  for (size_t i = 0; i < reports.size(); ++i)
    if (auto fault = check_layout(i, true))
      return fault;
  return check_passed_over();
}

/// A quiet file may have no line that the layout wants; where all have none, it
/// asks for what is not there.
error reader::state::check_passed_over() const {
  const bool any_read
    = std::any_of(reports.begin(), reports.end(), [](const auto& each) {
        return each.rows != 0 || each.rejects != 0 || each.resumed;
      });
  if (any_read || counters.passed_over == 0)
    return {};
  const auto& json = options.layout.json;
  std::string asked;
  for (const auto& each : json.only)
    asked += (asked.empty() ? "only " : ", ") + ("'" + each + "'");
  if (!json.each.empty())
    asked += (asked.empty() ? "" : " and ") + ("each '" + json.each + "'");
  return {errc::bad_data, "none of " + std::to_string(counters.passed_over)
                            + " lines has what layout '" + options.layout.name
                            + "' looks for (" + asked + ")"};
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
    if (waiting)
      return {};
    if (cut_all)
      counters.bytes = counters.total_bytes;
    return check_all();
  }
  current = pool.take();
  reports[current->source].open_refused = current->parsed.open_from.has_value();
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
  if (auto fault = tell_read()) {
    current.reset();
    return fault;
  }
  const auto& batches = current->parsed.batches;
  counters.backwards += current->parsed.backwards;
  counters.passed_over += current->parsed.passed_over;
  counters.stamped += current->parsed.stamped;
  reports[current->source].passed_over += current->parsed.passed_over;
  reports[current->source].skipped_rows += current->parsed.skipped_rows;
  reports[current->source].headers += current->parsed.headers;
  reports[current->source].in_quotes += current->parsed.in_quotes;
  if (current->parsed.rows != 0) {
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
  if (auto fault = made->options.only_rejects.empty() ? made->list_files()
                                                      : made->add_rejects())
    return fault;
  if (auto fault = made->check_texts())
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
      auto& report = self.reports[self.current->source];
      const auto end = batch.cursor.offset - self.current->piece.offset;
      if ((self.failed = self.deliver_rejects(end)))
        break;
      ++self.next_batch;
      self.counters.rows += batch.rows;
      report.rows += batch.rows;
      // Before a line gave a row none counts as read: another layout may be
      // wanted.
      if (report.rows == 0 && !report.resumed)
        continue;
      return std::optional<parsed_batch>{std::move(batch)};
    }
    self.failed = self.take_piece();
    if (!self.failed && !self.current)
      return std::optional<parsed_batch>{};
  }
  return self.failed;
}

const std::vector<std::string>& reader::reject_names() const noexcept {
  return state_->reject_names;
}

bool reader::waiting() const noexcept { return state_->waiting; }

const reader_counters& reader::counters() const noexcept {
  return state_->counters;
}

const std::vector<source_report>& reader::reports() const noexcept {
  return state_->reports;
}

} // namespace millrace::feed
