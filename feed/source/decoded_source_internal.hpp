#pragma once

#include <millrace/feed/layout/layout.hpp>
#include <millrace/feed/source/source.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace millrace::feed {

/// A source that is not text, read as lines: one per message that is wanted.
/// docs/feed_layouts.md has their fields.
class decoded_source : public source {
public:
  /// @param label for messages
  decoded_source(std::unique_ptr<source> from, std::string label);

  result<size_t> read(std::span<std::byte> into) final;
  [[nodiscard]] uint64_t progress() const noexcept final;
  // lint: allow(half_used): piece_cutter does, through the base.
  [[nodiscard]] bool cut_off() const noexcept final { return ends_early_; }

protected:
  using bytes = std::span<const std::byte>;

  /// Takes what comes next, and appends the lines of it to `out`. False: at
  /// the end.
  virtual result<bool> take() = 0;

  /// What is read and not passed. Valid until `ensure`.
  [[nodiscard]] bytes window() const noexcept;
  /// Reads on until so many bytes are in the window; false: the end is before.
  result<bool> ensure(size_t count);
  void pass(size_t count) noexcept;
  [[nodiscard]] const std::string& label() const noexcept { return label_; }
  /// What is wrong where the window begins.
  [[nodiscard]] error bad(const std::string& what) const;
  /// The same, of a file that ends where more should come.
  [[nodiscard]] error early_end(const std::string& what);

  std::string out;

private:
  std::unique_ptr<source> from_;
  std::string label_;
  std::vector<std::byte> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t passed_ = 0;
  size_t out_at_ = 0;
  bool ends_early_ = false;
};

/// A number of `size` bytes in the order of networks.
inline uint64_t network_number(std::span<const std::byte> from, size_t offset,
                               size_t size) {
  uint64_t value = 0;
  for (const auto each : from.subspan(offset, size))
    value = value << 8 | std::to_integer<uint64_t>(each);
  return value;
}

// In iex_source.cpp and itch_source.cpp.

/// Recorded packets of IEX (pcap, pcapng; TOPS and DEEP 1.6).
[[nodiscard]] std::unique_ptr<source>
decode_iex(std::unique_ptr<source> packets, decoding wanted, std::string label);

/// A day of Nasdaq's ITCH 5.0: messages, each after its length in two bytes.
[[nodiscard]] std::unique_ptr<source>
decode_itch(std::unique_ptr<source> messages, decoding wanted,
            std::string label);

} // namespace millrace::feed
