#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace millrace::nodes {

/// What stands between a connection and CAF's middleman: its reader (BASP of
/// CAF 0.17) takes what a peer says about itself for true. Between processes of
/// Millrace a connection begins with 32 bytes from the one that connects, the
/// greeting: "MILLRACE", the version of the protocol (4 bytes, big endian), and
/// zeroes. The other end answers with CAF's handshake, or says in a refusal why
/// it does not: "MILLRACE", four bytes of ones, the length of a text (4 bytes,
/// big endian), zeroes; the text. After that each side sends frames of CAF: 32
/// bytes of head, then as many bytes as the head says at offset 4 (big endian);
/// without TLS they travel in the records of `checked_records.hpp`.
///
/// Cuts nothing: it is given what the middleman would be, piece by piece. Pure;
/// one owner.
class connection_guard {
public:
  static constexpr size_t head_bytes = 32;
  static constexpr uint32_t protocol_version = 7;
  /// Of what is said before the other end is known, and of a refusal.
  static constexpr uint32_t handshake_bytes_max = 64 * 1024;
  static constexpr uint32_t refusal_bytes_max = 1024;
  /// Of a frame: nobody makes another take more memory.
  static constexpr uint32_t frame_bytes_max = uint32_t{1} << 30;

  using head = std::array<char, head_bytes>;

  enum class end {
    accepted,   ///< The other one connected.
    connecting, ///< This one did.
  };
  enum class verdict {
    pass,     ///< The middleman's.
    consumed, ///< Not the middleman's; the next piece has `wanted()` bytes.
    refused,  ///< Nothing more is taken: see `why()`.
  };

  explicit connection_guard(end which) noexcept : end_{which} {}

  /// @param piece first 32 bytes; after a passed head the bytes that it
  ///   announced, if any; then 32 again; after `consumed` `wanted()` bytes.
  [[nodiscard]] verdict take(std::span<const char> piece);

  [[nodiscard]] size_t wanted() const noexcept { return wanted_; }
  /// Whether it may be answered: it connected, or the other end did and
  /// greeted.
  [[nodiscard]] bool is_greeted() const noexcept {
    return end_ == end::connecting || step_ != step::greeting;
  }
  /// Whether the other end has shown that it is one of Millrace.
  [[nodiscard]] bool met() const noexcept { return met_; }
  /// Whether `why()` is the other end's own word.
  [[nodiscard]] bool was_told() const noexcept { return told_; }
  [[nodiscard]] const std::string& why() const noexcept { return why_; }

  /// What one that connects says first.
  [[nodiscard]] static head greeting() noexcept;
  /// What one that does not want it answers; longer texts are cut.
  [[nodiscard]] static std::string refusal(std::string_view why);
  /// Whether bytes begin as a greeting or a refusal does.
  [[nodiscard]] static bool is_of_millrace(std::string_view bytes) noexcept;
  /// The text of a refusal, without bytes that are no text; empty: it is none,
  /// or is not whole.
  [[nodiscard]] static std::string refusal_in(std::string_view bytes);

private:
  enum class step { greeting, handshake, head, payload, refusal };

  verdict take_greeting(std::span<const char> piece);
  verdict take_head(std::span<const char> piece);
  verdict refuse(std::string why);

  end end_;
  step step_ = step::greeting;
  bool met_ = false;
  bool told_ = false;
  size_t wanted_ = head_bytes;
  std::string why_;
};

} // namespace millrace::nodes
