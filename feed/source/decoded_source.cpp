#include <millrace/feed/source/decoded_source_internal.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace millrace::feed {

namespace {

#ifdef MILLRACE_FUZZING
constexpr size_t read_bytes = 64; // As in piece_cutter.cpp.
#else
constexpr size_t read_bytes = size_t{256} * 1024;
#endif

} // namespace

decoded_source::decoded_source(std::unique_ptr<source> from, std::string label)
  : from_{std::move(from)}, label_{std::move(label)} {}

result<size_t> decoded_source::read(std::span<std::byte> into) {
  while (out_at_ == out.size()) {
    out.clear();
    out_at_ = 0;
    auto taken = take();
    if (!taken)
      return taken.failure();
    if (!*taken)
      return size_t{0};
  }
  const auto count = std::min(into.size(), out.size() - out_at_);
  std::memcpy(into.data(), out.data() + out_at_, count);
  out_at_ += count;
  return count;
}

uint64_t decoded_source::progress() const noexcept { return from_->progress(); }

decoded_source::bytes decoded_source::window() const noexcept {
  return bytes{buffer_}.subspan(begin_, end_ - begin_);
}

result<bool> decoded_source::ensure(size_t count) {
  while (end_ - begin_ < count) {
    std::copy(buffer_.begin() + static_cast<ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<ptrdiff_t>(end_), buffer_.begin());
    end_ -= std::exchange(begin_, 0);
    buffer_.resize(std::max(buffer_.size(), count + read_bytes));
    const auto got = from_->read(std::span{buffer_}.subspan(end_));
    if (!got)
      return got.failure();
    if (*got == 0)
      return false;
    end_ += *got;
  }
  return true;
}

void decoded_source::pass(size_t count) noexcept {
  begin_ += count;
  passed_ += count;
}

error decoded_source::early_end(const std::string& what) {
  // A copy that broke off may be as long as the whole, and have zeros for what
  // did not come: then what came before the end may be wrong as well.
  const auto rest = window();
  ends_early_ = std::any_of(rest.begin(), rest.end(),
                            [](auto each) { return each != std::byte{0}; });
  return bad(what);
}

error decoded_source::bad(const std::string& what) const {
  return {errc::corrupt,
          label_ + ": at byte " + std::to_string(passed_) + ": " + what};
}

} // namespace millrace::feed
