#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/protocol/unpack.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/assembly/roles.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/sim/script/fault_script.hpp>
#include <millrace/sim/world/actor_home.hpp>
#include <millrace/sim/world/connection_table.hpp>
#include <millrace/sim/world/gateway_answers.hpp>
#include <millrace/sim/world/node.hpp>
#include <millrace/sim/world/picker.hpp>
#include <millrace/sim/world/recorded_runs.hpp>
#include <millrace/sim/world/world_options.hpp>

#include <caf/actor_cast.hpp>
#include <caf/event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace millrace::sim {

class checkpoint_history;
class table_publisher;

/// A process of a user's own in the world: see `world::host`.
class hosted_process {
public:
  hosted_process(world& in, std::string name)
    : in_{&in}, name_{std::move(name)} {}

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// What it answers to `status`; null while it is down, or does not answer
  /// within five seconds.
  [[nodiscard]] text::json_value status() const;
  /// What is at `key` of that; null if nothing is.
  [[nodiscard]] text::json_value status(std::string_view key) const;

private:
  world* in_;
  std::string name_;
};

/// A deterministic universe: one thread, one virtual clock, one seed. The code
/// that runs in it is the product's own; only `persistence::env`, the scheduler
/// and the connections differ from real nodes. Each step runs one message of
/// one actor or one executor job, chosen by the seed among all that could run
/// (`world_options::pick`).
/// When nothing can, time jumps to the next timer or arrival.
///
/// Nodes are joined by links, as CAF joins them by TCP: messages between actors
/// of two nodes are serialized, travel for a while and keep their order;
/// handles of other nodes are proxies; a connection is opened by a node's
/// connector and kept. When it is lost, proxies end, so that monitors and links
/// tell. A killed process closes its connections; one that lost its power,
/// stands still or is cut off is given up by its peers after
/// `nodes::connection_silence_max`. What the test itself asks and sends is
/// there at once, whatever is cut. The destructor kills every actor and never
/// hangs.
class world final : private node_view {
public:
  explicit world(uint64_t seed, world_options options = {});
  ~world() override;
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  // -- nodes ------------------------------------------------------------------

  /// Adds a process, and its machine if that is new, and boots it.
  node& add_node(const std::string& name, node::boot_function boot,
                 node_options options = {});
  /// (world_cluster.cpp) Boots a cluster: a simulated node for each of its
  /// nodes, that hosts what the configuration gives to it. What the nodes meant
  /// to log is in `node::notices`, why one did not come up in
  /// `node::boot_failure`.
  void add_cluster(const nodes::cluster_config& cluster,
                   const cluster_options& options = {});
  /// (world_user.cpp) The same from a configuration file, as it stands. Each
  /// node is a machine of its own, unless `options.machines` has it or its
  /// processes share an hdb directory; files of feeds and layouts are copied to
  /// the simulated disks. The run fails when the file is faulty, or a node is
  /// not up within ten seconds.
  void add_cluster(const std::string& path, cluster_options options = {});
  /// The same from the text of one.
  void add_cluster_text(std::string_view toml, cluster_options options = {});
  /// The run fails when there is none, and `std::out_of_range` ends it.
  [[nodiscard]] node& at(const std::string& name);
  [[nodiscard]] bool has_node(const std::string& name) const;
  /// Of all nodes, in the order in which they joined.
  [[nodiscard]] std::vector<std::string> node_names() const;
  /// The named actor of a living node, as that node has it; null when there is
  /// none.
  [[nodiscard]] caf::strong_actor_ptr find(const std::string& node_name,
                                           const std::string& actor_name);
  /// What an actor answers to `status`, or why it does not.
  [[nodiscard]] std::string status(const std::string& node_name,
                                   const std::string& actor_name);

  // -- a user's own (world_user.cpp) ------------------------------------------
  // After add_cluster with a file or a text. The run fails otherwise, and by a
  // table that is not in it or a name that is taken: what is returned then does
  // nothing.

  /// A program on a node and a machine of this name that publishes rows of a
  /// table. It restarts a second after its process ended by itself.
  table_publisher& add_publisher(const std::string& name,
                                 const std::string& table);
  /// A process of a type of one's own, hosted by a node and a machine of its
  /// name as real nodes host it. Its configuration is that of a `[[process]]`
  /// of that name without a node, if the file has one.
  hosted_process& host(const std::string& name, nodes::process_factory program,
                       std::map<std::string, std::string> settings = {});
  /// Adds a `[[table]]` to the cluster while it runs, as `millrace table add`
  /// does; nodes that are down read it when they start. The run fails when it
  /// is faulty.
  /// @param rdbs that name their tables, and are to hold it
  /// @returns what each process made of it ("taken"), or why it did not
  std::map<std::string, std::string>
  add_table(const std::string& toml, const std::vector<std::string>& rdbs = {});
  /// Ends a period of a stream, and waits up to a minute until RT has said so;
  /// the run fails after that. Rdbs write it down on their own time.
  void end_period(const std::string& stream, int64_t period);
  /// Asks all gateways of the cluster that live and run (docs/getdata.md), and
  /// returns the answer of the first that has one. The run fails by the name of
  /// a gateway that does not answer for a minute while another one does, or
  /// that answers otherwise for so long though no rows come; one with a link
  /// that is cut, slow or delayed need not answer.
  [[nodiscard]] result<query_answer> query(const std::string& getdata);
  /// Rows of a table that no `table_publisher` publishes, but a process of
  /// one's own: `published` is asked for all of them, whenever the table is
  /// judged.
  void add_ledger(const std::string& table,
                  std::function<std::vector<published_batch>()> published);

  // -- expectations (world_checks.cpp) ----------------------------------------

  /// Runs until the condition holds, which may ask the world; it is looked at
  /// every 20 ms. @returns false when `limit` passed before.
  bool eventually(duration limit, const std::function<bool()>& holds);
  /// The run fails unless all rows that publishers were promised are in the
  /// merged logs (which are the same, byte for byte, and of the same length at
  /// all members that live and run) and in the answer of each gateway that
  /// lives and runs, none comes more often than it was published, and none that
  /// was not. Waits up to a minute for publishers, for members and
  /// for answers. Ends no fault:
  /// heal before.
  void expect_no_loss(const std::string& table);
  /// Asks all gateways at once, whatever fails at this moment: each answer has
  /// all rows whose commit was told before, none more often than it was
  /// published, and none that was not. The run fails otherwise, and when one
  /// does not answer while another one does, as of `query`.
  /// @returns whether there was an answer: that all refuse is no fault.
  bool expect_true_answer(const std::string& table);
  /// The same as a list of what does not hold; empty: all does.
  [[nodiscard]] std::vector<std::string> losses(const std::string& table);
  /// An expectation that is not met. Goes to GoogleTest when the program
  /// includes <millrace/sim/world/failure_test.hpp>; ends it otherwise.
  void fail(const std::string& what);
  [[nodiscard]] const std::vector<std::string>& failures() const noexcept {
    return failures_;
  }
  /// Where the failures of all worlds go; none: the program ends.
  using failure_sink = void (*)(const world&, const std::string& what);
  static void report_failures_to(failure_sink sink) noexcept;
  /// Its seed and its timeline, for people.
  [[nodiscard]] std::string story() const;
  /// A line of the run's record; `node` may be empty.
  void note(const std::string& node, const std::string& what);
  /// What passes after the last that happened is life for so long only.
  static constexpr duration idle_max = std::chrono::minutes{2};
  duration count_use();
  /// What happened so far, in order.
  [[nodiscard]] const std::vector<happening>& record() const noexcept {
    return record_;
  }

  // -- faults (world_faults.cpp) ----------------------------------------------
  // The run fails when one cannot take effect (who is to be killed is down,
  // files and connections are not there, a crash point was not passed before
  // `heal` or the end of the world), unless it may miss.

  void kill(const std::string& name, comeback back = {}); ///< kill -9 of it.
  /// The machine of a node loses its power, and all nodes on it.
  void power_cut(const std::string& name, comeback back = {},
                 survival left = survival::some);
  /// Keeps the disk of a node's machine as it is now, for `comeback::older`.
  void back_up(const std::string& name);
  /// How many disks the machine of a node has had.
  [[nodiscard]] uint64_t disks_of(const std::string& name) const;
  /// Whether a fault damaged a file of a node's machine.
  [[nodiscard]] bool is_damaged(const std::string& name);
  /// The wall clock of a node's machine is set on by so much, or back.
  void jump_clock(const std::string& name, duration by);
  /// It stands until `heal`, then goes on from there.
  void freeze_clock(const std::string& name);
  /// It gains so many microseconds in a second, or loses them, until `heal`;
  /// 0: no more, nor does it stand.
  void drift_clock(const std::string& name, int64_t rate_ppm);
  /// Two files of a node's machine change places: ends of paths, or paths.
  void swap_files(const std::string& name, const std::string& one,
                  const std::string& other);
  /// Whatever would change something on the disk of its machine is refused, as
  /// by EROFS, until `heal`.
  void make_read_only(const std::string& name);
  /// Who waits for the disk of a node's machine waits so much longer: jobs of
  /// `env.io`, and a process that reads files, elsewhere, which it has not met
  /// in this life; it does nothing else meanwhile.
  void slow_disk(const std::string& name, duration by);
  /// Does what a fault says, now (world_script.cpp).
  void inject(const fault& what);
  /// The same at the times of a script, from now on. The run fails when the
  /// world ends before one of them.
  void play(const fault_script& script);
  /// How often each kind of fault took effect so far, by its word in scripts.
  [[nodiscard]] std::map<std::string, uint64_t> faults_fired() const;
  /// The same of those that did not, be they failures or not.
  [[nodiscard]] const std::map<std::string, uint64_t>&
  faults_missed() const noexcept {
    return missed_;
  }
  /// Links are whole, disks work and have space, clocks run, every node lives
  /// and runs, and none ends at a crash point that it has not passed. Damaged
  /// files, and what clocks show, stay as they are.
  void heal();
  /// Ends a node in this style, if it lives.
  void crash(const std::string& name, crash_style style = {});
  /// Boots a crashed node on the disk that it left.
  void restart(const std::string& name);
  /// SIGSTOP and SIGCONT.
  void pause(const std::string& name);
  void resume(const std::string& name);
  /// The node ends when it passes the named crash point for the `count`th time
  /// from now on (1: the next).
  void crash_at(const std::string& name, const std::string& point,
                uint64_t count, crash_style style = {});
  /// Code of one's own passes a crash point of this name, too.
  void add_crash_point(const std::string& point) { own_points_.insert(point); }
  /// How often each crash point was passed, by any node.
  [[nodiscard]] const std::map<std::string, uint64_t>&
  points_passed() const noexcept {
    return passed_;
  }
  [[nodiscard]] uint64_t crashes() const noexcept { return crashes_; }
  /// Runs `action` at this virtual time from now.
  void after(duration delay, std::function<void()> action);
  /// The wall clocks of all machines are set on by so much, or back.
  void set_wall_clock(duration by) { options_.epoch_ns += by.count(); }

  // -- links (world_links.cpp) ------------------------------------------------

  /// Nothing passes between two nodes, in either direction. What is sent waits,
  /// and travels once the link is healed, if its connection lasts so long.
  /// A connect is not answered before its deadline.
  void cut(const std::string& one, const std::string& other);
  /// Nothing passes from `from` to `to`; what the other side sends does.
  void cut_one_way(const std::string& from, const std::string& to);
  /// Cuts all links between nodes of different groups. Nodes that are in none
  /// keep theirs: a partial partition.
  void partition(const std::vector<std::vector<std::string>>& groups);
  /// Ends cuts, slowness and delays between two nodes. What waited goes on when
  /// TCP tries again: after as long again as the cut lasted, at most.
  void heal(const std::string& one, const std::string& other);
  void heal_all_links();
  /// The connection between two nodes vanishes: what is sent on it is lost, and
  /// neither side is told. A new one can be opened, once the old is given up.
  void half_open(const std::string& one, const std::string& other);
  /// The connection between two nodes is reset: what was under way is lost,
  /// both sides are told, and may connect anew.
  void reset_connection(const std::string& one, const std::string& other);
  /// The same when the `count`th message from now (1: the next) is sent on it.
  void reset_connection_at(const std::string& one, const std::string& other,
                           uint64_t count);
  /// A bit flips, behind the checksums of TCP, in the `count`th message from
  /// now (1: the next) that brings records of a log from one node to the other.
  /// It is among those that the records' own checksums cover: other messages
  /// have none.
  void corrupt_at(const std::string& from, const std::string& to,
                  uint64_t count);
  /// No more bytes per second than this travel in each direction; 0: as many as
  /// come.
  void slow(const std::string& one, const std::string& other,
            uint64_t bytes_per_second);
  void delay(const std::string& one, const std::string& other, link_delay how);

  // -- time -------------------------------------------------------------------

  /// Runs until the predicate holds; false when `limit` passed before.
  bool run_until(const std::function<bool()>& holds, duration limit);
  void run_for(duration time);
  /// One step, or a jump to the next timer, but not beyond `until`; false when
  /// nothing is left to do before that.
  bool step(duration until);
  [[nodiscard]] duration now() const noexcept { return connections_.now(); }

  // -- asking actors ----------------------------------------------------------

  /// Sends a request from outside all nodes and runs until it is answered:
  /// `world.ask<position>(sequencer, 5s, end_period_atom_v, period)`.
  /// Several result types give a tuple of them; a `bundle` comes with all its
  /// chunks.
  template <class... Rs, class Handle, class... Ts>
  result<std::tuple<Rs...>> ask(const Handle& to, duration limit, Ts... xs);
  /// The same, without running: `done` is called with the answer.
  template <class... Rs, class Handle, class Done, class... Ts>
  void request(const Handle& to, duration limit, Done done, Ts... xs);

  // -- facts ------------------------------------------------------------------

  [[nodiscard]] uint64_t seed() const noexcept { return seed_; }
  /// How it chooses who runs next; never `drawn`.
  [[nodiscard]] pick_policy picks() const noexcept { return picker_.policy(); }
  [[nodiscard]] uint64_t steps() const noexcept { return steps_; }
  /// Equal for two runs exactly if they made the same steps at the same times.
  [[nodiscard]] uint64_t trace_hash() const noexcept { return trace_; }
  /// The one source of choices: workloads draw from it too.
  [[nodiscard]] uint64_t draw(uint64_t below);
  [[nodiscard]] bool chance(double probability);
  /// What must never happen: actors of living nodes that died by an exception.
  /// The run fails by it at the end of the world, unless it was told here or by
  /// an expectation before.
  [[nodiscard]] const std::vector<std::string>& defects() const noexcept {
    defects_told_ = defects_.size();
    return defects_;
  }
  /// They are part of the test: `defects` has them, and nothing fails by them.
  void allow_exceptions() noexcept { exceptions_allowed_ = true; }

private:
  friend class node;
  friend class hosted_process;
  friend class table_publisher;
  struct crash_signal {};
  enum class context { outside, actor, job, boot };
  struct job {
    std::shared_ptr<node::life> owner;
    std::function<void()> run;
    bool has_waited = false; ///< For the disk, as those of `env.io` do.
    uint64_t number = 0;     ///< In the order of their submission.
  };
  class sim_executor;
  class sim_clock;
  /// A fault as a call or a line of a script has it.
  struct order {
    std::string text;
    std::string node;
    std::string word; ///< What kind it is.
    bool may_miss = false;
  };
  /// One that waits for its moment. Who brings it about holds `met`, too: it
  /// cannot come any more once nobody else does.
  struct awaited_fault {
    order by;
    std::shared_ptr<const bool> met;
    const char* why_not = "";
  };

  static constexpr size_t nowhere = ~size_t{0};
  /// Of a machine: how far it is ahead of the others, and since when.
  struct wall_clock {
    duration ahead{};
    duration read_at{};
    int64_t rate_ppm = 0; ///< -1,000,000: it stands.
    [[nodiscard]] duration ahead_at(duration now) const noexcept;
  };
  static constexpr int64_t stands_ppm = -1'000'000;

  /// What can run: a message of an actor, or a job of an executor.
  struct choice {
    actor_home* home = nullptr; ///< Null: a job.
    size_t index = 0;
    picker::candidate who;
  };

  void submit(const std::shared_ptr<node::life>& owner,
              std::function<void()> run, bool blocking);
  void pass(const std::shared_ptr<node::life>& owner, const char* point);
  [[nodiscard]] duration draw_delay(const node& who);
  [[nodiscard]] duration draw_slowness(const node& who);
  void wait_for_disk(node& who, uint64_t first_reads);
  void end_life(node& who, const crash_style& style);
  void bury(node& who);
  static void end_actor(const caf::strong_actor_ptr& handle);
  void keep_record();
  void keep_disk(const node& who);
  void replace_disk(node& who, comeback::disk on);
  // What becomes of a fault: why nothing; empty: it took effect, or waits for
  // its moment.
  [[nodiscard]] std::string carry_out(const fault& what, const order& by);
  [[nodiscard]] std::string carry_out_on_link(const fault& what,
                                              const order& by);
  [[nodiscard]] std::string damage_file(node& who, const fault& what);
  [[nodiscard]] std::string rot_file(node& who, const fault& what);
  [[nodiscard]] std::string end_machine(const std::string& name, bool power,
                                        survival left, const comeback& back);
  [[nodiscard]] std::string arm_crash(const fault& what, const crash_style& how,
                                      const order& by);
  [[nodiscard]] std::string stop(node& who);
  [[nodiscard]] std::string go_on(node& who);
  [[nodiscard]] std::string set_clock_rate(node& who, int64_t rate_ppm);
  [[nodiscard]] std::string swap_files(node& who, const fault& what);
  [[nodiscard]] std::string refuse_changes(node& who, const order& by);
  [[nodiscard]] std::optional<order> ordered(const fault& what,
                                             const std::string& text);
  [[nodiscard]] bool has_nodes(const fault& what, const order& by);
  void inject(const fault& what, const order& by);
  void learn_fate(const fault& what, const order& by, const std::string& why);
  void await(const order& by, std::shared_ptr<const bool> met,
             const char* why_not);
  void settle_awaited();
  void end_faults();
  void tell_defects(std::vector<std::string>& broken);
  void miss(const order& by, const std::string& why);
  void mark(const std::string& node, const std::string& what);
  void revive(const std::string& name, uint64_t lives);
  void expect_damage(const node& who);
  void boot_cluster(nodes::cluster_config config, cluster_options options);
  [[nodiscard]] bool has_cluster(const std::string& call);
  [[nodiscard]] bool has_table(const std::string& call,
                               const std::string& table);
  [[nodiscard]] bool is_free(const std::string& call, const std::string& name);
  [[nodiscard]] bool may_join(const std::string& call, const std::string& name);
  [[nodiscard]] memory_file_system& disk_of(const std::string& machine);
  node& join(const std::string& name, nodes::process_factory program,
             std::map<std::string, std::string> settings);
  /// What it answers to `status` within five seconds.
  [[nodiscard]] result<status_facts>
  facts_of(const caf::strong_actor_ptr& actor);
  [[nodiscard]] std::vector<std::string> behind(const std::string& table);
  [[nodiscard]] bool is_hindered(const node& who);
  /// @param not_running becomes those that do not run, though their nodes do
  [[nodiscard]] std::vector<gateway_answer>
  ask_gateways(const std::string& getdata,
               std::vector<std::string>* not_running = nullptr);
  void check_streams(const std::string& table,
                     std::vector<std::string>& broken);
  [[nodiscard]] std::string strangers_of(const std::string& table);
  std::vector<std::string> differing_bytes(const std::string& table);
  void check_bytes(const std::string& table, std::vector<std::string>& broken);
  [[nodiscard]] bool check_answer_once(const std::string& table,
                                       std::vector<std::string>& broken);
  void check_answer(const std::string& table, std::vector<std::string>& broken);
  void run_all_jobs(const std::function<bool(const job&)>& mine);
  void bury_the_dead();
  void boot(node& who);
  void adopt(actor_home& home, size_t first_job);
  void adopt_actor(actor_home& home, caf::abstract_actor& actor);
  [[nodiscard]] actor_home& new_home(size_t node);
  void run_actor(actor_home& home, size_t index);
  void run_job(size_t index);
  void within(context kind, actor_home& home,
              const std::function<void()>& code);
  template <class F>
  void for_each_home(F what);
  [[nodiscard]] std::vector<choice> choices();
  [[nodiscard]] picker::candidate who_is(actor_home& home, size_t index) const;
  void fire_due();
  [[nodiscard]] std::optional<duration> next_due();
  void advance_to(duration time);
  void mix(uint64_t word) noexcept;
  [[nodiscard]] connector_actor make_connector(node& who);
  void heal_one_way(size_t from, size_t to);
  [[nodiscard]] std::optional<size_t> node_at(const endpoint& at) const;
  [[nodiscard]] actor_home* living(size_t node) override;
  [[nodiscard]] bool powered(size_t node) override;
  [[nodiscard]] caf::strong_actor_ptr named(size_t node,
                                            const std::string& actor) override;
  void defect(size_t node, const std::string& what) override;

  uint64_t seed_;
  world_options options_;
  std::mt19937_64 random_;
  picker picker_;
  actor_home::settings system_settings_;
  connection_table connections_;
  /// By life; the first is that of the test itself.
  std::vector<std::unique_ptr<actor_home>> homes_;
  std::set<const memory_file_system*> without_power_;
  std::map<std::string, std::unique_ptr<memory_file_system>> disks_;
  /// By machine and directory.
  std::map<std::pair<std::string, std::string>,
           std::unique_ptr<checkpoint_history>>
    checkpoints_;
  struct backup; ///< A disk, with its checkpoints, as it once was.
  // By machine:
  std::map<std::string, std::shared_ptr<const backup>> backups_;
  std::map<std::string, uint64_t> disk_counts_;
  std::map<std::string, wall_clock> clocks_;
  std::map<std::string, duration> slow_disks_;
  std::set<std::string> damaged_;
  std::map<std::string, uint64_t> fired_;  ///< @see faults_fired.
  std::map<std::string, uint64_t> missed_; ///< @see faults_missed.
  std::set<std::string> own_points_;
  std::map<uint64_t, order> planned_; ///< Of scripts, whose time is to come.
  uint64_t planned_last_ = 0;
  std::vector<awaited_fault> awaited_;
  std::vector<std::unique_ptr<node>> nodes_;
  std::optional<nodes::cluster_config> cluster_; ///< Of a file or a text.
  std::vector<std::unique_ptr<table_publisher>> publishers_;
  std::vector<std::unique_ptr<table_publisher>> outsiders_; ///< Did not join.
  std::vector<std::unique_ptr<hosted_process>> hosted_;
  /// By table.
  std::multimap<std::string, std::function<std::vector<published_batch>()>>
    ledgers_;
  std::vector<std::string> failures_;
  std::vector<happening> record_;
  duration used_for_{0};
  duration used_at_{0};
  uint64_t actors_seen_ = 0;
  std::vector<job> ready_;
  std::multimap<duration, job> sleeping_;
  std::multimap<duration, std::function<void()>> script_;
  std::map<std::string, uint64_t> passed_;
  std::vector<std::string> defects_;
  mutable size_t defects_told_ = 0; ///< So many of them.
  bool exceptions_allowed_ = false;
  uint64_t steps_ = 0;
  uint64_t trace_ = 14695981039346656037ull;
  uint64_t crashes_ = 0;
  uint64_t jobs_seen_ = 0;
  context running_ = context::outside;
};

/// Gives what a request is answered.
template <class Give, class Fail, class... Rs>
void give_whole(caf::event_based_actor*, duration, const Give& give,
                const Fail&, const Rs&... rs) {
  give(rs...);
}
/// A bundle once all of it came.
template <class Give, class Fail, class... Rs>
void give_whole(caf::event_based_actor* self, duration limit, const Give& give,
                const Fail& fail, const bundle& first, const Rs&... rs) {
  unpack(
    self, first, [limit] { return caf::timespan{limit}; },
    [give, rs...](chunks all) {
      give(bundle{std::move(all), 0, nullptr}, rs...);
    },
    fail);
}

template <class... Rs, class Handle, class Done, class... Ts>
void world::request(const Handle& to, duration limit, Done done, Ts... xs) {
  auto& mine = *homes_.front();
  const auto first = mine.jobs().size();
  const auto whom = caf::actor_cast<caf::strong_actor_ptr>(to);
  if (!whom)
    return done(result<std::tuple<Rs...>>{
      error{errc::not_found, "there is nobody to ask"}});
  const auto there = caf::actor_cast<Handle>(mine.local(whom));
  mine.system().spawn([there, limit, done = std::move(done),
                       xs...](caf::event_based_actor* self) {
    const auto fail = [done](const caf::error& fault) {
      done(result<std::tuple<Rs...>>{from_caf(fault)});
    };
    self->request(there, caf::timespan{limit}, xs...)
      .then(
        [self, limit, done, fail](const Rs&... rs) {
          const auto give = [done](const Rs&... all) {
            done(result<std::tuple<Rs...>>{std::tuple<Rs...>{all...}});
          };
          give_whole(self, limit, give, fail, rs...);
        },
        fail);
  });
  adopt(mine, first);
}

template <class... Rs, class Handle, class... Ts>
result<std::tuple<Rs...>> world::ask(const Handle& to, duration limit,
                                     Ts... xs) {
  auto answer = std::make_shared<std::optional<result<std::tuple<Rs...>>>>();
  request<Rs...>(
    to, limit,
    [answer](result<std::tuple<Rs...>> got) { *answer = std::move(got); },
    std::move(xs)...);
  // The request's own deadline answers it in virtual time.
  if (!run_until([&] { return answer->has_value(); },
                 limit + std::chrono::seconds{1}))
    return error{errc::timeout, "no answer"};
  return **answer;
}

} // namespace millrace::sim
