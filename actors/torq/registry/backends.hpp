#pragma once

#include <millrace/messages/base/reconnection.hpp>
#include <millrace/messages/protocol/connect.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/persistence/disk/executor.hpp>

#include <caf/actor_cast.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::torq {

/// What a back end is of the two stores.
enum class backend_role { rdb, hdb };

/// As processes register it: "rdb".
[[nodiscard]] const char* to_string(backend_role role) noexcept;
/// None: a type that is neither.
[[nodiscard]] std::optional<backend_role>
backend_role_of(std::string_view type);

/// Where the rows of a table are to be found: in its stream, and in the one
/// directory to which they are written down and loaded. Back ends of another
/// directory hold other rows.
struct table_home {
  std::string stream;
  std::string table;
  std::string directory; ///< Absolute path.
};

/// Of a table, as an HDB announced it.
[[nodiscard]] partition_cut cut_of(const hdb_announcement& news,
                                   const std::string& table);

/// Questions that are under way to a back end; each holds a token. Thread safe.
class backend_load {
public:
  /// For so long one that failed a question comes after those that did not:
  /// who fails at once has the fewest under way.
  static constexpr int64_t failed_ns = 1'000'000'000;

  using token = std::shared_ptr<const void>;
  /// One more, until the token goes.
  [[nodiscard]] token take() const {
    ++facts_->count;
    return {this, [facts = facts_](const void*) { --facts->count; }};
  }
  [[nodiscard]] uint32_t count() const noexcept { return facts_->count; }
  /// @param now_ns monotonic
  void note_failure(int64_t now_ns) const noexcept {
    facts_->failed_until_ns = now_ns + failed_ns;
  }
  [[nodiscard]] bool failed_lately(int64_t now_ns) const noexcept {
    return now_ns < facts_->failed_until_ns;
  }

private:
  struct facts {
    std::atomic<uint32_t> count{0};
    std::atomic<int64_t> failed_until_ns{0};
  };
  std::shared_ptr<facts> facts_ = std::make_shared<facts>();
};

/// One RDB or HDB as the gateway and the RDB know it.
struct backend {
  process_row row;
  backend_role role = backend_role::rdb;
  std::string stream;           ///< rdb: that it follows.
  std::set<std::string> tables; ///< rdb: that it holds.
  /// Of the partitions that it serves, or that its rows go on from.
  std::string directory;
  caf::strong_actor_ptr handle; ///< Null while not connected.
  reconnection link{{.max_ns = 500'000'000}};
  uint64_t attempt = 0; ///< Of connecting to it, the last one.
  /// hdb: what it serves, as it told since it is connected.
  std::optional<hdb_announcement> announced;
  /// rdb: whether it can be asked, as it told since it is connected.
  std::optional<rdb_announcement> standing;
  /// Why it does not tell, and so is none: it is not asked.
  error unfit;
  backend_load load;      ///< Questions that go to it first.
  int64_t lost_at_ns = 0; ///< When the last connection was lost; 0: never.
  /// hdb: tables of which it had rows at last; none: it never told.
  std::optional<std::set<std::string>> held;

  [[nodiscard]] bool serves(const table_home& home) const {
    return directory == home.directory
           && (role == backend_role::hdb
               || (stream == home.stream && tables.contains(home.table)));
  }
  /// Of a table, as announced.
  [[nodiscard]] std::optional<partition_cut>
  cut_of(const std::string& table) const {
    return announced ? std::optional{torq::cut_of(*announced, table)}
                     : std::nullopt;
  }
  void forget_connection() {
    handle = nullptr;
    announced.reset();
    standing.reset();
    unfit = {};
  }
};

/// The back ends that discovery named. Rows are kept when discovery dies.
class backend_table {
public:
  /// Takes registry rows in; rows of other types are passed over.
  /// @param now_ns monotonic: one that moved is gone from where it was
  /// @returns names that are new or moved, or that serve another directory, and
  ///   want a connection.
  std::vector<std::string> update(const std::vector<process_row>& rows,
                                  const std::set<backend_role>& roles,
                                  int64_t now_ns);

  /// Connected back ends that serve a table; of RDBs only those that say that
  /// they are ready, if any does. Those that failed none lately come first, and
  /// of them those with the fewest questions under way; of equals `turn` says
  /// which one does.
  /// @param now_ns monotonic
  [[nodiscard]] std::vector<const backend*> candidates(backend_role role,
                                                       const table_home& home,
                                                       uint64_t turn,
                                                       int64_t now_ns) const;
  /// The same, in no order.
  [[nodiscard]] std::vector<const backend*>
  candidates(backend_role role, const table_home& home) const;

  /// Connected HDBs of other directories, which say what they have of a table:
  /// copies, when streams were written down, or files copied, there as well.
  [[nodiscard]] std::vector<const backend*>
  copies(const table_home& home) const;
  /// What the table's own directory holds, as the HDB there says that serves
  /// its newest manifest. None: none of them has said since it is connected,
  /// and what it held before says nothing.
  [[nodiscard]] std::optional<uint64_t> contents(const table_home& home) const;

  /// It is looked for where its row says now. 0: it is connected, is looked for
  /// already, or is not known; otherwise what came of this attempt follows.
  [[nodiscard]] uint64_t begin(const std::string& name);
  /// @returns false: a later attempt took its place; let go of the handle.
  [[nodiscard]] bool reached(const std::string& name, uint64_t attempt,
                             caf::strong_actor_ptr handle, int64_t now_ns);
  void refused(const std::string& name, uint64_t attempt, const error& why,
               int64_t now_ns);

  /// It does not tell what it has: whatever is registered in that place is no
  /// back end. @returns false: it is another one now, or gone, which says it
  /// all
  [[nodiscard]] bool disown(const std::string& name, uint64_t attempt,
                            const caf::error& why);

  /// Whether any back end that serves a table is known, alive or not.
  [[nodiscard]] bool known(backend_role role, const table_home& home) const;

  [[nodiscard]] backend* find(const std::string& name);
  /// Forgets the connection, and what was told through it; @returns the row's
  /// name or "".
  std::string lost(const caf::actor_addr& who, int64_t now_ns);
  /// Those that serve the table, went, and have not come back: by name, how
  /// long ago in ns.
  [[nodiscard]] std::map<std::string, int64_t> gone(const table_home& home,
                                                    int64_t now_ns) const;
  /// HDBs of the configuration: what discovery has not named yet may be a copy
  /// all the same.
  /// @param directories absolute, by process name
  /// @param now_ns monotonic: since then they are waited for
  void expect(std::map<std::string, std::string> directories, int64_t now_ns);
  /// Those of other directories that may have a copy of the table, and have
  /// not told what they have since they went, or at all: by name, for how long
  /// in ns.
  [[nodiscard]] std::map<std::string, int64_t>
  copies_away(const table_home& home, int64_t now_ns) const;
  /// What an HDB has. @returns whether it had told nothing since it is
  /// connected; false, too, when it is not
  bool heard(const hdb_announcement& news);

  [[nodiscard]] std::map<std::string, backend>& all() noexcept { return rows_; }
  [[nodiscard]] const std::map<std::string, backend>& all() const noexcept {
    return rows_;
  }

private:
  std::map<std::string, backend> rows_;
  std::map<std::string, std::string> expected_; ///< Directories, by name.
  int64_t expected_since_ns_ = 0;
};

/// Opens a connection to a back end that has none. `Self` is the actor that
/// owns the table; it monitors the handle, then calls `connected` with the
/// name. After a refusal the owner asks again when `link` is due.
template <class Self, class F>
void connect_backend(Self* self, backend_table& table,
                     const std::string& backend_name,
                     const connector_actor& connector,
                     persistence::clock_source& clock, F connected) {
  const auto attempt = table.begin(backend_name);
  if (attempt == 0)
    return;
  connect_to<caf::actor>(
    self, connector, table.find(backend_name)->row.at,
    [self, &table, &clock, backend_name, attempt,
     connected](const caf::actor& handle) {
      if (!table.reached(backend_name, attempt,
                         caf::actor_cast<caf::strong_actor_ptr>(handle),
                         clock.monotonic_ns()))
        return;
      self->monitor(handle);
      connected(backend_name);
    },
    [&table, &clock, backend_name, attempt](const error& why) {
      table.refused(backend_name, attempt, why, clock.monotonic_ns());
    });
}

/// Asks a connected back end to tell what it has, from now on. `refused` is
/// called with why it does not.
template <class Handle, class Watcher, class Self, class F>
void follow_backend(Self* self, backend_table& table,
                    const std::string& backend_name, F refused) {
  const auto* entry = table.find(backend_name);
  self
    ->request(caf::actor_cast<Handle>(entry->handle), caf::infinite,
              caf::subscribe_atom_v, caf::actor_cast<Watcher>(self))
    .then([] {},
          [&table, backend_name, refused,
           attempt = entry->attempt](const caf::error& fault) {
            if (table.disown(backend_name, attempt, fault))
              refused(table.find(backend_name)->unfit);
          });
}

} // namespace millrace::torq
