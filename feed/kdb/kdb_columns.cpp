#include <millrace/feed/kdb/kdb_columns.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/persistence/columns/column_values.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace millrace::feed {

namespace {

using persistence::kdb_column;

constexpr uint64_t domain_bytes_max = uint64_t{4} << 30;
/// Of one column in one batch.
constexpr uint64_t text_bytes_max = uint64_t{64} << 20;
constexpr const char* date_name = "date";

/// Nanoseconds of one of a time of day; 0: it is none.
int64_t unit_of(uint8_t type) noexcept {
  switch (column_type{type}) {
    case column_type::timespan:
      return 1;
    case column_type::minute:
      return text::minute_ns;
    case column_type::second:
      return text::second_ns;
    case column_type::time:
      return text::second_ns / 1000;
    default:
      return 0;
  }
}

/// What is exact to less than 0.2 us is rounded to one, so that the millisecond
/// that q shows stays one.
int64_t time_of_datetime(double days) noexcept {
  if (std::isnan(days))
    return null_long;
  const auto us
    = std::round(static_cast<long double>(days) * 86'400'000'000.0L);
  if (std::abs(us) >= 9'223'372'036'854'775.0L)
    return us < 0 ? -inf_long : inf_long;
  return static_cast<int64_t>(us) * 1000;
}

/// Null and infinity of either stay; so does neither beyond 64 bits.
int64_t time_of_day(int64_t day, int64_t of_day, int64_t unit) noexcept {
  int64_t out = 0;
  if (__builtin_mul_overflow(of_day, unit, &of_day)
      || __builtin_mul_overflow(day, text::day_ns, &day)
      || __builtin_add_overflow(day, of_day, &out))
    return of_day < 0 ? -inf_long : inf_long;
  return out;
}

/// Of 4 or 8 bytes; nulls and infinities of 32 bits become those of 64.
int64_t whole_at(const std::byte* from, uint32_t width) noexcept {
  if (width == 8) {
    int64_t out = 0;
    std::memcpy(&out, from, sizeof out);
    return out;
  }
  int32_t out = 0;
  std::memcpy(&out, from, sizeof out);
  return out == null_int   ? null_long
         : out == inf_int  ? inf_long
         : out == -inf_int ? -inf_long
                           : out;
}

bool is_whole(int64_t value) noexcept {
  return value != null_long && value != inf_long && value != -inf_long;
}

std::string_view view_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace

result<std::shared_ptr<const persistence::kdb_symbols>>
kdb_domains::read(const std::string& name) {
  auto& held = held_[name];
  if (!held) {
    auto symbols = persistence::kdb_symbols::read(*fs_, directory_ + "/" + name,
                                                  domain_bytes_max);
    if (!symbols)
      return symbols.failure();
    held
      = std::make_shared<const persistence::kdb_symbols>(*std::move(symbols));
  }
  return held;
}

result<kdb_columns> kdb_columns::plan(persistence::file_system& fs,
                                      kdb_domains& domains,
                                      const persistence::kdb_part& part,
                                      const table_schema& schema,
                                      const std::set<std::string>& left_out) {
  auto opened = persistence::open_kdb_part(fs, part);
  if (!opened)
    return opened.failure();
  kdb_columns out;
  out.part_ = std::make_unique<persistence::kdb_open_part>(*std::move(opened));
  out.directory_ = part.directory;
  out.date_ = part.date;
  out.time_ = *schema.column_index(schema.time_column);
  error misfit;
  for (size_t i = 0; i < schema.columns.size(); ++i)
    if (auto fault = out.map_column(domains, schema, i,
                                    left_out.contains(schema.columns[i].name)))
      if (!gather(misfit, std::move(fault)))
        return misfit;
  if (auto fault = out.refuse_unused(schema, left_out))
    (void)gather(misfit, std::move(fault));
  if (misfit)
    return misfit;
  return out;
}

/// What does not fit is told at once, a line each. @returns whether more of it
/// may be looked for
bool kdb_columns::gather(error& all, error fault) {
  const bool is_misfit = fault.code == errc::schema_mismatch;
  if (all && is_misfit)
    all.context += "\n" + fault.context;
  else if (!all || !is_misfit)
    all = std::move(fault);
  return is_misfit;
}

/// How a value of one type becomes one of another; times of day apart.
std::optional<kdb_columns::how> kdb_columns::way(uint8_t from,
                                                 column_type to) const {
  if (from == persistence::kdb_enumerated)
    return to == column_type::symbol   ? std::optional{how::symbols}
           : to == column_type::string ? std::optional{how::symbols_as_text}
                                       : std::nullopt;
  if (from == persistence::kdb_texts)
    return to == column_type::string   ? std::optional{how::texts}
           : to == column_type::symbol ? std::optional{how::texts_as_symbols}
                                       : std::nullopt;
  if (from == persistence::kdb_datetime)
    return to == column_type::timestamp ? std::optional{how::datetime}
                                        : std::nullopt;
  if (column_type{from} == to)
    return how::copied;
  return persistence::widens(column_type{from}, to)
           ? std::optional{how::widened}
           : std::nullopt;
}

error kdb_columns::map_time(mapped& into, const std::string& name) {
  into.kind = how::time_of_day;
  if (date_)
    return {};
  auto* date = part_->column(date_name);
  if (date == nullptr || column_type{date->type()} != column_type::date)
    return {errc::schema_mismatch,
            directory_ + ": '" + name
              + "' is a time of day, and neither has the partition a date, "
                "nor is there a column 'date'"};
  into.date = date;
  return {};
}

error kdb_columns::map_column(kdb_domains& domains, const table_schema& schema,
                              size_t target, bool is_left_out) {
  const auto& wanted = schema.columns[target];
  auto& into = columns_.emplace_back();
  into.type = wanted.type;
  into.from = is_left_out ? nullptr : part_->column(wanted.name);
  if (into.from == nullptr && date_ && wanted.name == date_name
      && wanted.type == column_type::date) {
    into.kind = how::partition_date;
    return {};
  }
  if (into.from == nullptr) {
    if (wanted.name == schema.time_column
        || wanted.name == schema.symbol_column)
      return {errc::schema_mismatch, directory_ + ": has no column '"
                                       + wanted.name + "', which table '"
                                       + schema.name + "' is ordered by"};
    absent_.push_back(wanted.name);
    return {};
  }
  if (wanted.type == column_type::timestamp && unit_of(into.from->type()) != 0)
    return map_time(into, wanted.name);
  const auto found = way(into.from->type(), wanted.type);
  if (!found)
    return {errc::schema_mismatch,
            into.from->path() + ": is "
              + persistence::kdb_type_name(into.from->type())
              + ", which does not become " + std::string{to_string(wanted.type)}
              + ", as table '" + schema.name + "' has '" + wanted.name + "'"};
  into.kind = *found;
  if (into.from->type() != persistence::kdb_enumerated)
    return {};
  auto domain = domains.read(into.from->domain());
  if (!domain)
    return {domain.failure().code,
            into.from->path() + ": is an enumeration of '" + into.from->domain()
              + "': " + domain.failure().context};
  into.domain = *std::move(domain);
  return {};
}

error kdb_columns::refuse_unused(const table_schema& schema,
                                 const std::set<std::string>& left_out) {
  std::string names;
  for (const auto& [name, column] : part_->columns) {
    const bool is_used = schema.column_index(name) || left_out.contains(name)
                         || std::any_of(columns_.begin(), columns_.end(),
                                        [&of = column](const auto& each) {
                                          return each.date == &of;
                                        });
    if (!is_used)
      names += (names.empty() ? "" : ", ") + name;
  }
  if (names.empty())
    return {};
  return {errc::schema_mismatch,
          directory_ + ": table '" + schema.name + "' has no column for "
            + names
            + "; declare it, or name it with --leave-out to load the others"};
}

uint64_t kdb_columns::byte_count() const noexcept {
  uint64_t total = 0;
  for (const auto& each : columns_)
    if (each.from != nullptr)
      total += each.from->byte_count();
  return total;
}

error kdb_columns::times_of(mapped& column, uint64_t begin, uint64_t count,
                            std::vector<int64_t>& into) {
  auto& from = *column.from;
  if (auto fault = from.read(begin, count, bytes_))
    return fault;
  into.resize(count);
  if (column.kind == how::copied) {
    std::memcpy(into.data(), bytes_.data(), bytes_.size());
    return {};
  }
  if (column.kind == how::datetime) {
    for (uint64_t i = 0; i < count; ++i) {
      double days = 0;
      std::memcpy(&days, &bytes_[i * 8], sizeof days);
      into[i] = time_of_datetime(days);
    }
    return {};
  }
  const auto unit = unit_of(from.type());
  for (uint64_t i = 0; i < count; ++i)
    into[i] = whole_at(&bytes_[i * from.width()], from.width());
  if (column.date != nullptr)
    if (auto fault = column.date->read(begin, count, bytes_))
      return fault;
  for (uint64_t i = 0; i < count; ++i) {
    const auto day
      = column.date != nullptr ? whole_at(&bytes_[i * 4], 4) : int64_t{*date_};
    if (!is_whole(day))
      into[i] = day;
    else if (is_whole(into[i]))
      into[i] = time_of_day(day, into[i], unit);
  }
  return {};
}

error kdb_columns::check_times(uint64_t begin, uint64_t count) {
  auto& column = columns_[time_];
  if (auto fault = times_of(column, begin, count, numbers_))
    return fault;
  const auto found
    = std::find_if_not(numbers_.begin(), numbers_.end(), is_whole);
  if (found == numbers_.end())
    return {};
  return {errc::bad_data, column.from->path() + ": row "
                            + std::to_string(begin + (found - numbers_.begin()))
                            + " has no time, and so no date"};
}

error kdb_columns::check_column(
  mapped& column, uint64_t begin, uint64_t count,
  const std::function<void(std::string_view)>& digest) {
  if (auto fault = column.from->read(begin, count, bytes_))
    return fault;
  digest(view_of(bytes_));
  if (column.domain) {
    const auto fault
      = column.from->read_codes(begin, count, column.domain->size(), numbers_);
    if (fault)
      return fault;
    for (const auto code : numbers_)
      column.met = std::max(column.met, static_cast<uint64_t>(code + 1));
  }
  if (column.date != nullptr) {
    if (auto fault = column.date->read(begin, count, bytes_))
      return fault;
    digest(view_of(bytes_));
  }
  if (column.kind != how::texts && column.kind != how::texts_as_symbols)
    return {};
  for (auto at = begin; at < begin + count;) {
    auto rows = begin + count - at;
    auto fault
      = column.from->read_texts(at, rows, text_bytes_max, text_, ends_);
    for (; fault.code == errc::oversize && rows > 1;)
      fault
        = column.from->read_texts(at, rows /= 2, text_bytes_max, text_, ends_);
    if (fault)
      return fault;
    digest(text_);
    at += rows;
  }
  return {};
}

error kdb_columns::check(uint64_t begin, uint64_t count,
                         const std::function<void(std::string_view)>& digest) {
  for (auto& column : columns_)
    if (column.from != nullptr)
      if (auto fault = check_column(column, begin, count, digest))
        return fault;
  return check_times(begin, count);
}

std::vector<std::string_view> kdb_columns::symbols_met() const {
  std::vector<std::string_view> out;
  for (const auto& column : columns_)
    if (column.domain)
      out.push_back(column.domain->prefix(column.met));
  return out;
}

/// How many of these rows have no more text than a batch takes.
result<uint64_t> kdb_columns::fit_texts(uint64_t begin, uint64_t count) {
  for (auto& column : columns_) {
    if (column.kind != how::texts && column.kind != how::texts_as_symbols)
      continue;
    auto fault
      = column.from->read_texts(begin, count, text_bytes_max, text_, ends_);
    for (; fault.code == errc::oversize && count > 1;)
      fault = column.from->read_texts(begin, count /= 2, text_bytes_max, text_,
                                      ends_);
    if (fault)
      return fault;
  }
  return count;
}

result<uint64_t> kdb_columns::append(uint64_t begin, uint64_t count,
                                     batch_builder& into) {
  const auto rows = fit_texts(begin, count);
  if (!rows)
    return rows.failure();
  ++batch_;
  for (size_t i = 0; i < columns_.size(); ++i)
    if (auto fault = append_column(i, begin, *rows, into))
      return fault;
  into.add_rows(static_cast<uint32_t>(*rows));
  return *rows;
}

error kdb_columns::append_column(size_t target, uint64_t begin, uint64_t count,
                                 batch_builder& into) {
  auto& column = columns_[target];
  auto& values = into.values(target);
  switch (column.kind) {
    case how::absent:
      for (uint64_t i = 0; i < count; ++i)
        into.append_null(target);
      return {};
    case how::partition_date:
      for (uint64_t i = 0; i < count; ++i)
        into.append(target, *date_);
      return {};
    case how::symbols:
      return append_symbols(target, begin, count, into);
    case how::symbols_as_text:
    case how::texts:
    case how::texts_as_symbols:
      return append_texts(target, begin, count, into);
    default:
      break;
  }
  if (column.type == column_type::timestamp) {
    if (auto fault = times_of(column, begin, count, numbers_))
      return fault;
    const auto* first = reinterpret_cast<const std::byte*>(numbers_.data());
    values.insert(values.end(), first, first + count * sizeof(int64_t));
    if (target == time_ && count != 0)
      times_ = {numbers_.front(), numbers_.back()};
    return {};
  }
  if (auto fault = column.from->read(begin, count, bytes_))
    return fault;
  const auto at = values.size();
  values.resize(at + count * width_of(column.type));
  if (column.kind == how::widened)
    persistence::copy_values(column_type{column.from->type()}, column.type,
                             bytes_.data(), values.data() + at, count);
  else
    std::copy(bytes_.begin(), bytes_.end(),
              values.begin() + static_cast<ptrdiff_t>(at));
  return {};
}

error kdb_columns::append_symbols(size_t target, uint64_t begin, uint64_t count,
                                  batch_builder& into) {
  auto& column = columns_[target];
  if (auto fault
      = column.from->read_codes(begin, count, column.domain->size(), numbers_))
    return fault;
  // Code 0 of a batch is the null; each other one is looked up once.
  column.codes.resize(column.domain->size());
  column.batches.resize(column.domain->size());
  for (const auto code : numbers_) {
    uint32_t out = 0;
    if (code != persistence::kdb_null_code) {
      const auto at = static_cast<size_t>(code);
      if (column.batches[at] != batch_) {
        column.batches[at] = batch_;
        column.codes[at] = into.symbol_code(target, (*column.domain)[at]);
      }
      out = column.codes[at];
    }
    into.append(target, out);
  }
  return {};
}

error kdb_columns::append_texts(size_t target, uint64_t begin, uint64_t count,
                                batch_builder& into) {
  auto& column = columns_[target];
  if (column.kind == how::symbols_as_text) {
    if (auto fault = column.from->read_codes(begin, count,
                                             column.domain->size(), numbers_))
      return fault;
    for (const auto code : numbers_)
      into.append_string(target,
                         code == persistence::kdb_null_code
                           ? std::string_view{}
                           : (*column.domain)[static_cast<size_t>(code)]);
    return {};
  }
  if (auto fault
      = column.from->read_texts(begin, count, text_bytes_max, text_, ends_))
    return fault;
  uint64_t from = 0;
  for (const auto end : ends_) {
    const auto each = std::string_view{text_}.substr(from, end - from);
    if (column.kind == how::texts)
      into.append_string(target, each);
    else
      into.append_symbol(target, each);
    from = end;
  }
  return {};
}

} // namespace millrace::feed
