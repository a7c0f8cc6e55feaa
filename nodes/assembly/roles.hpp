#pragma once

#include <millrace/actors/rt/sequence/state_store.hpp>
#include <millrace/nodes/assembly/process_host.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::nodes {

/// What became of a `[[process]]`.
struct hosted_process {
  /// Found and registered by the name of the process. Answers `status` if it
  /// can. When it ends by itself, the process is started again.
  caf::strong_actor_ptr actor;
  /// An object, for the registry.
  text::json_value attributes = text::json_value::object();
  /// Streams that it orders: a clean end stops them before all else.
  std::vector<sequencer_actor> streams{};
  /// Others that it consists of, and that end with it; what its factory had the
  /// host keep is among them, named here or not. When one ends by a fault the
  /// process does, and is started again.
  std::vector<caf::strong_actor_ptr> parts{};
  /// Names of its actors beside its own.
  std::vector<std::string> names{};
};

/// Starts a process, recovered and ready to serve. What it throws is
/// `internal`.
using process_factory
  = std::function<result<hosted_process>(process_host&, const process_config&)>;

/// Which types of processes can be started, and how. A copy is its own.
class role_table {
public:
  /// Those of Millrace.
  role_table();

  /// Registers a type, or takes the place of the factory that it has.
  void add(std::string type, process_factory factory);
  /// Null when the type is not registered.
  [[nodiscard]] const process_factory* find(std::string_view type) const;
  /// In the order in which a node starts its processes: those that others need
  /// come first, those that programs registered last.
  [[nodiscard]] std::vector<std::string> types() const;

private:
  std::vector<std::pair<std::string, process_factory>> roles_;
};

// The factories of Millrace's own types: rt_role.cpp, torq_roles.cpp, and
// feed_process.cpp.

/// The registry.
[[nodiscard]] result<hosted_process>
start_discovery(process_host& host, const process_config& process);

/// One SEQUENCER per stream, and the timer that ends periods if the clock does.
struct rt_factory {
  /// Bytes of the merged log between checkpoints: what a restart applies again
  /// at most.
  uint64_t checkpoint_bytes = rt::checkpoint_bytes_default;
  /// Bytes of a group's log that a member may be behind before it must copy
  /// what it lacks from another one.
  uint64_t behind_bytes_max = uint64_t{8} << 20;
  /// A stream that begins does so where no earlier life of it was; else at 0.
  bool draws_first_place = true;

  [[nodiscard]] result<hosted_process>
  operator()(process_host& host, const process_config& process) const;
};

[[nodiscard]] result<hosted_process> start_rdb(process_host& host,
                                               const process_config& process);
[[nodiscard]] result<hosted_process> start_hdb(process_host& host,
                                               const process_config& process);
[[nodiscard]] result<hosted_process>
start_gateway(process_host& host, const process_config& process);
// Ports for programs of others: port_roles.cpp.
[[nodiscard]] result<hosted_process> start_kdb(process_host& host,
                                               const process_config& process);
[[nodiscard]] result<hosted_process> start_http(process_host& host,
                                                const process_config& process);
[[nodiscard]] result<hosted_process>
start_postgres(process_host& host, const process_config& process);
[[nodiscard]] result<hosted_process> start_feed(process_host& host,
                                                const process_config& process);

} // namespace millrace::nodes
