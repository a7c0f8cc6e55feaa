#include <millrace/feed/parse/reject.hpp>
#include <millrace/feed/source/foreign_text_internal.hpp>
#include <millrace/feed/source/piece_cutter.hpp>
#include <millrace/feed/text/text_index.hpp>

#include <algorithm>
#include <bit>
#include <cstring>

namespace millrace::feed {

namespace {

#ifdef MILLRACE_FUZZING
// What is cut off at the end of a read comes up in a few bytes.
constexpr size_t read_bytes = 512;
#else
constexpr size_t read_bytes = 256 * 1024;
#endif

} // namespace

piece_cutter::piece_cutter(std::unique_ptr<source> from, const options& how)
  : source_{std::move(from)}, options_{how}, mapped_{
                                               !source_->mapped().empty()} {
  if (mapped_) {
    end_ = source_->mapped().size();
    at_end_ = true;
  } else {
    buffer_ = std::make_shared<std::vector<std::byte>>();
  }
}

std::string_view piece_cutter::window() const noexcept {
  const auto* base = mapped_ ? source_->mapped().data() : buffer_->data();
  return {reinterpret_cast<const char*>(base) + begin_, end_ - begin_};
}

bool piece_cutter::whole(size_t count) const noexcept {
  return at_end_ && end_ - begin_ <= count;
}

error piece_cutter::ensure(size_t count) {
  if (broken_ && end_ - begin_ < count)
    return broken_;
  while (!at_end_ && end_ - begin_ < count) {
    const auto room = std::max(read_bytes, count - (end_ - begin_));
    if (buffer_->size() < end_ + room + text_slack)
      buffer_->resize(end_ + room + text_slack);
    auto got = source_->read({buffer_->data() + end_, room});
    if (!got && got.failure().code == errc::timeout && options_.pipe && !begun_)
      continue; // It waits by itself, and cannot be opened anew.
    if (!got && got.failure().code != errc::timeout)
      broken_ = got.failure();
    if (!got)
      return got.failure();
    at_end_ = *got == 0;
    end_ += *got;
  }
  return {};
}

void piece_cutter::advance(size_t count) {
  const auto passed = window().substr(0, count);
  if (!passed.empty())
    last_ = passed.back();
  digest_.add(passed);
  begin_ += count;
  offset_ += count;
}

uint64_t piece_cutter::progress() const noexcept {
  return mapped_ ? begin_ : source_->progress();
}

error piece_cutter::begin_text() {
  constexpr std::string_view mark = "\xef\xbb\xbf";
  // What comes in its own time is not waited for.
  const bool comes_at_once = !options_.pipe && !options_.whole_lines;
  if (auto fault = ensure(comes_at_once ? foreign_mark_bytes : mark.size());
      fault && window().size() < mark.size())
    return fault; // What is whole before a fault counts, and then that is told.
  if (const auto kind = foreign_kind(window(), at_end_); !kind.empty())
    return {errc::bad_data, "it is " + kind};
  if (window().starts_with(mark))
    advance(mark.size());
  last_ = '\n';
  return {};
}

std::vector<uint32_t> piece_cutter::line_marks() {
  constexpr size_t marked_bytes = 64 * 1024;
  constexpr uint64_t marked_lines = 256;
  // What cannot be read, or is not there yet, is told when it is wanted.
  (void)ensure(marked_bytes);
  const auto text = window().substr(0, marked_bytes);
  std::vector<uint32_t> out;
  auto digest = digest_;
  size_t from = 0;
  for (uint64_t line = 1; line <= marked_lines; ++line) {
    const auto newline = text.find('\n', from);
    if (newline == text.npos)
      break;
    digest.add(text.substr(from, newline + 1 - from));
    from = newline + 1;
    if (std::has_single_bit(line))
      out.push_back(static_cast<uint32_t>(digest.value()));
  }
  return out;
}

result<std::optional<std::string>> piece_cutter::take_line() {
  for (size_t known = 0;;) {
    if (auto fault = ensure(known + 1))
      return fault;
    const auto text = window();
    if (text.empty())
      return std::optional<std::string>{};
    const auto searched = text.substr(0, options_.line_bytes_max + size_t{1});
    const auto newline = searched.find('\n', known);
    if (newline != text.npos || (at_end_ && searched.size() == text.size())) {
      std::string line{searched.substr(0, newline)};
      advance(newline == text.npos ? text.size() : newline + 1);
      ++line_;
      if (line.ends_with('\r'))
        line.pop_back();
      return std::optional<std::string>{std::move(line)};
    }
    if (searched.size() < text.size())
      return error{errc::oversize, "line " + std::to_string(line_ + 1)
                                     + ", before the first row, has more than "
                                     + std::to_string(options_.line_bytes_max)
                                     + " bytes"};
    known = text.size();
  }
}

result<std::optional<std::string>> piece_cutter::take_record() {
  auto status = record_extent::state::need_more;
  size_t end = 0;
  for (size_t wanted = 1;
       options_.quote && status == record_extent::state::need_more;) {
    if (auto fault = ensure(wanted))
      return fault;
    const auto found = find_record_end(window(), 0, options_.delimiter, at_end_,
                                       options_.line_bytes_max);
    status = found.status;
    end = found.end;
    wanted = window().size() + 1;
  }
  if (status != record_extent::state::complete || end == 0)
    return take_line();
  std::string record{window().substr(0, end)};
  advance(end);
  line_ += count_newlines(record.data(), record.size())
           + (record.ends_with('\n') ? 0 : 1);
  if (record.ends_with('\n'))
    record.pop_back();
  if (record.ends_with('\r'))
    record.pop_back();
  return std::optional<std::string>{std::move(record)};
}

result<bool> piece_cutter::skip_to(uint64_t offset, uint64_t line) {
  while (offset_ < offset) {
    const auto step = std::min<uint64_t>(offset - offset_, read_bytes);
    if (auto fault = ensure(step)) {
      if (fault.code == errc::timeout)
        advance(end_ - begin_); // It is what is there of the text.
      return fault;
    }
    if (end_ == begin_)
      return false;
    advance(std::min<uint64_t>(step, end_ - begin_));
    if (!mapped_ && begin_ == end_)
      begin_ = end_ = 0;
  }
  line_ = line;
  return true;
}

result<bool> piece_cutter::finish_line() {
  if (last_ == '\n')
    return true;
  if (auto fault = ensure(2))
    return fault;
  const auto text = window();
  if (text.empty())
    return true;
  const size_t end = text.starts_with("\r\n") ? 2 : text[0] == '\n' ? 1 : 0;
  advance(end);
  return end != 0;
}

result<piece_cutter::cut> piece_cutter::cut_plain(size_t cell) {
  if (whole(cell))
    return cut{end_ - begin_};
  // The line that holds the cell's last byte belongs to the piece.
  auto from = cell - 1;
  for (;;) {
    const auto text = window();
    const auto searched = text.substr(0, cell + options_.line_bytes_max);
    if (from < searched.size())
      if (const auto newline = searched.find('\n', from); newline != text.npos)
        return cut{newline + 1};
    from = searched.size();
    if (searched.size() < text.size() || from >= cell + options_.line_bytes_max)
      break;
    if (at_end_)
      return cut{text.size()};
    if (auto fault = ensure(text.size() + 1))
      return fault;
  }
  const auto newline = window().rfind('\n', cell - 1);
  return cut{newline == std::string_view::npos ? 0 : newline + 1, true};
}

result<piece_cutter::cut> piece_cutter::cut_quoted(size_t cell) {
  size_t at = 0;
  while (at < cell && at < end_ - begin_) {
    const auto extent = find_record_end(window(), at, options_.delimiter,
                                        at_end_, options_.line_bytes_max);
    switch (extent.status) {
      case record_extent::state::need_more: {
        if (auto fault = ensure(end_ - begin_ + 1))
          return fault;
        break;
      }
      case record_extent::state::too_long:
        return cut{at, true};
      case record_extent::state::open_quote:
        // Without a newline in reach the line is too long as well.
        if (window()[extent.end - 1] != '\n' && !whole(extent.end))
          return cut{at, true};
        at = extent.end;
        break;
      case record_extent::state::complete:
        at = extent.end;
        break;
    }
  }
  return cut{at};
}

piece_cutter::cut piece_cutter::cut_available() const noexcept {
  const auto text = window();
  if (!options_.quote)
    return {text.rfind('\n') + 1};
  size_t at = 0;
  for (;;) {
    const auto extent = find_record_end(text, at, options_.delimiter, false,
                                        options_.line_bytes_max);
    if (extent.status == record_extent::state::need_more
        || extent.status == record_extent::state::too_long)
      return {at};
    at = extent.end;
  }
}

error piece_cutter::skip_long_line(text_piece& piece) {
  piece.oversize = text_piece::long_line{};
  auto& line = *piece.oversize;
  line.begin = window().substr(0, shown_bytes_max + 1);
  for (;;) {
    // What is still to come of it would be another long line.
    if (auto fault = ensure(1); fault && fault.code != errc::timeout)
      return fault;
    const auto text = window();
    if (text.empty())
      break;
    const auto newline = text.find('\n');
    const auto length = newline == text.npos ? text.size() : newline;
    line.length += length;
    advance(newline == text.npos ? length : length + 1);
    if (!mapped_ && begin_ == end_)
      begin_ = end_ = 0;
    line.is_open = newline == text.npos;
    if (!line.is_open)
      break;
  }
  ++line_;
  return {};
}

result<std::optional<text_piece>> piece_cutter::next() {
  const auto cell
    = static_cast<size_t>(options_.cell_bytes - offset_ % options_.cell_bytes);
  begun_ = true;
  auto missing = ensure(cell + 1);
  auto found = missing          ? result<cut>{std::move(missing)}
               : end_ == begin_ ? result<cut>{cut{}}
               : options_.quote ? cut_quoted(cell)
                                : cut_plain(cell);
  waiting_ = !found && found.failure().code == errc::timeout;
  // Of what is cut off its whole lines count; damage is told for what is not.
  const bool ends_early = broken_ && source_->cut_off();
  if (waiting_ || (!found && ends_early) || (at_end_ && options_.whole_lines))
    found = cut_available();
  if (ends_early && found->end == 0)
    return broken_;
  if (!found)
    return found.failure();
  if (found->end == 0 && !found->oversize)
    return std::optional<text_piece>{};
  waiting_ = false;
  text_piece piece;
  piece.text = window().substr(0, found->end);
  piece.offset = offset_;
  piece.first_line = line_;
  piece.before = digest_;
  if (mapped_) {
    piece.slack = end_ - begin_ - found->end;
    piece.owner = source_->mapping();
    piece.mapped = true;
  } else {
    piece.slack = buffer_->size() - begin_ - found->end;
    piece.owner = buffer_;
  }
  line_ += count_newlines(piece.text.data(), piece.text.size());
  if (!piece.text.empty() && piece.text.back() != '\n')
    ++line_;
  advance(found->end);
  if (!mapped_) {
    // The piece keeps its buffer; what follows it goes to a new one.
    auto rest = std::make_shared<std::vector<std::byte>>();
    rest->reserve(size_t{piece_bytes} + read_bytes + text_slack);
    rest->assign(buffer_->begin() + static_cast<ptrdiff_t>(begin_),
                 buffer_->begin() + static_cast<ptrdiff_t>(end_));
    end_ -= begin_;
    begin_ = 0;
    buffer_ = std::move(rest);
  }
  if (found->oversize)
    if (auto fault = skip_long_line(piece))
      return fault;
  piece.may_go_on = options_.grows && at_end_ && begin_ == end_;
  piece.bytes = offset_ - piece.offset;
  piece.after = digest_;
  return std::optional<text_piece>{std::move(piece)};
}

} // namespace millrace::feed
