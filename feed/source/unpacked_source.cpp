#include <millrace/feed/source/archive_source_internal.hpp>
#include <millrace/feed/source/read_fully_internal.hpp>
#include <millrace/feed/source/unpacked_source_internal.hpp>

#include <algorithm>
#include <string_view>

namespace millrace::feed {

namespace {

using namespace std::string_view_literals;

constexpr int packed_most = 4;

/// A source whose first bytes were looked at.
class begun_source final : public source {
public:
  begun_source(std::vector<std::byte> head, std::unique_ptr<source> rest)
    : head_{std::move(head)}, rest_{std::move(rest)} {}

  result<size_t> read(std::span<std::byte> into) override {
    if (at_ == head_.size())
      return rest_->read(into);
    const auto count = std::min(into.size(), head_.size() - at_);
    std::copy_n(head_.begin() + static_cast<ptrdiff_t>(at_), count,
                into.begin());
    at_ += count;
    return count;
  }
  [[nodiscard]] uint64_t progress() const noexcept override {
    return rest_->progress();
  }

private:
  std::vector<std::byte> head_;
  size_t at_ = 0;
  std::unique_ptr<source> rest_;
};

/// As many bytes as kind_of looks at; fewer where it ends.
result<std::vector<std::byte>> head_of(source& from,
                                       const std::atomic<bool>& stop) {
  std::vector<std::byte> head(kind_bytes);
  const auto known
    = read_fully(head, stop, [&](auto into) { return from.read(into); });
  if (!known)
    return known.failure();
  head.resize(*known);
  return head;
}

} // namespace

source_kind kind_of(std::span<const std::byte> head) noexcept {
  const auto begins = [&](std::string_view mark) {
    return head.size() >= mark.size()
           && std::equal(mark.begin(), mark.end(), head.begin(),
                         [](char c, std::byte b) {
                           return static_cast<std::byte>(c) == b;
                         });
  };
  // A frame of another program's own, before those of the text (RFC
  // 8878, 3.1.2).
  const auto is_skippable = [&] {
    return head.size() >= 4 && (head[0] & std::byte{0xf0}) == std::byte{0x50}
           && head[1] == std::byte{0x2a} && head[2] == std::byte{0x4d}
           && head[3] == std::byte{0x18};
  };
  return begins("PK\x03\x04") || begins("PK\x05\x06") ? source_kind::zip_member
         : begins("\x1f\x8b")                         ? source_kind::gzip
         : begins("BZh")                              ? source_kind::bzip2
         : begins("\xfd"
                  "7zXZ\0"sv)
           ? source_kind::xz
         : begins("\x28\xb5\x2f\xfd") || is_skippable() ? source_kind::zstd
                                                        : source_kind::plain;
}

result<std::unique_ptr<source>> unpacked(std::unique_ptr<source> from,
                                         const std::string& label,
                                         const std::atomic<bool>& stop) {
  for (int times = 0; times <= packed_most; ++times) {
    auto head = head_of(*from, stop);
    if (!head)
      return head.failure();
    const auto kind = kind_of(*head);
    from = std::make_unique<begun_source>(*std::move(head), std::move(from));
    // An archive is told as what it is by who looks for text.
    if (kind == source_kind::plain || kind == source_kind::zip_member)
      return from;
    auto inner = open_compressed(std::move(from), kind, label);
    if (!inner)
      return inner;
    from = *std::move(inner);
  }
  return error{errc::bad_data, label + ": is packed more than "
                                 + std::to_string(packed_most)
                                 + " times, one in the other"};
}

} // namespace millrace::feed
