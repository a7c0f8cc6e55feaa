#include <millrace/nodes/servers/port/tls_listener.hpp>
#include <millrace/nodes/tls/tls_session.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace millrace::nodes {

namespace {

/// A record of TLS has as many bytes at most.
constexpr size_t record_bytes = 16 * 1024;
/// Sealed and not taken by the network.
constexpr size_t window_bytes = 256 * 1024;
/// Of what TLS itself says to a client that takes none of it.
constexpr size_t own_bytes_max = 64 * 1024;

struct tls_connection {
  /// Bytes on their way, and how many of the client's they stand for.
  struct portion {
    size_t bytes = 0;
    size_t plain = 0;
  };

  explicit tls_connection(std::shared_ptr<const tls_identity> shown)
    : by{std::move(shown)} {}

  const std::shared_ptr<const tls_identity> by;
  std::mutex mutex;
  std::optional<tls_session> talk; ///< None: it is not by TLS yet.
  std::deque<std::string> unsealed;
  size_t sealed_of_first = 0;
  std::deque<portion> sent;
  size_t sent_bytes = 0;
  size_t own_bytes = 0; ///< Of them.
  bool was_heard = false;
  bool is_over = false; ///< The client sends no more.
  bool is_finishing = false;
};

/// What is beneath tells from one thread; its calls come from others.
class tls_listener final : public listener {
public:
  tls_listener(std::unique_ptr<listener> beneath,
               std::shared_ptr<renewable<tls_identity>> by, tls_start when)
    : by_{std::move(by)}, when_{when}, beneath_{std::move(beneath)} {}

  void begin(teller tell) override {
    tell_ = std::move(tell);
    beneath_->begin([this](connection_event what) {
      std::visit([this](auto& each) { hear(each); }, what);
    });
  }

  void read_on(connection_id id) override { beneath_->read_on(id); }

  void send(connection_id id, std::string bytes) override {
    if (bytes.empty())
      return;
    with(id, [&](tls_connection& of) {
      if (!of.talk)
        return pass(id, of, std::move(bytes), bytes.size());
      of.unsealed.push_back(std::move(bytes));
      pump(id, of);
    });
  }

  void finish(connection_id id) override {
    with(id, [&](tls_connection& of) {
      of.is_finishing = true;
      pump(id, of);
    });
  }

  void drop(connection_id id) override { beneath_->drop(id); }

  void begin_tls(connection_id id) override {
    with(id, [](tls_connection& of) { of.talk.emplace(of.by); });
  }

private:
  using shared_connection = std::shared_ptr<tls_connection>;

  shared_connection find(connection_id id) {
    const std::scoped_lock lock{mutex_};
    const auto found = connections_.find(id);
    return found == connections_.end() ? nullptr : found->second;
  }

  template <class F>
  void with(connection_id id, F what) {
    if (const auto found = find(id)) {
      const std::scoped_lock lock{found->mutex};
      what(*found);
    }
  }

  /// false: nothing more is told of it.
  bool forget(connection_id id) {
    const std::scoped_lock lock{mutex_};
    return connections_.erase(id) != 0;
  }

  // With the lock of the connection.

  void pass(connection_id id, tls_connection& of, std::string bytes,
            size_t plain) {
    if (bytes.empty())
      return;
    of.sent.push_back({bytes.size(), plain});
    of.sent_bytes += bytes.size();
    if (plain == 0)
      of.own_bytes += bytes.size();
    beneath_->send(id, std::move(bytes));
  }

  /// Seals what may be on its way.
  void pump(connection_id id, tls_connection& of) {
    const bool is_by_tls = of.talk && of.talk->is_ready();
    while (is_by_tls && !of.unsealed.empty() && of.sent_bytes < window_bytes) {
      const auto& first = of.unsealed.front();
      const auto size
        = std::min(first.size() - of.sealed_of_first, record_bytes);
      auto sealed = of.talk->seal({first.data() + of.sealed_of_first, size});
      if (sealed.empty())
        return beneath_->drop(id); // Which tells of its end.
      pass(id, of, std::move(sealed), size);
      of.sealed_of_first += size;
      if (of.sealed_of_first == first.size()) {
        of.unsealed.pop_front();
        of.sealed_of_first = 0;
      }
    }
    if (!of.is_finishing || (is_by_tls && !of.unsealed.empty()))
      return;
    if (of.talk)
      pass(id, of, of.talk->close(), 0);
    of.is_finishing = false;
    beneath_->finish(id);
  }

  // From the thread of what is beneath.

  void hear(connection_opened& what) {
    const auto made = std::make_shared<tls_connection>(by_->now());
    if (when_ == tls_start::at_once)
      made->talk.emplace(made->by);
    {
      const std::scoped_lock lock{mutex_};
      connections_.emplace(what.id, made);
    }
    what.shakes_hands = made->talk.has_value();
    tell_(std::move(what));
  }

  void hear(bytes_received& what) {
    const auto found = find(what.id);
    if (!found)
      return;
    tls_session::outcome came;
    bool is_by_tls = false;
    bool takes_nothing = false;
    bool may_linger = false;
    {
      const std::scoped_lock lock{found->mutex};
      is_by_tls = found->talk.has_value();
      if (is_by_tls) {
        found->was_heard = true;
        came = found->talk->received(what.bytes);
        pass(what.id, *found, std::move(came.sealed), 0);
        found->is_over |= came.is_over;
        if (came.is_ready)
          pump(what.id, *found);
        takes_nothing = found->own_bytes > own_bytes_max;
        may_linger
          = !found->talk->is_ready() && found->sent_bytes < record_bytes;
      }
    }
    if (!is_by_tls)
      return tell_(std::move(what));
    if (came.is_ready)
      tell_(tls_ready{what.id, found->by->end_point()});
    const bool is_fed = !came.plain.empty();
    if (is_fed)
      tell_(bytes_received{what.id, std::move(came.plain)});
    if (takes_nothing && !came.fault)
      came.fault = {errc::limit_exceeded,
                    "the client asks for more and more of TLS itself, and "
                    "takes nothing of it"};
    if (came.fault)
      fail(what.id, came.fault, may_linger);
    else if (came.is_over)
      tell_(input_ended{what.id});
    else if (!is_fed && !found->is_over)
      beneath_->read_on(what.id);
  }

  /// @param may_linger until it has what tells it why; no client can hold up
  ///   the end by not reading, for so little the system takes at once
  void fail(connection_id id, const error& why, bool may_linger) {
    if (!forget(id))
      return;
    tell_(tls_failed{id, why});
    if (may_linger)
      beneath_->finish(id);
    else
      beneath_->drop(id);
  }

  void hear(input_ended& what) {
    const auto found = find(what.id);
    if (!found)
      return;
    bool is_cut = false;
    bool shakes_hands = false;
    {
      const std::scoped_lock lock{found->mutex};
      if (found->is_over)
        return; // It was told.
      is_cut = found->talk.has_value();
      shakes_hands = is_cut && found->was_heard && !found->talk->is_ready();
    }
    if (!is_cut)
      return tell_(what);
    // Anybody may end a connection of TCP; the client's word is not there.
    if (!forget(what.id))
      return;
    if (shakes_hands)
      tell_(tls_failed{what.id,
                       {errc::closed, "the client left in its handshake"}});
    else
      tell_(connection_closed{
        what.id, {errc::closed, "the client left without a word"}});
    beneath_->drop(what.id);
  }

  void hear(bytes_sent& what) {
    size_t plain = 0;
    with(what.id, [&](tls_connection& of) {
      auto left = what.bytes;
      while (left != 0 && !of.sent.empty()) {
        auto& first = of.sent.front();
        const auto size = std::min(left, first.bytes);
        first.bytes -= size;
        left -= size;
        of.sent_bytes -= size;
        if (first.plain == 0)
          of.own_bytes -= size;
        if (first.bytes != 0)
          break;
        plain += first.plain;
        of.sent.pop_front();
      }
      if (of.talk && !of.unsealed.empty())
        pump(what.id, of);
    });
    if (plain != 0)
      tell_(bytes_sent{what.id, plain});
  }

  void hear(connection_closed& what) {
    bool shakes_hands = false;
    with(what.id, [&](const tls_connection& of) {
      shakes_hands = of.talk && of.was_heard && !of.talk->is_ready();
    });
    if (!forget(what.id))
      return;
    if (shakes_hands && what.why)
      tell_(tls_failed{what.id,
                       {errc::closed, "the client left in its handshake: "
                                        + what.why.context}});
    else
      tell_(std::move(what));
  }
  void hear(connection_refused& what) { tell_(std::move(what)); }
  void hear(tls_ready& what) { tell_(what); }
  void hear(tls_failed& what) { tell_(std::move(what)); }

  std::shared_ptr<renewable<tls_identity>> by_;
  tls_start when_;
  teller tell_;
  std::mutex mutex_;
  std::map<connection_id, shared_connection> connections_;
  std::unique_ptr<listener> beneath_; ///< Its thread ends before the rest.
};

} // namespace

std::unique_ptr<listener>
make_tls_listener(std::unique_ptr<listener> beneath,
                  std::shared_ptr<renewable<tls_identity>> by, tls_start when) {
  return std::make_unique<tls_listener>(std::move(beneath), std::move(by),
                                        when);
}

} // namespace millrace::nodes
