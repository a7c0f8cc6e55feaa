#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/nodes/servers/kdb/session.hpp>
#include <millrace/nodes/servers/port/listener.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace millrace::nodes::kdb {

struct door_limits {
  session_limits session{};
  /// Without a login a connection ends.
  int64_t login_ns = 5'000'000'000;
  /// Of a client that takes nothing of what is for it.
  int64_t stall_ns = 60'000'000'000;
  /// Of messages that nobody asked for, and that a client did not take yet: one
  /// with more is too slow, and ended.
  uint64_t push_bytes = uint64_t{32} << 20;
  /// What all connections hold: what was read and is not done, and what is not
  /// sent. Whoever goes beyond it is ended.
  uint64_t bytes_max = uint64_t{256} << 20;
};

// What is to be done.

struct send_to {
  connection_id to = 0;
  std::string bytes;
};
struct read_on {
  connection_id from = 0;
};
struct finish_connection {
  connection_id which = 0;
};
struct drop_connection {
  connection_id which = 0;
};
/// A request; `answered` follows, also when it wants no answer. The next one of
/// this connection comes after that.
struct take_up {
  connection_id from = 0;
  uint64_t request = 0;
  bool wants_answer = true;
  value what;
};
/// The client is gone: nobody wants what it asked for last.
struct give_up {
  connection_id from = 0;
};
/// For the log.
struct tell_of {
  std::string id;
  std::string text;
};

using door_effect = std::variant<send_to, read_on, finish_connection,
                                 drop_connection, take_up, give_up, tell_of>;
using door_effects = std::vector<door_effect>;

struct door_facts {
  size_t connections = 0;
  uint64_t connections_total = 0;
  /// Not accepted, not logged in, or ended for what it did.
  uint64_t refused = 0;
  std::string last_refusal;
  uint64_t requests = 0;
  uint64_t failed = 0; ///< Of these, answered by an error.
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t held_bytes = 0;
};

/// All connections of one kdb+ port: who is logged in, what is to be done next
/// for whom, what they may hold. Pure; one owner.
class door_core {
public:
  explicit door_core(door_limits limits = {}) : limits_{limits} {}

  [[nodiscard]] door_effects step(const connection_event& what, int64_t now_ns);
  /// What came of the request that was taken up. `failed`: the message is an
  /// error. Of one that wants no answer the message is empty, or its fault.
  [[nodiscard]] door_effects answered(connection_id from, uint64_t request,
                                      std::string message, bool failed,
                                      int64_t now_ns);
  /// A message that nobody asked for, or an answer that is one.
  [[nodiscard]] door_effects push(connection_id to, std::string message,
                                  int64_t now_ns);
  /// A client cannot be served any more as it was told.
  [[nodiscard]] door_effects end(connection_id which, const std::string& why);
  /// Ends what is over its time; now and then.
  [[nodiscard]] door_effects tick(int64_t now_ns);

  /// Null: the connection is gone.
  [[nodiscard]] const session* find(connection_id which) const;
  /// Whether so many bytes more may be held for a client.
  [[nodiscard]] bool has_room(size_t bytes) const noexcept {
    return facts_.held_bytes + bytes <= limits_.bytes_max;
  }
  [[nodiscard]] door_facts facts() const;

private:
  struct client {
    explicit client(session_limits how) : talk{how} {}
    session talk;
    int64_t opened_ns = 0;
    int64_t progress_ns = 0; ///< It took something, or nothing was for it.
    std::deque<handle_request> waiting;
    size_t waiting_bytes = 0;
    std::optional<handle_request> current; ///< Without what is asked.
    size_t unsent_bytes = 0;
    bool paused = false;
    bool finishing = false;
    bool leaving = false; ///< It sends no more, and reads nothing.
    uint64_t counted_bytes = 0;
  };

  void act(const connection_opened& what, int64_t now_ns, door_effects& out);
  void act(const bytes_received& what, int64_t now_ns, door_effects& out);
  void act(const input_ended& what, int64_t now_ns, door_effects& out);
  void act(const bytes_sent& what, int64_t now_ns, door_effects& out);
  void act(const connection_closed& what, int64_t now_ns, door_effects& out);
  void act(const connection_refused& what, int64_t now_ns, door_effects& out);
  void take(connection_id id, client& of, session_effects effects,
            int64_t now_ns, door_effects& out);
  void leave(connection_id id, client& of, door_effects& out);
  void go_on(connection_id id, client& of, door_effects& out);
  /// Recounts what it holds; false: it was too much, and is gone.
  bool account(connection_id id, client& of, door_effects& out);
  void refuse(connection_id id, const std::string& why, door_effects& out);
  void forget(connection_id id, door_effects& out);

  door_limits limits_;
  std::map<connection_id, client> clients_;
  door_facts facts_;
};

} // namespace millrace::nodes::kdb
