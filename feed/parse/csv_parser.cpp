#include <millrace/feed/parse/csv_parser.hpp>
#include <millrace/feed/text/text_index.hpp>

#include <algorithm>
#include <cstring>

namespace millrace::feed {

namespace {

/// Text that is split into lines at once; its index stays in the cache.
constexpr size_t block_bytes = 64 * 1024;

int64_t time_at(const std::vector<std::byte>& times, uint32_t row) {
  int64_t time;
  std::memcpy(&time, times.data() + row * sizeof time, sizeof time);
  return time;
}

template <class T>
bool is_zero(const std::byte* values, uint32_t row) {
  T value;
  std::memcpy(&value, values + row * sizeof value, sizeof value);
  return value == T{};
}

bool zero_at(column_type type, const std::byte* values, uint32_t row) {
  switch (type) {
    case column_type::byte_:
      return is_zero<uint8_t>(values, row);
    case column_type::short_:
      return is_zero<int16_t>(values, row);
    case column_type::int_:
      return is_zero<int32_t>(values, row);
    case column_type::long_:
      return is_zero<int64_t>(values, row);
    case column_type::real:
      return is_zero<float>(values, row);
    case column_type::float_:
      return is_zero<double>(values, row);
    default:
      return false;
  }
}

template <class T>
void store(std::byte* values, uint32_t row, T value) {
  std::memcpy(values + row * sizeof value, &value, sizeof value);
}

void null_at(column_type type, std::byte* values, uint32_t row) {
  switch (type) {
    case column_type::short_:
      return store(values, row, null_short);
    case column_type::int_:
      return store(values, row, null_int);
    case column_type::long_:
      return store(values, row, null_long);
    case column_type::real:
      return store(values, row, std::numeric_limits<float>::quiet_NaN());
    case column_type::float_:
      return store(values, row, std::numeric_limits<double>::quiet_NaN());
    default:
      return;
  }
}

} // namespace

csv_parser::csv_parser(std::shared_ptr<const binding> fitted,
                       const batch_limits& limits, uint32_t line_bytes_max)
  : fitted_{std::move(fitted)}, limits_{limits},
    line_bytes_max_{line_bytes_max}, builder_{fitted_->schema} {
  for (size_t i = 0; i < fitted_->fields.size(); ++i) {
    readers_.emplace_back(*fitted_, i);
    if (fitted_->fields[i].column == fitted_->time_column)
      time_field_ = fitted_->fields[i].fields.front();
    const auto column = fitted_->fields[i].column;
    if (fitted_->schema.columns[column].type == column_type::string)
      string_fields_.push_back(static_cast<uint32_t>(i));
  }
  for (const auto& column : fitted_->schema.columns)
    row_bytes_ += static_cast<uint32_t>(width_of(column.type));
  candidates_max_ = limits_.rows_max != 0 ? limits_.rows_max : UINT32_MAX;
  if (limits_.bytes_max != 0)
    candidates_max_
      = std::min(candidates_max_, std::max(limits_.bytes_max / row_bytes_, 1u));
}

void csv_parser::parse(const text_piece& piece, parsed_piece& into) {
  last_time_ = null_long;
  digest_ = piece.before;
  digested_ = 0;
  end_ = 0;
  // A JSON text that gives rows ends with its last brace.
  open_end_
    = piece.may_go_on && !piece.text.ends_with('\n') && !fitted_->json.on()
        ? piece.text.size()
        : UINT64_MAX;
  size_t at = 0;
  while (at < piece.text.size()) {
    at = load_block(piece, at, into);
    while (row_ < lines_.row_count()) {
      take_rows(into);
      if (full_)
        finish_batch(piece, into);
    }
    into.lines += lines_.line_count();
    into.passed_over += lines_.passed_over();
    into.skipped_rows += lines_.skipped_rows();
  }
  for (auto& each : readers_)
    into.in_quotes += each.take_in_quotes();
  if (piece.oversize) {
    into.rejects.push_back({piece.text.size(), piece.oversize->length,
                            into.lines, 0, fault::too_long});
    ++into.lines;
  }
  // A block's refused lines are noted before its refused values.
  std::stable_sort(
    into.rejects.begin(), into.rejects.end(),
    [](const raw_reject& a, const raw_reject& b) { return a.begin < b.begin; });
  leave_out_headers(piece.text, into);
  finish_piece(piece, into);
}

/// Files that were put together have the header of each, perhaps after a byte
/// order mark.
void csv_parser::leave_out_headers(std::string_view text,
                                   parsed_piece& into) const {
  if (fitted_->header.empty())
    return;
  constexpr std::string_view mark = "\xef\xbb\xbf";
  into.headers += std::erase_if(into.rejects, [&](const raw_reject& each) {
    auto line = text.substr(std::min<size_t>(each.begin, text.size()),
                            static_cast<size_t>(each.length));
    if (line.starts_with(mark))
      line.remove_prefix(mark.size());
    while (line.ends_with('\n') || line.ends_with('\r'))
      line.remove_suffix(1);
    return line == fitted_->header;
  });
}

size_t csv_parser::load_block(const text_piece& piece, size_t at,
                              parsed_piece& into) {
  const auto rest = piece.text.substr(at);
  auto size = rest.size();
  if (fitted_->quote) {
    // Records may hold newlines; the piece ends with a record.
    size = rest.size();
  } else if (size > block_bytes) {
    auto newline = rest.rfind('\n', block_bytes - 1);
    if (newline == rest.npos)
      newline = rest.find('\n', block_bytes);
    size = newline == rest.npos ? rest.size() : newline + 1;
  }
  auto block = rest.substr(0, size);
  if (rest.size() - size + piece.slack < text_slack) {
    // Parsers read whole words; the last block moves to where they may.
    scratch_.resize(std::max(scratch_.size(), size + text_slack));
    std::memcpy(scratch_.data(), block.data(), size);
    std::memset(scratch_.data() + size, '\n', text_slack);
    block = {scratch_.data(), size};
  }
  lines_.fill(block, at, into.lines, *fitted_, line_bytes_max_, into.rejects);
  row_ = 0;
  return at + size;
}

uint32_t csv_parser::rows_within_bytes(uint32_t begin, uint32_t count) {
  if (string_fields_.empty() || limits_.bytes_max == 0)
    return count;
  const auto rows = lines_.slice(begin, count);
  for (uint32_t row = 0; row < count; ++row) {
    uint64_t length = 0;
    for (const auto index : string_fields_)
      for (const auto field : fitted_->fields[index].fields)
        length
          += rows.field(row, field, field + 1 == fitted_->field_count).size();
    const auto used = text_bytes_ + uint64_t{candidates_ + row} * row_bytes_;
    if (candidates_ + row != 0
        && used + row_bytes_ + length > limits_.bytes_max) {
      full_ = true;
      return row;
    }
    text_bytes_ += length;
  }
  return count;
}

void csv_parser::truncate_columns(uint32_t row_count) {
  for (size_t i = 0; i < fitted_->fallible_count; ++i) {
    const auto column = fitted_->fields[i].column;
    const auto width = width_of(fitted_->schema.columns[column].type);
    builder_.values(column).resize(row_count * width);
  }
}

void csv_parser::refuse_missing_times(uint32_t before, uint32_t count) {
  if (time_field_ == UINT32_MAX || fitted_->stamps)
    return;
  const auto& times = builder_.values(fitted_->time_column);
  uint32_t missing = 0;
  for (uint32_t row = 0; row < count; ++row)
    missing += time_at(times, before + row) == null_long;
  if (missing == refused_.size())
    return; // Those were refused already.
  for (uint32_t row = 0; row < count; ++row)
    if (time_at(times, before + row) == null_long)
      refused_.push_back({row, time_field_, fault::missing});
}

uint32_t csv_parser::rows_within_span(uint32_t before, uint32_t count) {
  const auto& times = builder_.values(fitted_->time_column);
  uint32_t within = 0;
  for (; within < count; ++within) {
    const auto time = time_at(times, before + within);
    if (time == null_long)
      continue;
    if (span_from_ == null_long)
      span_from_ = time;
    // Times that go backwards are due at once.
    const auto behind
      = static_cast<uint64_t>(time) - static_cast<uint64_t>(span_from_);
    if (time > span_from_ && behind >= static_cast<uint64_t>(limits_.span_ns))
      break;
  }
  constexpr uint32_t span_rows_max = 1u << 16;
  span_rows_ = within == count ? std::min(2 * span_rows_, span_rows_max)
                               : std::max(2 * within, span_rows_min);
  if (within == count)
    return count;
  full_ = true;
  if (fitted_->json.on())
    within = whole_lines(within);
  std::erase_if(refused_,
                [&](const refused_value& each) { return each.row >= within; });
  builder_.values(fitted_->time_column)
    .resize((before + within) * sizeof(int64_t));
  return within;
}

void csv_parser::drop_refused(uint32_t begin, parsed_piece& into) {
  std::stable_sort(refused_.begin(), refused_.end(),
                   [](const refused_value& a, const refused_value& b) {
                     return a.row < b.row;
                   });
  std::vector<uint32_t> rows;
  for (const auto& each : refused_) {
    const auto row = begin + each.row;
    if (!rows.empty() && rows.back() == row)
      continue;
    rows.push_back(row);
    into.rejects.push_back({lines_.begin_of(row),
                            lines_.end_of(row) - lines_.begin_of(row),
                            lines_.line_of(row), each.field, each.why});
  }
  lines_.remove(rows);
}

void csv_parser::leave_open(uint32_t begin, uint32_t count) {
  const auto is_last = [&](const auto& each) { return each.row == count - 1; };
  if (end_ != open_end_
      || std::none_of(refused_.begin(), refused_.end(), is_last))
    return;
  end_ = lines_.begin_of(begin + count - 1);
  --end_line_;
}

uint32_t csv_parser::parse_values(uint32_t begin, uint32_t count,
                                  parsed_piece& into) {
  const auto before = builder_.row_count();
  refused_.clear();
  size_t done = 0;
  if (time_field_ != UINT32_MAX) {
    readers_[done++].read(lines_.slice(begin, count), builder_, refused_);
    if (limits_.span_ns != 0)
      count = rows_within_span(before, count);
    refuse_missing_times(before, count);
  }
  candidates_ += count;
  if (count == 0)
    return 0;
  end_ = lines_.end_of(begin + count - 1);
  end_line_ = lines_.line_of(begin + count - 1) + 1;
  for (; done < fitted_->fallible_count; ++done)
    readers_[done].read(lines_.slice(begin, count), builder_, refused_);
  for (auto& each : readers_)
    each.judge(lines_.slice(begin, count), refused_);
  if (!refused_.empty()) [[unlikely]] {
    leave_open(begin, count);
    const auto tried = lines_.row_count();
    drop_refused(begin, into);
    count -= tried - lines_.row_count();
    truncate_columns(before);
    refused_.clear();
    for (size_t i = 0; i < fitted_->fallible_count; ++i)
      readers_[i].read(lines_.slice(begin, count), builder_, refused_);
    MILLRACE_ASSERT(refused_.empty());
  }
  for (size_t i = fitted_->fallible_count; i < readers_.size(); ++i)
    readers_[i].read(lines_.slice(begin, count), builder_, refused_);
  return count;
}

uint32_t csv_parser::whole_lines(uint32_t count) {
  auto whole = count;
  while (whole != 0 && lines_.shares_line(row_ + whole - 1))
    --whole;
  full_ = full_ || whole != count;
  if (whole != 0 || candidates_ != 0)
    return whole;
  // A line of more rows than a batch may have is a batch of its own.
  for (whole = 1; lines_.shares_line(row_ + whole - 1);)
    ++whole;
  return whole;
}

void csv_parser::take_rows(parsed_piece& into) {
  auto count
    = std::min(lines_.row_count() - row_, candidates_max_ - candidates_);
  if (limits_.span_ns != 0)
    count = std::min(count, span_rows_);
  count = rows_within_bytes(row_, count);
  if (fitted_->json.on())
    count = whole_lines(count);
  if (count != 0) {
    const auto before = builder_.row_count();
    const auto rows = parse_values(row_, count, into);
    fill_constants(rows);
    mark_absent(before, rows);
    builder_.add_rows(rows);
    row_ += rows;
  }
  full_ = full_ || candidates_ >= candidates_max_;
}

void csv_parser::fill_constants(uint32_t count) {
  for (const auto& constant : fitted_->constants) {
    const auto type = fitted_->schema.columns[constant.column].type;
    if (type == column_type::string) {
      for (uint32_t row = 0; row < count; ++row)
        builder_.append_string(constant.column, constant.text);
      continue;
    }
    auto& values = builder_.values(constant.column);
    const auto width = width_of(type);
    const auto before = values.size();
    values.resize(before + count * width);
    const auto code = type == column_type::symbol
                        ? builder_.symbol_code(constant.column, constant.text)
                        : 0;
    const void* value = constant.value.data();
    if (type == column_type::symbol)
      value = &code;
    for (uint32_t row = 0; row < count; ++row)
      std::memcpy(values.data() + before + row * width, value, width);
  }
  for (const auto column : fitted_->null_columns)
    append_nulls(builder_, column, count);
}

void csv_parser::mark_absent(uint32_t before, uint32_t count) {
  for (const auto& group : fitted_->absent)
    for (uint32_t row = before; row < before + count; ++row) {
      bool absent = true;
      for (const auto column : group)
        absent = absent
                 && zero_at(fitted_->schema.columns[column].type,
                            builder_.values(column).data(), row);
      if (absent)
        for (const auto column : group)
          null_at(fitted_->schema.columns[column].type,
                  builder_.values(column).data(), row);
    }
}

void csv_parser::stamp(uint32_t rows, const text_piece& piece,
                       parsed_piece& into) {
  auto& times = builder_.values(fitted_->time_column);
  for (uint32_t row = 0; row < rows; ++row)
    if (time_at(times, row) == null_long) {
      ++into.stamped;
      std::memcpy(times.data() + row * sizeof piece.cut_ns, &piece.cut_ns,
                  sizeof piece.cut_ns);
    }
}

void csv_parser::finish_batch(const text_piece& piece, parsed_piece& into) {
  if (builder_.row_count() != 0)
    add_batch(piece, cursor_at(piece, end_, end_line_), into);
  next_batch();
}

void csv_parser::next_batch() {
  builder_.clear();
  for (auto& reader : readers_)
    reader.next_batch();
  candidates_ = 0;
  text_bytes_ = 0;
  span_from_ = null_long;
  full_ = false;
}

source_cursor csv_parser::cursor_at(const text_piece& piece, uint64_t end,
                                    uint64_t line) {
  digest_.add(piece.text.substr(digested_, end - digested_));
  digested_ = end;
  return {fitted_->identity, piece.offset + end, piece.first_line + line,
          digest_.value()};
}

void csv_parser::add_batch(const text_piece& piece, source_cursor cursor,
                           parsed_piece& into) {
  parsed_batch batch;
  batch.rows = builder_.row_count();
  batch.cursor = std::move(cursor);
  if (fitted_->stamps)
    stamp(batch.rows, piece, into);
  const auto& times = builder_.values(fitted_->time_column);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const auto time = time_at(times, row);
    into.backwards += time < last_time_ && time != null_long;
    last_time_ = time != null_long ? time : last_time_;
    batch.first_time = batch.first_time != null_long ? batch.first_time : time;
  }
  batch.last_time = last_time_;
  batch.bytes = builder_.encode(batch.cursor);
  into.rows += batch.rows;
  into.batches.push_back(std::move(batch));
}

std::optional<uint64_t>
csv_parser::find_open(const text_piece& piece,
                      std::span<const raw_reject> rejects) {
  if (!piece.may_go_on)
    return std::nullopt;
  for (const auto& each : rejects)
    if (each.why == fault::open_quote)
      return each.begin;
  const auto& last = rejects.back();
  const bool is_open
    = piece.oversize ? piece.oversize->is_open
                     : !piece.text.ends_with('\n')
                         && last.begin + last.length + 1 >= piece.text.size();
  return is_open ? std::optional{last.begin} : std::nullopt;
}

void csv_parser::finish_piece(const text_piece& piece, parsed_piece& into) {
  const auto& text = piece.text;
  const auto& rejects = into.rejects;
  const bool any_row = builder_.row_count() != 0;
  const auto counted = any_row ? end_ : digested_;
  const auto first
    = std::find_if(rejects.begin(), rejects.end(), [&](const raw_reject& each) {
        return each.begin >= counted;
      });
  if (first == rejects.end())
    return finish_batch(piece, into);
  into.open_from = find_open(piece, {first, rejects.end()});
  const auto& last = rejects.back();
  auto end = into.open_from.value_or(
    std::min<uint64_t>(last.begin + last.length, text.size()));
  // Some rejects are known without their newline.
  while (!into.open_from && end < text.size() && text[end - 1] != '\n')
    ++end;
  if (!any_row && into.open_from == first->begin)
    return finish_batch(piece, into);
  if (!any_row)
    next_batch(); // Refused values may have left symbols.
  auto cursor = cursor_at(piece, end, count_newlines(text.data(), end));
  if (piece.oversize && !into.open_from)
    cursor = {fitted_->identity, piece.offset + piece.bytes,
              piece.first_line + into.lines, piece.after.value()};
  add_batch(piece, std::move(cursor), into);
  next_batch();
}

} // namespace millrace::feed
