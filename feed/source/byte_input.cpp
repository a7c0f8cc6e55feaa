#include <millrace/feed/source/byte_input_internal.hpp>

#include <algorithm>
#include <utility>

namespace millrace::feed {

result<byte_input> byte_input::open(persistence::file_system& fs,
                                    const source_info& info,
                                    const std::atomic<bool>& stop) {
  byte_input made{stop};
  if (info.pipe) {
    if (!info.pipe->from)
      return error{errc::unsupported,
                   info.path + ": is a pipe, and is read once only"};
    made.from_ = std::move(info.pipe->from);
    made.head_ = std::move(info.pipe->head);
    return made;
  }
  auto opened = fs.open(info.path, persistence::open_mode::read);
  if (!opened)
    return opened.failure();
  made.from_ = std::move(*opened);
  made.followed_ = info.followed ? &fs : nullptr;
  return made;
}

/// By its size, for nothing else tells: a file that is followed only grows, so
/// that a later look finds the same one at least as large, and never smaller
/// than what was read.
bool byte_input::is_replaced() const {
  const auto now = followed_->open(path(), persistence::open_mode::read);
  const auto named = now ? (*now)->size() : result<uint64_t>{now.failure()};
  const auto ours = from_->size();
  return named && ours && (*named < consumed_ || *named > *ours);
}

result<bool> byte_input::is_as_read() const {
  std::vector<std::byte> now(tail_.size());
  const auto got = from_->read_at(consumed_ - tail_.size(), now);
  if (!got)
    return got.failure();
  return *got == now.size() && now == tail_;
}

void byte_input::keep_tail(std::span<const std::byte> read) {
  constexpr size_t kept = 256;
  tail_.insert(tail_.end(), read.end() - std::min(read.size(), kept),
               read.end());
  if (tail_.size() > kept)
    tail_.erase(tail_.begin(), tail_.end() - kept);
}

result<size_t> byte_input::read(std::span<std::byte> into) {
  if (consumed_ < head_.size()) {
    const auto rest = std::span{head_}.subspan(consumed_);
    const auto count = std::min(rest.size(), into.size());
    std::copy_n(rest.begin(), count, into.begin());
    consumed_ += count;
    return count;
  }
  // Asked before reading: what came before the stop is read.
  const bool stopped = *stop_;
  auto got = from_->read_at(consumed_, into);
  if (!got)
    return got.failure().code == errc::timeout && stopped
             ? result<size_t>{size_t{0}}
             : got;
  if (followed_ != nullptr && *got != 0) {
    if (std::exchange(waited_, false)) {
      const auto same = is_as_read();
      if (!same)
        return same.failure();
      if (!*same)
        return error{errc::bad_data,
                     path() + ": was written anew while it was followed, after "
                       + std::to_string(consumed_)
                       + " bytes; another run says what became of it"};
    }
    keep_tail(into.first(*got));
  }
  consumed_ += *got;
  if (*got != 0 || followed_ == nullptr || stopped)
    return got;
  const auto size = from_->size();
  if (!size)
    return size.failure();
  if (*size < consumed_)
    return error{errc::bad_data, path() + ": was cut off to "
                                   + std::to_string(*size)
                                   + " bytes while it was followed, after "
                                   + std::to_string(consumed_)};
  // What was there before is taken first, as lines.
  if (!followed_->exists(path()) && std::exchange(gone_, true))
    return error{errc::bad_data, path()
                                   + ": was renamed or removed while it was "
                                     "followed, after "
                                   + std::to_string(consumed_)
                                   + " bytes; what is written to it from here "
                                     "on is fed under its new name"};
  if (is_replaced() && std::exchange(gone_, true))
    return error{
      errc::bad_data,
      path()
        + ": another file came in its place while it was "
          "followed, after "
        + std::to_string(consumed_)
        + " bytes; another run with --again feeds what that one holds"};
  waited_ = true;
  return error{errc::timeout, path() + ": nothing more yet"};
}

} // namespace millrace::feed
