#include <millrace/feed/kdb/kdb_source.hpp>
#include <millrace/feed/source/text_identity.hpp>

#include <algorithm>
#include <cstdio>
#include <tuple>

namespace millrace::feed {

namespace {

constexpr uint64_t rows_per_batch = 64 * 1024;

std::string hash_text(uint64_t hash) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx",
                static_cast<unsigned long long>(hash));
  return text;
}

/// What makes rows of a part, beside its bytes.
std::string hash_of(const table_schema& schema,
                    const std::set<std::string>& left_out,
                    std::optional<int32_t> date) {
  text_digest digest;
  for (const auto& column : schema.columns) {
    digest.add(column.name);
    digest.add(":");
    digest.add(to_string(column.type));
    digest.add(",");
  }
  for (const auto& name : left_out)
    digest.add("-" + name);
  digest.add(date ? std::to_string(*date) : "");
  return hash_text(digest.value());
}

} // namespace

kdb_source::kdb_source(persistence::file_system& fs, options given,
                       std::shared_ptr<batch_source_counters> counters)
  : fs_{&fs}, given_{std::move(given)}, counters_{std::move(counters)},
    domains_{fs, given_.database.directory}, builder_{given_.schema} {}

std::string kdb_source::name_of(const persistence::kdb_database& database,
                                const std::string& table,
                                const persistence::kdb_part& part) {
  auto directory = database.directory;
  while (directory.size() > 1 && directory.ends_with('/'))
    directory.pop_back();
  return directory.substr(directory.rfind('/') + 1) + "/"
         + (part.partition.empty() ? table : part.partition + "/" + table);
}

std::string kdb_source::label(const persistence::kdb_part& part) const {
  return part.partition.empty() ? given_.table
                                : part.partition + "/" + given_.table;
}

result<kdb_columns> kdb_source::plan(const persistence::kdb_part& part) {
  return kdb_columns::plan(*fs_, domains_, part, given_.schema,
                           given_.left_out);
}

error kdb_source::open(const std::vector<source_cursor>& published) {
  published_ = published;
  const auto* table = given_.database.table(given_.table);
  if (table == nullptr)
    return {errc::not_found,
            given_.database.directory + ": no table '" + given_.table + "'"};
  uint64_t total = 0;
  auto unknown = given_.left_out;
  for (const auto& part : table->parts) {
    const auto planned = plan(part);
    if (!planned)
      return planned.failure();
    std::erase_if(unknown,
                  [&](const auto& name) { return planned->has(name); });
    total += 2 * planned->byte_count(); // Checked, and read.
    reports_.push_back({label(part), planned->rows(), 0, planned->absent()});
  }
  counters_->total_bytes += total;
  if (!unknown.empty())
    return {errc::not_found, given_.database.directory + ": table '"
                               + given_.table + "' has no column '"
                               + *unknown.begin() + "' to leave out"};
  return {};
}

/// Reads the whole part, so that nothing of a damaged one is given.
result<std::string> kdb_source::identify() {
  text_digest digest;
  uint64_t bytes = 0;
  const auto take = [&](std::string_view text) {
    digest.add(text);
    bytes += text.size();
  };
  for (uint64_t at = 0; at < part_->rows(); at += rows_per_batch) {
    if (given_.interrupted())
      return error{errc::cancelled, "interrupted"};
    const auto count = std::min(rows_per_batch, part_->rows() - at);
    if (auto fault = part_->check(at, count, take))
      return fault;
    tell_progress(count);
  }
  for (const auto symbols : part_->symbols_met())
    take(symbols);
  return std::to_string(bytes) + ":" + hash_text(digest.value());
}

error kdb_source::begin_part() {
  const auto& part = given_.database.table(given_.table)->parts[next_++];
  auto planned = plan(part);
  if (!planned)
    return planned.failure();
  part_.emplace(*std::move(planned));
  const auto text = identify();
  if (!text)
    return text.failure();
  at_ = {"=" + *text + ":" + name_of(given_.database, given_.table, part) + "@"
           + hash_of(given_.schema, given_.left_out, part.date),
         0, 0};
  report_ = {};
  report_.source = part.directory;
  const auto mine = parse_text_identity(at_.name);
  for (const auto& there : published_)
    if (parse_text_identity(there.name).same_rows(mine)
        && there.offset <= part_->rows()) {
      at_ = there;
      reports_[next_ - 1].rows_known = there.offset;
      report_.resumed = true;
      tell_progress(there.offset);
    }
  return {};
}

/// Rows of the part were read.
void kdb_source::tell_progress(uint64_t rows) {
  counters_->bytes += static_cast<uint64_t>(
    static_cast<double>(part_->byte_count()) * static_cast<double>(rows)
    / static_cast<double>(std::max<uint64_t>(part_->rows(), 1)));
}

void kdb_source::end_part() {
  report_.rows = part_->rows() - reports_[next_ - 1].rows_known;
  done_.push_back(report_);
  part_.reset();
}

result<std::optional<parsed_batch>> kdb_source::next() {
  while (!part_ || at_.offset >= part_->rows()) {
    if (part_)
      end_part();
    if (next_ == reports_.size())
      return std::optional<parsed_batch>{};
    if (auto fault = begin_part())
      return fault;
  }
  if (given_.interrupted())
    return error{errc::cancelled, "interrupted"};
  builder_.clear();
  const auto rows = part_->append(
    at_.offset, std::min(rows_per_batch, part_->rows() - at_.offset), builder_);
  if (!rows)
    return rows.failure();
  tell_progress(*rows);
  at_.offset += *rows;
  at_.row = at_.offset;
  parsed_batch out;
  out.bytes = builder_.encode(at_);
  out.rows = static_cast<uint32_t>(*rows);
  std::tie(out.first_time, out.last_time) = part_->times();
  out.cursor = at_;
  return std::optional{std::move(out)};
}

error kdb_source::close() {
  counters_->keep(done_);
  return {};
}

result<kdb_proposal> propose_table(persistence::file_system& fs,
                                   const persistence::kdb_table& table) {
  const auto& newest = table.parts.back();
  const auto part = persistence::open_kdb_part(fs, newest);
  if (!part)
    return part.failure();
  kdb_proposal out;
  // The best one: a point in time, else a time of day with a date.
  int rank = 0;
  bool is_parted = false;
  for (const auto& [name, column] : part->columns) {
    auto type = column_type{column.type()};
    const bool is_day
      = type == column_type::timespan || type == column_type::minute
        || type == column_type::second || type == column_type::time;
    const int now = type == column_type::timestamp               ? 3
                    : column.type() == persistence::kdb_datetime ? 2
                    : is_day                                     ? 1
                                                                 : 0;
    if (now > rank) {
      rank = now;
      out.time = name;
    }
    if (column.type() == persistence::kdb_enumerated
        && (out.symbol.empty() || name == "sym"
            || (column.attribute() == 3 && !is_parted))) {
      is_parted = column.attribute() == 3 || name == "sym";
      out.symbol = name;
    }
  }
  if (out.time.empty() || out.symbol.empty())
    return error{errc::bad_data, newest.directory + ": has no column of "
                                   + (out.time.empty() ? "a time" : "symbols")
                                   + " that a table here could be ordered by"};
  for (const auto& [name, column] : part->columns) {
    auto type = column_type{column.type()};
    if (name == out.time || column.type() == persistence::kdb_datetime)
      type = column_type::timestamp;
    else if (column.type() == persistence::kdb_enumerated)
      type = column_type::symbol;
    else if (column.type() == persistence::kdb_texts)
      type = column_type::string;
    out.columns.push_back(name + ":" + std::string{to_string(type)});
  }
  if (rank == 1)
    out.notes.push_back("'" + out.time
                        + "' is a time of day: with the date of its partition "
                          "it becomes a timestamp, which is taken for UTC");
  return out;
}

} // namespace millrace::feed
