#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/assembly/roles.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/sim/script/fault_script.hpp>
#include <millrace/sim/world/actor_home.hpp>
#include <millrace/sim/world/connection_table.hpp>
#include <millrace/sim/world/simulated_port.hpp>
#include <millrace/sim/world/timeline.hpp>

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

/// How a simulated node ends, and whether it comes back.
struct crash_style {
  /// Power cut of the machine: what was not synced survives as `left` says.
  /// Otherwise kill -9 of the process: its page cache stays.
  bool power = false;
  survival left = survival::some;
  /// Restarts by itself after this time; none: only `world::restart` does.
  std::optional<duration> restart_after{};
  bool fault = false; ///< By one of its own, as a bad access.
};

class world;
class checkpoint_history;
class table_publisher;

/// One simulated process on a machine. The machine's disk, the name and the
/// place in the world outlive the process; all else begins anew with each life.
/// What is put together from actors here is put together as on a real node.
class node final : public nodes::process_host {
public:
  /// Starts the process: opens what it needs in `env()`, spawns actors. Called
  /// at creation and at each restart. A failure ends the process again.
  using boot_function = std::function<error(node&)>;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] world& owner() const noexcept { return *world_; }
  /// The machine; nodes of one host share a disk and lose power together.
  [[nodiscard]] const std::string& host() const noexcept { return host_; }
  [[nodiscard]] memory_file_system& disk() noexcept { return *disk_; }
  /// The outside world of the present life. It stays valid until the world
  /// ends, but all of it fails once that life is over.
  [[nodiscard]] persistence::env& env() noexcept override;
  [[nodiscard]] bool alive() const noexcept { return alive_; }
  [[nodiscard]] bool paused() const noexcept { return paused_; }
  /// Lives so far, the present one included.
  [[nodiscard]] uint64_t lives() const noexcept { return lives_.size(); }
  /// Why the newest boot failed; none if it did not.
  [[nodiscard]] const error& boot_failure() const noexcept {
    return boot_failure_;
  }

  [[nodiscard]] caf::actor_system& system() noexcept override;
  /// Opens connections for this node's actors, over the world's links.
  [[nodiscard]] const connector_actor& connector() const noexcept override {
    return connector_;
  }
  /// As RocksDB keeps them: after a power cut a prefix of what was saved.
  [[nodiscard]] result<std::unique_ptr<rt::state_store>>
  open_checkpoints(const std::string& directory) override;
  /// An empty one in each life: RocksDB keeps no files on a simulated disk.
  [[nodiscard]] result<std::unique_ptr<persistence::hdb_index>>
  open_hdb_index(const std::string& directory) override;
  void tell(const nodes::notice& what) override;
  [[nodiscard]] result<std::unique_ptr<nodes::listener>>
  listen(const nodes::listen_options& options) override;
  /// A program of others connects to a port of this node; null when nobody
  /// listens there.
  [[nodiscard]] std::unique_ptr<port_client> connect(uint16_t port);
  /// The process ends (as a crash of the process) when this actor does.
  void essential(const std::string& process, const caf::actor& handle) override;

  /// The process ends by itself, as by kill -9.
  void end();
  /// What the processes of all lives had logged.
  [[nodiscard]] const std::vector<nodes::notice>& notices() const noexcept {
    return notices_;
  }
  [[nodiscard]] persistence::file_system& fs() noexcept { return *env().fs; }

private:
  friend class world;
  struct life;
  node(world& owner, size_t number, std::string name, boot_function boot,
       nodes::cluster_config config);
  /// The actor, and all that it spawns in turn, dies with the node.
  void adopt(caf::strong_actor_ptr handle) override;
  [[nodiscard]] bool listens_at(const endpoint& at) const;
  /// Of the newest life.
  [[nodiscard]] actor_home& home() const;

  world* world_;
  size_t number_;
  std::string name_;
  boot_function boot_;
  std::string host_;
  memory_file_system* disk_ = nullptr;
  std::vector<std::shared_ptr<life>> lives_;
  bool alive_ = false;
  bool paused_ = false;
  bool dying_ = false;   ///< Its life is over, its actors are not yet gone.
  bool faulted_ = false; ///< Its last life ended by a fault of its own.
  std::optional<duration> restart_after_{};
  std::optional<duration> supervised_{};
  error boot_failure_;
  std::vector<nodes::notice> notices_;
  std::shared_ptr<port_table> ports_ = std::make_shared<port_table>();
  connector_actor connector_;
  struct armed_crash {
    std::string point;
    uint64_t left = 0;
    crash_style style;
  };
  std::vector<armed_crash> armed_;

public:
  ~node() override;
};

struct node_options {
  /// Restarts that long after the process ended by itself (never after
  /// `world::crash`).
  std::optional<duration> supervised{};
  std::string host{}; ///< Empty: a machine of its own, of the node's name.
  /// What its streams and processes are found by, and where it listens.
  nodes::cluster_config config{};
};

struct cluster_options {
  /// What its processes may be; `add` your own.
  nodes::role_table roles{};
  /// The machine of a node. All others share one: so the file has it, for they
  /// have one address.
  std::map<std::string, std::string> machines{};
  /// Nodes restart that long after their process ended by itself.
  std::optional<duration> supervised = std::chrono::seconds{1};
};

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

/// Keeps the records of the worlds that this thread ends while it lives.
class recorded_runs {
public:
  recorded_runs();
  ~recorded_runs();
  recorded_runs(const recorded_runs&) = delete;
  recorded_runs& operator=(const recorded_runs&) = delete;

  /// Their timelines, one after the other.
  [[nodiscard]] std::string text() const;

private:
  friend class world;
  recorded_runs* before_;
  std::vector<std::vector<happening>> runs_;
};

/// The rows of an answer, in its order.
struct query_answer {
  std::vector<std::string> columns;
  std::vector<std::vector<text::json_value>> rows;
  std::vector<std::string> warnings;
};

struct world_options {
  /// Virtual time that one step takes at most.
  duration step_max = std::chrono::microseconds{20};
  /// How long a job of `env.io` takes at most, in the common case and in the
  /// rare slow one (one in 32).
  duration io_max = std::chrono::milliseconds{1};
  duration io_slow_max = std::chrono::milliseconds{50};
  /// How long a message between nodes travels, unless `world::delay` says else.
  link_delay link{std::chrono::microseconds{10},
                  std::chrono::microseconds{200}};
  /// Wall clock at virtual time zero, ns since 2000.01.01 UTC.
  int64_t epoch_ns = 820'000'000'000'000'000;
};

/// A deterministic universe: one thread, one virtual clock, one seed. The code
/// that runs in it is the product's own; only `persistence::env`, the scheduler
/// and the connections differ from real nodes. Each step runs one message of
/// one actor or one executor job, chosen by the seed among all that could run.
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
  [[nodiscard]] node& at(const std::string& name);
  /// The named actor of a living node, as that node has it; null when there is
  /// none.
  [[nodiscard]] caf::strong_actor_ptr find(const std::string& node_name,
                                           const std::string& actor_name);
  /// What an actor answers to `status`, or why it does not.
  [[nodiscard]] std::string status(const std::string& node_name,
                                   const std::string& actor_name);

  // -- a user's own (world_user.cpp) ------------------------------------------
  // @pre add_cluster with a file or a text

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
  /// Asks a gateway of the cluster that lives (docs/getdata.md).
  [[nodiscard]] result<query_answer> query(const std::string& getdata);

  // -- expectations (world_checks.cpp) ----------------------------------------

  /// Runs until the condition holds, which may ask the world; it is looked at
  /// every 20 ms. @returns false when `limit` passed before.
  bool eventually(duration limit, const std::function<bool()>& holds);
  /// The run fails unless all rows that publishers were promised are in the
  /// merged logs (which are the same, byte for byte) and in the gateways'
  /// answers, none comes more often than it was published, and none that was
  /// not. Waits up to a minute for publishers and for an answer. Ends no fault:
  /// heal before.
  void expect_no_loss(const std::string& table);
  /// Asks a gateway at once, whatever fails at this moment: an answer has all
  /// rows whose commit was told before, none more often than it was published,
  /// and none that was not. The run fails otherwise.
  /// @returns whether there was an answer: to refuse one is no fault.
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
  /// Who waits for the disk of a node's machine waits so much longer.
  void slow_disk(const std::string& name, duration by);
  /// Does what a fault says, now (world_script.cpp). The run fails when it
  /// names a node that is not there.
  void inject(const fault& what);
  /// The same at the times of a script, from now on.
  void play(const fault_script& script);
  /// How often each kind of fault took effect so far, by its word in scripts.
  [[nodiscard]] std::map<std::string, uint64_t> faults_fired() const;
  /// Links are whole, disks work and have space, every node lives and runs, and
  /// none ends at a crash point that it has not passed. Damaged files and
  /// clocks stay as they are.
  void heal();
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
  /// Several result types give a tuple of them.
  template <class... Rs, class Handle, class... Ts>
  result<std::tuple<Rs...>> ask(const Handle& to, duration limit, Ts... xs);
  /// The same, without running: `done` is called with the answer.
  template <class... Rs, class Handle, class Done, class... Ts>
  void request(const Handle& to, duration limit, Done done, Ts... xs);

  // -- facts ------------------------------------------------------------------

  [[nodiscard]] uint64_t seed() const noexcept { return seed_; }
  [[nodiscard]] uint64_t steps() const noexcept { return steps_; }
  /// Equal for two runs exactly if they made the same steps at the same times.
  [[nodiscard]] uint64_t trace_hash() const noexcept { return trace_; }
  /// The one source of choices: workloads draw from it too.
  [[nodiscard]] uint64_t draw(uint64_t below);
  [[nodiscard]] bool chance(double probability);
  /// What must never happen: actors of living nodes that died by an exception.
  [[nodiscard]] const std::vector<std::string>& defects() const noexcept {
    return defects_;
  }

private:
  friend class node;
  friend class hosted_process;
  struct crash_signal {};
  enum class context { outside, actor, job, boot };
  struct job {
    std::shared_ptr<node::life> owner;
    std::function<void()> run;
  };
  class sim_executor;
  class sim_clock;

  static constexpr size_t nowhere = ~size_t{0};
  /// What can run: a message of an actor, or a job of an executor.
  struct choice {
    actor_home* home = nullptr; ///< Null: a job.
    size_t index = 0;
    size_t node = nowhere;
  };

  void submit(const std::shared_ptr<node::life>& owner,
              std::function<void()> run, bool blocking);
  void pass(const std::shared_ptr<node::life>& owner, const char* point);
  [[nodiscard]] duration draw_delay(const node& who);
  void end_life(node& who, const crash_style& style);
  void bury(node& who);
  static void end_actor(const caf::strong_actor_ptr& handle);
  void keep_record();
  void replace_disk(node& who, comeback::disk on);
  void damage_file(node& who, const fault& what);
  void rot_file(node& who, const fault& what);
  void expect_damage(const node& who);
  void end_machine(const std::string& name, bool power, survival left,
                   const comeback& back);
  void boot_cluster(nodes::cluster_config config, cluster_options options);
  node& join(const std::string& name, nodes::process_factory program,
             std::map<std::string, std::string> settings);
  /// What it answers to `status` within five seconds.
  [[nodiscard]] result<status_facts>
  facts_of(const caf::strong_actor_ptr& actor);
  void check_streams(const std::string& table,
                     std::vector<std::string>& broken);
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
  [[nodiscard]] choice choose(const std::vector<choice>& among);
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
  std::map<std::string, duration> clock_jumps_, slow_disks_;
  std::set<std::string> damaged_;
  std::map<std::string, uint64_t> fired_; ///< @see faults_fired.
  std::vector<std::unique_ptr<node>> nodes_;
  std::optional<nodes::cluster_config> cluster_; ///< Of a file or a text.
  std::vector<std::unique_ptr<table_publisher>> publishers_;
  std::vector<std::unique_ptr<hosted_process>> hosted_;
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
  uint64_t steps_ = 0;
  uint64_t trace_ = 14695981039346656037ull;
  uint64_t crashes_ = 0;
  context running_ = context::outside;
  /// One seed in four lets one node starve, another runs what ran last.
  enum class pick_policy { uniform, starve, sticky } policy_;
  size_t starved_ = nowhere;
  caf::resumable* last_run_ = nullptr;
};

template <class... Rs, class Handle, class Done, class... Ts>
void world::request(const Handle& to, duration limit, Done done, Ts... xs) {
  auto& mine = *homes_.front();
  const auto first = mine.jobs().size();
  const auto there = caf::actor_cast<Handle>(
    mine.local(caf::actor_cast<caf::strong_actor_ptr>(to)));
  mine.system().spawn([there, limit, done = std::move(done),
                       xs...](caf::event_based_actor* self) {
    self->request(there, caf::timespan{limit}, xs...)
      .then(
        [done](const Rs&... rs) {
          done(result<std::tuple<Rs...>>{std::tuple<Rs...>{rs...}});
        },
        [done](const caf::error& fault) {
          done(result<std::tuple<Rs...>>{from_caf(fault)});
        });
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
