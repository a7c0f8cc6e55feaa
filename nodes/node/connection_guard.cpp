#include <millrace/messages/text/utf8.hpp>
#include <millrace/nodes/node/connection_guard.hpp>
#include <millrace/nodes/node/wire_number_internal.hpp>

#include <algorithm>
#include <cstring>

namespace millrace::nodes {

namespace {

constexpr std::string_view magic = "MILLRACE";
constexpr uint32_t refusal_mark = 0xffffffff;

/// The operations of CAF's frames, their first byte.
enum class frame_kind : uint8_t {
  server_handshake = 0,
  client_handshake = 1,
  heartbeat = 6,
};

connection_guard::head mark(uint32_t second, uint32_t third) {
  connection_guard::head out{};
  std::copy(magic.begin(), magic.end(), out.begin());
  put_wire_number(out.data() + magic.size(), second);
  put_wire_number(out.data() + magic.size() + 4, third);
  return out;
}

/// What another end said, for a line of a terminal or a log.
std::string shown(std::string_view text) {
  return text::shown_on_line(text, std::string_view::npos, '?');
}

/// The record that a connection of TLS begins with.
bool begins_with_tls(std::span<const char> piece) {
  return piece[0] == '\x16' && piece[1] == '\x03';
}

bool begins_with_magic(std::span<const char> piece) {
  return std::string_view{piece.data(), magic.size()} == magic;
}

} // namespace

connection_guard::head connection_guard::greeting() noexcept {
  return mark(protocol_version, 0);
}

std::string connection_guard::refusal(std::string_view why) {
  why = why.substr(0, refusal_bytes_max);
  const auto first = mark(refusal_mark, static_cast<uint32_t>(why.size()));
  return std::string{first.data(), first.size()} + std::string{why};
}

bool connection_guard::is_of_millrace(std::string_view bytes) noexcept {
  return bytes.starts_with(magic);
}

std::string connection_guard::refusal_in(std::string_view bytes) {
  if (bytes.size() < head_bytes || !is_of_millrace(bytes)
      || wire_number_at(bytes.data() + magic.size()) != refusal_mark)
    return {};
  const auto size = wire_number_at(bytes.data() + magic.size() + 4);
  if (size > refusal_bytes_max || bytes.size() < head_bytes + size)
    return {};
  return shown(bytes.substr(head_bytes, size));
}

connection_guard::verdict connection_guard::refuse(std::string why) {
  why_ = std::move(why);
  return verdict::refused;
}

connection_guard::verdict connection_guard::take(std::span<const char> piece) {
  if (!why_.empty())
    return verdict::refused;
  if (piece.size() != wanted_)
    return refuse(std::to_string(piece.size()) + " bytes where "
                  + std::to_string(wanted_) + " are due");
  switch (step_) {
    case step::greeting:
      return take_greeting(piece);
    case step::refusal:
      told_ = true;
      return refuse(shown({piece.data(), piece.size()}));
    case step::handshake:
    case step::head:
      return take_head(piece);
    case step::payload:
      wanted_ = head_bytes;
      step_ = step::head;
      return verdict::pass;
  }
  return refuse("out of step");
}

connection_guard::verdict
connection_guard::take_greeting(std::span<const char> piece) {
  if (end_ == end::connecting) {
    if (!begins_with_magic(piece)) {
      step_ = step::handshake;
      return take_head(piece);
    }
    wanted_ = wire_number_at(piece.data() + magic.size() + 4);
    if (wire_number_at(piece.data() + magic.size()) != refusal_mark
        || wanted_ == 0 || wanted_ > refusal_bytes_max)
      return refuse("an answer that is not of Millrace");
    step_ = step::refusal;
    return verdict::consumed;
  }
  if (begins_with_tls(piece))
    return refuse("it speaks TLS, and this node does without: the "
                  "configuration here needs the tls_certificate, tls_key and "
                  "tls_authority of [cluster] that the other one has");
  if (!begins_with_magic(piece))
    return refuse("bytes that are not of Millrace");
  const auto version = wire_number_at(piece.data() + magic.size());
  if (version != protocol_version)
    return refuse("it speaks version " + std::to_string(version)
                  + " of the protocol between nodes, and this one "
                  + std::to_string(protocol_version)
                  + ": run the same release on both");
  const auto wanted = greeting();
  if (!std::equal(piece.begin(), piece.end(), wanted.begin()))
    return refuse("a greeting with bytes that are not of Millrace");
  step_ = step::handshake;
  return verdict::consumed;
}

connection_guard::verdict
connection_guard::take_head(std::span<const char> piece) {
  const auto what = static_cast<frame_kind>(piece.front());
  const auto bytes = wire_number_at(piece.data() + 4);
  const bool first = step_ == step::handshake;
  const auto due = end_ == end::accepted ? frame_kind::client_handshake
                                         : frame_kind::server_handshake;
  const bool handshake = what == frame_kind::client_handshake
                         || what == frame_kind::server_handshake;
  if (first ? what != due : handshake && what != due)
    return refuse("bytes that are not of Millrace");
  if (what > frame_kind::heartbeat)
    return refuse("a frame of no kind");
  if ((what == frame_kind::heartbeat) != (bytes == 0))
    return refuse("a frame of kind " + std::to_string(piece.front()) + " of "
                  + std::to_string(bytes) + " bytes");
  const auto most = handshake ? handshake_bytes_max : frame_bytes_max;
  if (bytes > most)
    return refuse("a frame of " + std::to_string(bytes) + " bytes, and "
                  + std::to_string(most) + " are the most");
  met_ = true;
  wanted_ = bytes == 0 ? head_bytes : bytes;
  step_ = bytes == 0 ? step::head : step::payload;
  return verdict::pass;
}

} // namespace millrace::nodes
