#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/host/descriptor.hpp>
#include <millrace/tests/chaos/link_pipe.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <utility>
#include <vector>

namespace millrace::chaos {

/// Stands between each pair of nodes of a cluster on this host: a node that is
/// started with `variable()` and `library()` connects to its proxies instead of
/// the others. Bytes pass as they come, until a rule says otherwise. Works in a
/// thread of its own; thread safe.
class link_proxy {
public:
  /// `unsupported`: a node is not of this host's loopback.
  [[nodiscard]] static result<std::unique_ptr<link_proxy>>
  create(const nodes::cluster_config& config);
  ~link_proxy();
  link_proxy(const link_proxy&) = delete;
  link_proxy& operator=(const link_proxy&) = delete;

  /// What a node finds its proxies by, in its environment.
  [[nodiscard]] static const char* variable() noexcept {
    return "LINK_REDIRECT";
  }
  [[nodiscard]] std::string ports_of(const std::string& node) const;

  /// Changes what is done to bytes from one node to another.
  void change(const std::string& from, const std::string& to,
              const std::function<void(link_rule&)>& how);
  /// All links pass all again, undamaged; what was held goes on.
  void heal();
  /// Nothing that waits to happen comes to happen any more.
  void disarm();
  /// Connections between two nodes are reset. @returns how many
  size_t reset(const std::string& one, const std::string& other);
  /// They vanish: neither end hears of it. @returns how many
  size_t vanish(const std::string& one, const std::string& other);
  /// Directions, "a -> b", whose piece to corrupt has not come.
  [[nodiscard]] std::vector<std::string> awaited() const;
  /// Those on which a bit flipped since this was asked last, once for each.
  [[nodiscard]] std::vector<std::string> take_flipped();

private:
  using time = link_pipe::time;
  using link = std::pair<std::string, std::string>; ///< From, to.

  struct listener {
    link from_to;
    nodes::descriptor socket;
    uint16_t port = 0;      ///< Of the proxy.
    uint16_t node_port = 0; ///< Of the node that it stands for.
    sockaddr_storage node_at{};
    socklen_t node_at_size = 0;
  };
  /// A connection that a node made to another one.
  struct session {
    const listener* by = nullptr;
    std::array<nodes::descriptor, 2> ends; ///< Who connected; who accepted.
    /// Of what comes from each of the ends.
    std::array<link_pipe, 2> pipes;
    std::array<bool, 2> is_over{}; ///< No more comes from there.
    std::array<bool, 2> is_told{}; ///< The other end knows of it.
    bool is_reached = false;
    bool is_lost = false; ///< Neither end is told of anything any more.
    bool is_dead = false;
    std::array<size_t, 2> polled{}; ///< Where it stands among the polled.
  };

  link_proxy() = default;
  error listen(const nodes::cluster_config& config,
               const nodes::node_config& from, const nodes::node_config& to);
  void run();
  void wake();
  [[nodiscard]] link_rule& rule_of(const session& at, size_t from);
  void poll_all(std::vector<pollfd>& into, time& until, time now);
  void accept_all(const std::vector<pollfd>& polled);
  void reach(session& at);
  void serve(session& at, const std::vector<pollfd>& polled, time now);
  void read_from(session& at, size_t from, time now);
  void write_from(session& at, size_t from, time now);
  void cut_off(session& at);

  mutable std::mutex mutex_;
  std::map<link, link_rule> rules_;
  std::vector<std::string> flipped_;
  std::vector<std::unique_ptr<listener>> listeners_;
  std::list<session> sessions_;
  nodes::descriptor waker_;
  std::atomic<bool> is_over_{false};
  std::thread thread_;
};

} // namespace millrace::chaos
