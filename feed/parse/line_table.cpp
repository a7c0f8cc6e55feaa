#include <millrace/feed/parse/line_table.hpp>
#include <millrace/feed/text/text_index.hpp>
#include <millrace/messages/text/csv_text.hpp>
#include <millrace/messages/text/utf8.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace millrace::feed {

namespace {

/// Checks that cost a look at every byte, made only where a block as a whole
/// raised suspicion.
fault check_bytes(std::string_view line, const text_structure& found) {
  if (found.any_nul && line.find('\0') != line.npos)
    return fault::nul_byte;
  if (found.any_high && !text::valid_utf8(line))
    return fault::not_utf8;
  return fault::none;
}

std::string_view without_return(std::string_view line) {
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  return line;
}

/// Blanks alone, or the ^Z by which files of DOS end.
bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\x1a") == line.npos;
}

bool is_skipped(std::string_view line, const binding& fitted) {
  return std::any_of(
    fitted.skipped.begin(), fitted.skipped.end(),
    [&](const std::string& begin) { return line.starts_with(begin); });
}

} // namespace

record_extent find_record_end(std::string_view text, size_t begin,
                              char delimiter, bool whole,
                              size_t line_bytes_max) noexcept {
  using state = record_extent::state;
  const auto limit = std::min(text.size(), begin + line_bytes_max + 2);
  bool quoted = false;
  bool at_start = true;
  size_t first_newline = 0;
  for (size_t at = begin; at < limit; ++at) {
    const char c = text[at];
    if (c == '\n' && first_newline == 0)
      first_newline = at + 1;
    if (quoted) {
      quoted = c != '"'; // A doubled quote opens again at once.
      at_start = c == '"';
    } else if (c == '\n') {
      return {state::complete, at + 1};
    } else {
      // A quote counts at the start of a field, or right after another one.
      quoted = c == '"' && at_start;
      at_start = c == delimiter;
    }
  }
  const bool cut_off = limit == begin + line_bytes_max + 2;
  if (!cut_off && !whole)
    return {};
  if (quoted)
    return {state::open_quote, first_newline == 0 ? limit : first_newline};
  return cut_off ? record_extent{state::too_long, limit}
                 : record_extent{state::complete, text.size()};
}

void line_table::make_room(size_t bound_count, size_t line_count) {
  if (bounds_.size() < bound_count)
    bounds_.resize(bound_count);
  if (first_.size() < line_count)
    for (auto* each :
         {&first_, &row_end_, &line_begin_, &line_end_, &line_number_})
      each->resize(line_count);
}

void line_table::put(size_t first, uint32_t row_end, size_t begin, size_t end,
                     uint64_t line) noexcept {
  const auto row = row_count_++;
  first_[row] = static_cast<uint32_t>(first);
  row_end_[row] = row_end;
  line_begin_[row] = static_cast<uint32_t>(begin);
  line_end_[row] = static_cast<uint32_t>(end);
  line_number_[row] = static_cast<uint32_t>(line);
}

void line_table::fill(std::string_view text, uint64_t base, uint64_t line,
                      const binding& fitted, size_t line_bytes_max,
                      std::vector<raw_reject>& rejects) {
  MILLRACE_ASSERT(text.size() < UINT32_MAX - 64);
  base_ = base;
  line_ = line;
  line_count_ = 0;
  passed_over_ = 0;
  skipped_rows_ = 0;
  row_count_ = 0;
  if (fitted.json.on())
    fill_json(text, fitted, line_bytes_max, rejects);
  else if (fitted.quote)
    fill_quoted(text, fitted, line_bytes_max, rejects);
  else
    fill_plain(text, fitted, line_bytes_max, rejects);
}

void line_table::fill_plain(std::string_view text, const binding& fitted,
                            size_t line_bytes_max,
                            std::vector<raw_reject>& rejects) {
  text_ = text.data();
  make_room(text.size() + 12, 0);
  if (newlines_.size() < text.size() + 8)
    newlines_.resize(text.size() + 8);
  bounds_[0] = UINT32_MAX;
  auto found = find_structure(text.data(), text.size(), fitted.delimiter,
                              bounds_.data() + 1, newlines_.data());
  if (!text.empty() && text.back() != '\n') {
    // As if the last line of the source had its newline.
    newlines_[found.newline_count++] = static_cast<uint32_t>(found.bound_count);
    bounds_[1 + found.bound_count++] = static_cast<uint32_t>(text.size());
  }
  line_count_ = found.newline_count;
  make_room(0, found.newline_count);
  const bool suspicious = found.any_nul || found.any_high
                          || !fitted.skipped.empty()
                          || text.size() > line_bytes_max;
  size_t first = 0;
  for (size_t line = 0; line < found.newline_count; ++line) {
    const auto last = size_t{newlines_[line]} + 1;
    const auto begin = uint32_t{bounds_[first] + 1};
    const auto newline = bounds_[last];
    const auto field_count = static_cast<uint32_t>(last - first);
    const auto end = newline - (newline > begin && text[newline - 1] == '\r');
    const auto here = first;
    first = last;
    auto why
      = field_count == fitted.field_count ? fault::none : fault::field_count;
    if (suspicious) [[unlikely]] {
      const auto whole = text.substr(begin, end - begin);
      if (is_skipped(whole, fitted)) {
        skipped_rows_ += why == fault::none;
        continue;
      }
      if (const auto bytes = check_bytes(whole, found); bytes != fault::none)
        why = bytes;
      if (whole.size() > line_bytes_max)
        why = fault::too_long;
    }
    if (why == fault::none && end != begin) [[likely]]
      put(here, end, begin, std::min<size_t>(newline + 1, text.size()), line);
    else if (!is_blank(text.substr(begin, end - begin)))
      rejects.push_back(
        {base_ + begin, end - begin, line_ + line, field_count, why});
  }
}

fault line_table::split_quoted(std::string_view record, const binding& fitted,
                               uint32_t& fields) {
  // The bounds are those of the copy without quotes, in which one byte stands
  // between fields.
  fields = 0;
  size_t at = 0;
  for (;;) {
    const auto why
      = text::take_csv_field(record, fitted.delimiter, at, unquoted_);
    if (why != text::csv_fault::none)
      return why == text::csv_fault::open_quote ? fault::open_quote
                                                : fault::after_quote;
    ++fields;
    if (fields <= fitted.field_count)
      bounds_[bound_count_ + fields] = static_cast<uint32_t>(unquoted_.size());
    unquoted_ += '\n';
    if (at == record.size())
      return fields == fitted.field_count ? fault::none : fault::field_count;
    ++at;
  }
}

void line_table::fill_quoted(std::string_view text, const binding& fitted,
                             size_t line_bytes_max,
                             std::vector<raw_reject>& rejects) {
  unquoted_.clear();
  bound_count_ = 0;
  bounds_.resize(std::max(bounds_.size(), size_t{1}));
  bounds_[0] = UINT32_MAX;
  const text_structure suspicion{0, 0, true, true};
  using state = record_extent::state;
  for (size_t begin = 0; begin < text.size();) {
    const auto extent
      = find_record_end(text, begin, fitted.delimiter, true, line_bytes_max);
    auto end = extent.end;
    if (extent.status == state::too_long)
      end = std::min(text.find('\n', begin), text.size() - 1) + 1;
    auto record = text.substr(begin, end - begin);
    const auto lines = count_newlines(record.data(), record.size())
                       + (record.ends_with('\n') ? 0u : 1u);
    if (record.ends_with('\n'))
      record.remove_suffix(1);
    record = without_return(record);
    make_room(bound_count_ + fitted.field_count + 2, row_count_ + size_t{1});
    const auto rollback = unquoted_.size();
    uint32_t fields = 0;
    if (!record.empty() && is_skipped(record, fitted)) {
      skipped_rows_ += split_quoted(record, fitted, fields) == fault::none;
      unquoted_.resize(rollback);
    } else if (!record.empty()) {
      auto why = check_bytes(record, suspicion);
      if (why == fault::none && record.size() > line_bytes_max)
        why = fault::too_long;
      if (why == fault::none && extent.status == state::open_quote)
        why = fault::open_quote;
      if (why == fault::none)
        why = split_quoted(record, fitted, fields);
      if (why == fault::none) {
        const auto here = bound_count_;
        bound_count_ += fields;
        put(here, bounds_[bound_count_], begin, end, line_count_);
      } else {
        unquoted_.resize(rollback);
        if (!is_blank(record))
          rejects.push_back(
            {base_ + begin, record.size(), line_ + line_count_, fields, why});
      }
    }
    line_count_ += lines;
    begin = end;
  }
  unquoted_.append(text_slack, '\n');
  text_ = unquoted_.data();
}

void line_table::fill_json(std::string_view text, const binding& fitted,
                           size_t line_bytes_max,
                           std::vector<raw_reject>& rejects) {
  if (!json_)
    json_ = std::make_unique<json_splitter>(fitted.json);
  unquoted_.clear();
  bound_count_ = 0;
  make_room(1, 0);
  bounds_[0] = UINT32_MAX;
  const text_structure suspicion{0, 0, true, true};
  for (size_t begin = 0; begin < text.size(); ++line_count_) {
    const auto newline = std::min(text.find('\n', begin), text.size());
    const auto end = std::min(newline + 1, text.size());
    const auto line = without_return(text.substr(begin, newline - begin));
    const auto here = std::exchange(begin, end);
    if (is_blank(line) || is_skipped(line, fitted))
      continue;
    auto why = line.size() > line_bytes_max ? fault::too_long
                                            : check_bytes(line, suspicion);
    const auto rollback = unquoted_.size();
    ends_.clear();
    if (why == fault::none)
      why = json_->split(line, unquoted_, ends_);
    if (why == fault::none && unquoted_.find('\0', rollback) != unquoted_.npos)
      why = fault::nul_byte; // Written as an escape.
    if (why != fault::none) {
      unquoted_.resize(rollback);
      const auto detail
        = why == fault::repeated_key ? json_->repeated_path() : 0;
      rejects.push_back(
        {base_ + here, line.size(), line_ + line_count_, detail, why});
      continue;
    }
    const auto rows = ends_.size() / fitted.field_count;
    passed_over_ += rows == 0;
    make_room(bound_count_ + ends_.size() + 1, row_count_ + rows);
    for (size_t row = 0; row < rows; ++row) {
      for (uint32_t i = 0; i < fitted.field_count; ++i)
        bounds_[bound_count_ + i + 1] = ends_[row * fitted.field_count + i];
      const auto first = bound_count_;
      bound_count_ += fitted.field_count;
      put(first, bounds_[bound_count_], here, end, line_count_);
    }
  }
  unquoted_.append(text_slack, '\n');
  text_ = unquoted_.data();
}

void line_table::remove(const std::vector<uint32_t>& rows) {
  if (rows.empty())
    return;
  size_t next = 0;
  uint32_t to = rows.front();
  for (uint32_t from = to; from < row_count_; ++from) {
    if (next < rows.size() && rows[next] == from) {
      ++next;
      continue;
    }
    for (auto* each :
         {&first_, &row_end_, &line_begin_, &line_end_, &line_number_})
      (*each)[to] = (*each)[from];
    ++to;
  }
  row_count_ = to;
}

} // namespace millrace::feed
