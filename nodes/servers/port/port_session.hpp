#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/nodes/servers/port/session_effects.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace millrace::nodes {

/// Connections that a listener takes beside `connections_max`: a port must know
/// of a newcomer to let go another one for it.
inline constexpr size_t spare_connections = 32;

template <class Session>
struct port_limits {
  typename Session::limits_type session{};
  /// At one time. For another one the oldest goes that has neither logged in
  /// nor asked; where there is none, that one does not come in.
  size_t connections_max = 256;
  /// What a client began to send is there by then: a login, or a request.
  int64_t patience_ns = 5'000'000'000;
  /// Of a client that takes nothing of what is for it.
  int64_t stall_ns = 60'000'000'000;
  /// Of one that logged in, or asked, and that neither asks nor is answered
  /// now, nor subscribed to anything; 0: it may be idle.
  int64_t idle_ns = 0;
  /// Of messages that nobody asked for, and that a client did not take yet: one
  /// with more is too slow, and ended.
  uint64_t push_bytes = uint64_t{32} << 20;
  /// What all connections hold: what was read and is not done, and what is not
  /// sent. Beyond it
  /// those that take nothing are ended, then who asks for more.
  uint64_t bytes_max = uint64_t{256} << 20;
};

/// What a client is told instead of an answer for which there is no room.
[[nodiscard]] inline error no_room_for(size_t bytes) {
  return {errc::limit_exceeded,
          "the answer has " + std::to_string(bytes)
            + " bytes, which is more than is left of memory_max; ask for "
              "less, or later"};
}

/// What the bytes of one connection mean: kdb::session, http::http_session,
/// postgres::pg_session. Its effects are those of `session_effects_of`. One
/// that speaks TLS has `bind_to(end_point)` beside, one that can ask whether
/// its client is still there `probe()`, which gives the bytes for that; one
/// whose clients log in without a word `has_begun()`, one that can say that
/// there is no place `no_place(connections_max)`, and one whose clients are
/// told that they are ended, as they were idle, `idle_end()`.
template <class T>
concept port_session
  = std::constructible_from<T, typename T::limits_type> && requires(
    T of, const T& is, std::string_view bytes, const login_verdict& verdict,
    uint64_t id, std::string message, const typename T::request_type& request) {
  of.received(bytes);
  of.judged(verdict);
  of.answered(id, std::move(message));
  // Whether something that it began is awaited, and has its time.
  { is.is_awaited() } -> std::convertible_to<bool>;
  // Whether its client may send no more, and read on.
  { is.reads_on() } -> std::convertible_to<bool>;
  { is.user() } -> std::convertible_to<std::string>;
  { is.held_bytes() } -> std::convertible_to<size_t>;
  { byte_count(request) } -> std::convertible_to<size_t>;
};

} // namespace millrace::nodes
