#pragma once

#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/actors/rt/sequence/state_store.hpp>
#include <millrace/actors/rt/subscribe/subscription.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/assembly/local_actors.hpp>
#include <millrace/nodes/assembly/stream_places.hpp>
#include <millrace/nodes/assembly/thread_visit.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/servers/port/listener.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/stores/hdb_index.hpp>

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace millrace::nodes {

/// A line for the log of a process.
struct notice {
  enum class severity { error, warning, info, debug };
  severity level = severity::info;
  std::string type; ///< Of the process.
  std::string process;
  std::string id; ///< A stable word that can be searched for.
  std::string text;
};

/// A publisher and the replicators that carry its log to RT.
struct publication {
  std::shared_ptr<rt::publisher> out;
  std::vector<pusher_actor> replicators; ///< One per RT node.
  /// Of a stream that no rt orders: gives the log to those who read it.
  stream_server_actor server{};
};

struct publish_options {
  /// First part of its directory, `<name>.<stream>`.
  std::string name{};
  /// Second part of it, `<name>@<writer>.<stream>`, of one of several that
  /// publish the same sequence; see `writer_name`. Empty: there is none.
  std::string writer{};
  /// Default header field `on`; empty: the name of the directory.
  std::string origin{};
  /// What a power cut took of it is published again; see publisher_options.
  bool resumes = false;
  /// What RT has may come again; see publisher_options.
  bool replay = false;
  /// With `replay`: the id that its sequence begins with.
  int64_t first_id = 1;
  /// Size of its log files; none: that of the stream, 1 GiB of one that the
  /// configuration does not have.
  std::optional<uint64_t> roll_bytes{};
  /// Where its RT nodes are; see places_of_stream.
  named_places at{};
};

struct subscribe_options {
  /// None: a durable consumer goes on at its floor, others begin where the
  /// stream does; so does a consumer that nobody knows.
  std::optional<start_spec> start{};
  /// Name of a durable consumer, a plain one of at most 64 bytes, for this
  /// stream: nothing goes by retention that it still needs, whether it is there
  /// or not, until it is forgotten (`millrace consumer rm`). What it needs it
  /// says by `subscription::needs_from`. The last subscription that takes a
  /// name has it: the one before ends by `fenced`. Empty: none. Not of a local
  /// journal.
  std::string consumer{};
  /// The consumer needs nothing of what was delivered, once the callbacks
  /// returned: nobody calls `needs_from`.
  // lint: allow(half_used): for programs whose callbacks do all at once.
  bool floor_follows = false;
  /// Directory of a local copy of the stream; empty: none is kept. A flow of RT
  /// is needed before anything of it is delivered.
  // lint: allow(half_used): for programs that keep what RT lets go of.
  std::string local_copy{};
  /// None: as $REPLICATOR_EXCHANGE_ARCHIVED says, "0": `own`, "1": `lead`; not
  /// set: `follow`.
  std::optional<rt::archived_exchange> archived{};
  /// The hold on it, for handlers that end their subscription; null: a new one.
  std::shared_ptr<rt::subscription> control{};
  /// The process that parks messages which end it again and again, one
  /// subscription of it per stream; empty: it takes each one, whatever comes of
  /// that. Not of a local journal.
  // lint: allow(half_used): for processes of types of one's own.
  std::string parks_as{};
  /// Where its RT nodes are; see places_of_stream.
  named_places at{};
};

/// A subscriber and the hold on it.
struct running_subscription {
  std::shared_ptr<rt::subscription> control;
  subscriber_actor subscriber;
};

/// Where the directories of publishers lie: as the configuration says, else
/// $RT_LOG_PATH.
[[nodiscard]] result<std::string> log_path_of(const cluster_config& config);

/// A host of a cluster's processes: a node, a simulated one, a program.
/// What is put together from actors is put together on one of these, so that
/// it is the same everywhere. Outlives the actors that it keeps. Thread safe.
class process_host {
public:
  explicit process_host(cluster_config config) {
    set_config(std::move(config));
  }
  virtual ~process_host() = default;
  process_host(const process_host&) = delete;
  process_host& operator=(const process_host&) = delete;

  // -- the host ---------------------------------------------------------------

  [[nodiscard]] virtual persistence::env& env() noexcept = 0;
  [[nodiscard]] virtual caf::actor_system& system() noexcept = 0;
  /// Opens connections for the actors here.
  [[nodiscard]] virtual const connector_actor& connector() const noexcept = 0;
  /// The newest there is. What was returned stays valid with the host.
  [[nodiscard]] const cluster_config& config() const noexcept {
    return *config_.load();
  }
  /// For what starts from now on. Actors that run are told by others.
  void set_config(cluster_config next);
  /// As others are told who asks; without an id while it is not known.
  [[nodiscard]] virtual cluster_key cluster() const {
    return {config().name, {}};
  }
  /// Before the first data of the cluster is written here. A host that others
  /// are told from by name alone founds nothing.
  [[nodiscard]] virtual error found_cluster() { return {}; }
  /// The named actors, by which others find them.
  [[nodiscard]] const std::shared_ptr<local_actors>& locals() const noexcept {
    return locals_;
  }
  /// Tells the cluster's discoveries what lives here; begins with the first
  /// call.
  [[nodiscard]] registrar_actor registrar();

  /// The checkpoints of a merge, kept in `directory`.
  [[nodiscard]] virtual result<std::unique_ptr<rt::state_store>>
  open_checkpoints(const std::string& directory) = 0;
  /// The private index of an hdb; null where there is none, for it only saves
  /// work.
  [[nodiscard]] virtual result<std::unique_ptr<persistence::hdb_index>>
  open_hdb_index(const std::string& directory) = 0;
  virtual void tell(const notice& what) = 0;
  /// Opens a port for programs of others. `locked` when another process has it.
  [[nodiscard]] virtual result<std::unique_ptr<listener>>
  listen(const listen_options& options) = 0;

  // -- actors -----------------------------------------------------------------

  /// Spawns an actor that ends with this host.
  template <class... Ts>
  auto spawn(Ts&&... xs) {
    const thread_visit visit;
    return keep(system().spawn(std::forward<Ts>(xs)...));
  }
  /// Ends `handle` with this host; actors end in reverse order.
  template <class Handle>
  Handle keep(Handle handle) {
    this->take_in(caf::actor_cast<caf::strong_actor_ptr>(handle));
    return handle;
  }
  /// What this thread has the host keep while one lives: the actors that a
  /// process is made of. One at a time per thread.
  class gathering {
  public:
    gathering();
    ~gathering();
    gathering(const gathering&) = delete;
    gathering& operator=(const gathering&) = delete;
    /// The oldest first.
    [[nodiscard]] const std::vector<caf::strong_actor_ptr>& all() const {
      return all_;
    }

  private:
    friend class process_host;
    std::vector<caf::strong_actor_ptr> all_;
  };
  /// Names an actor.
  template <class Handle>
  void put(const std::string& name, const Handle& handle) {
    locals_->put(name, caf::actor_cast<caf::strong_actor_ptr>(handle));
  }
  /// Nobody starts what this actor is of again: when it dies by a fault the
  /// host goes down with it.
  virtual void essential(const std::string& process, const caf::actor& handle)
    = 0;

  // -- streams ----------------------------------------------------------------

  /// Opens a publisher of a stream, below the log path of the configuration,
  /// else below $RT_LOG_PATH, and starts its replicators. `stream` may be a
  /// path
  /// ("/..."): a local journal, which has none. A stream with a `publisher` is
  /// published by that process on its node alone, which serves its log to those
  /// who subscribe: `invalid_argument` names both.
  [[nodiscard]] result<publication> publish(const std::string& stream,
                                            publish_options options);

  /// Calls `handlers` with a stream's messages, in order, from an actor that
  /// they must not block for long. A path ("/..."): a local journal.
  /// `invalid_argument` when the name of a consumer cannot be one.
  [[nodiscard]] result<running_subscription>
  subscribe(const std::string& stream, rt::subscription_handlers handlers,
            subscribe_options options = {});

protected:
  /// Ends this actor with the host.
  virtual void adopt(caf::strong_actor_ptr handle) = 0;
  /// Lets go of all that holds an actor; before the actor system ends.
  void forget_actors();

private:
  void take_in(caf::strong_actor_ptr handle);
  [[nodiscard]] error check_publisher(const std::string& stream,
                                      const publish_options& options);
  void serve_log(publication& made, const std::string& stream);

  std::atomic<const cluster_config*> config_ = nullptr; ///< The last of these.
  std::vector<std::unique_ptr<const cluster_config>> configs_;
  std::shared_ptr<local_actors> locals_ = std::make_shared<local_actors>();
  std::mutex mutex_; ///< Of `configs_` and `registrar_`.
  registrar_actor registrar_;
};

} // namespace millrace::nodes
