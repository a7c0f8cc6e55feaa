#pragma once

#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/nodes/assembly/roles.hpp>
#include <millrace/sim/world/table_rows.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::sim {

class world;

/// Whether a publisher that was told this can publish nothing more in its life:
/// a write or a sync of its log has failed. All else passes by itself, as a
/// full disk does, or an RT node that has not answered yet.
[[nodiscard]] bool ends_publisher(const error& why);

/// A program on a node of its own that publishes rows of one table, and a book
/// of what it was told of each: see `world::add_publisher`. The book outlives
/// the lives of the program.
class table_publisher {
public:
  /// For `world::add_publisher`.
  table_publisher(world& in, std::string name, table_schema schema,
                  std::string stream, bool cached);
  /// One that could not join the world, whose run has failed: it publishes
  /// nothing.
  table_publisher(world& in, std::string name)
    : in_{&in}, name_{std::move(name)}, has_joined_{false} {}

  /// Publishes a row: returns when it has reached the level, and up to 128 ms
  /// later, as the seed wants. Waits up to 30 s for a publisher that takes
  /// nothing yet, as on a full disk, and as long for the level; the run fails
  /// after that, and at once when the row can never be published. One whose
  /// publisher dies in the middle may be there or not: the record says so. It
  /// ends by itself when its log has failed (`storage_failed`, `permission`),
  /// and says so there. A publisher syncs its log when somebody waits for it.
  void publish(const table_row& row,
               rt::ack_level until = rt::ack_level::recorded);

  /// The same for several rows at once: each is handed over before the one
  /// before it is anywhere, and only the last is waited for.
  void publish_all(const std::vector<table_row>& rows,
                   rt::ack_level until = rt::ack_level::recorded);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const table_schema& schema() const noexcept { return schema_; }
  [[nodiscard]] const std::string& stream() const noexcept { return stream_; }
  /// Rows that `publish` was called with.
  [[nodiscard]] uint64_t attempted() const noexcept { return book_.size(); }
  /// All that its living publisher has in its log is in the stream.
  [[nodiscard]] bool settled() const;

  /// How often a row must be in the table, and how often it may be.
  struct account {
    uint64_t promised = 0;
    uint64_t attempted = 0;
  };
  /// Adds what was published, by `row_text`. A row is promised that was
  /// recorded, if only processes have died since; after a power cut of the
  /// publisher's machine, if it was synced (of a `cached` stream: committed);
  /// if the machine got another disk or a file of it was damaged, or the
  /// publisher is down: committed (before the damage, if it was there then).
  void add_to(std::map<std::string, account>& rows);
  /// The same, with no more promised than what is committed.
  void add_committed_to(std::map<std::string, account>& rows);

  /// Starts a life of the program.
  [[nodiscard]] nodes::process_factory program();
  /// A file of its machine is about to be damaged.
  void expect_damage();
  /// Lets go of the publisher; before its actor system ends.
  void end() { out_.reset(); }

private:
  struct entry {
    std::string text;
    position end;
    uint64_t life = 0;                   ///< That took it; 0: none did.
    uint64_t boot = 0;                   ///< Of the machine.
    uint64_t disk_count = 0;             ///< Disks that it has had.
    std::optional<rt::ack_level> told{}; ///< None: not even recorded.
    /// Its log was damaged before this was committed: what was there then may
    /// be told as a loss, and counts as committed all the same.
    bool at_risk = false;
  };

  void learn();
  [[nodiscard]] bool begin(const table_row& row);
  [[nodiscard]] error hand_over(const std::vector<std::byte>& bytes);
  void end_if_failed(const error& why);
  [[nodiscard]] bool promised(const entry& of) const;

  world* in_;
  std::string name_;
  table_schema schema_;
  std::string stream_;
  bool cached_ = false;
  bool has_joined_ = true;
  std::shared_ptr<rt::publisher> out_; ///< Of the newest life.
  uint64_t life_ = 0;
  std::vector<entry> book_;
};

} // namespace millrace::sim
