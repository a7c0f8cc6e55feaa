#pragma once

#include <millrace/nodes/assembly/process_keeper.hpp>
#include <millrace/nodes/assembly/roles.hpp>
#include <millrace/nodes/assembly/table_intake.hpp>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace millrace::nodes {

/// One node of a configuration on a host: its front door and its processes.
/// The host outlives it. Thread safe.
class node_assembly : public std::enable_shared_from_this<node_assembly> {
public:
  /// @pre a shared pointer owns it, and the host's configuration has the node.
  node_assembly(process_host& host, std::string node, role_table roles);

  /// Spawns the front door; processes are started through it from now on, and
  /// kept: one that ends by itself is started again.
  /// @param of_node as of `front_door`
  [[nodiscard]] front_door_actor open_door(std::function<status_facts()> of_node
                                           = {});

  /// Starts the processes that the configuration gives to the node.
  [[nodiscard]] error start_all();
  /// Starts one process of the configuration. `already_exists` when it runs
  /// here, `not_found` when it is not configured, `closed` after `close`.
  [[nodiscard]] error start(const std::string& process);

  /// Has the actors of a process end; `forget` follows when they have.
  void end(const std::string& process);
  /// The same at once: one of its actors died by a fault.
  void abandon(const std::string& process);
  /// A process has ended: its names are free, the registry hears of it.
  void forget(const std::string& process);

  /// From now on the configuration here has the table, for processes that start
  /// later.
  [[nodiscard]] result<declared_table> declare(const table_declaration& what);
  /// Whom to tell of a table, and what.
  struct table_errand {
    caf::strong_actor_ptr to; ///< Null: the process has no use for it.
    table_news what;
  };
  /// `not_found` when the process does not run here, `config` when the rows of
  /// the table that it has do not fit.
  [[nodiscard]] result<table_errand> errand(const std::string& process,
                                            const std::string& table);
  /// The process has taken it: others are told what it has.
  void taken(const std::string& process);

  [[nodiscard]] const std::string& node() const noexcept { return node_; }

  /// No process starts after it; what a start that is under way makes is ended
  /// again. Waits for none: a stream is not to lie unsynced meanwhile.
  /// @returns the streams that are ordered here, which want to be stopped.
  std::vector<sequencer_actor> close();

private:
  [[nodiscard]] result<hosted_process> make(const process_factory& factory,
                                            const process_config& what);
  void enroll(const process_config& process, text::json_value attributes);
  error serve(const process_config& process, const hosted_process& made);
  [[nodiscard]] error ending() const;

  process_host& host_;
  std::string node_;
  role_table roles_;
  std::mutex starting_; ///< One start at a time, however long it takes.
  std::mutex mutex_;    ///< Of what follows.
  std::map<std::string, hosted_process> hosted_; ///< By process.
  process_keeper_actor keeper_;                  ///< Null: nobody keeps them.
  bool closed_ = false;
};

} // namespace millrace::nodes
