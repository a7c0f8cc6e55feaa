#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/protocol/table_news.hpp>
#include <millrace/nodes/assembly/process_endings.hpp>
#include <millrace/nodes/assembly/process_host.hpp>

#include <caf/stateful_actor.hpp>

#include <map>
#include <memory>
#include <string>

namespace millrace::nodes {

class node_assembly;

/// Its own name among the node's actors.
inline constexpr std::string_view process_keeper_name = "process-keeper";

using keep_atom = caf::atom_constant<caf::atom("keep")>;
using again_atom = caf::atom_constant<caf::atom("again")>;

/// PROCESS KEEPER: starts the processes of its node again that ended by
/// themselves, tells the log, and keeps what became of them for `status`.
using process_keeper_actor = status_actor::extend<
  // A process runs: one of the actors without which it is none, or one of its
  // parts (true), which may end before it, though not by a fault.
  caf::reacts_to<keep_atom, std::string, caf::strong_actor_ptr, bool>,
  // Ends a process for good; answers when it has ended. `not_found` when it
  // does not run here.
  caf::replies_to<stop_atom, std::string>::with<std::string>,
  // The configuration has one more table (see `table_declaration`): a process
  // that runs here takes it in; no name: only those that start later know it.
  // Answers what became of it, with the path of this node's configuration.
  caf::replies_to<take_table_atom, std::string,
                  text::json_value>::with<table_intake>,
  // INTERNAL: time to start this one again.
  caf::reacts_to<again_atom, std::string>>;

struct process_keeper_state {
  static constexpr const char* name = "process-keeper";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit process_keeper_state(process_keeper_actor::pointer owner)
    : self{owner} {}

  void keep(const std::string& process, const caf::strong_actor_ptr& actor,
            bool is_part);
  caf::result<std::string> stop(const std::string& process);
  caf::result<table_intake> take_table(const std::string& process,
                                       const text::json_value& declaration);
  void table_answered(uint64_t number, const error& fault, table_outcome said);
  void lost(const caf::down_msg& down);
  void start_again(const std::string& process);
  void retry(const std::string& process, const error& why);
  [[nodiscard]] status_facts status() const;

  process_keeper_actor::pointer self;
  process_host* host = nullptr;
  std::shared_ptr<node_assembly> assembly;
  [[nodiscard]] bool lives(const std::string& process) const;
  [[nodiscard]] bool has_parts(const std::string& process) const;
  void end_for(const std::string& process, const caf::error& reason);

  struct actor_of_process {
    std::string process;
    bool is_part = false;
  };
  std::map<caf::actor_addr, actor_of_process> running;
  std::map<std::string, error> ending; ///< Some of its actors are gone: why.
  std::map<std::string, caf::typed_response_promise<std::string>> stopping;
  process_endings endings;
  /// Tables that processes were told of, and have not answered yet.
  struct table_errand {
    std::string process;
    caf::actor_addr to;
    caf::typed_response_promise<table_intake> promise;
  };
  std::map<uint64_t, table_errand> errands;
  uint64_t errand_last = 0;
};

/// Whether a part of a process that ended so ends it: neither was it done, nor
/// did its host or its process end.
[[nodiscard]] bool is_fault_of_part(const caf::error& reason);

/// @param host outlives the actor.
process_keeper_actor::behavior_type process_keeper(
  process_keeper_actor::stateful_pointer<process_keeper_state> self,
  process_host* host, std::shared_ptr<node_assembly> assembly);

} // namespace millrace::nodes
