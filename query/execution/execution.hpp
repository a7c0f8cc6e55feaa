#pragma once

#include <millrace/persistence/columns/table_view.hpp>
#include <millrace/persistence/disk/executor.hpp>
#include <millrace/query/execution/interruption.hpp>
#include <millrace/query/execution/partial.hpp>
#include <millrace/query/plan/plan.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::query {

struct execution_options {
  /// With the account that all steps take their memory of.
  interruption stop;
  /// Without one: bytes that they may hold; 0: no limit.
  // lint: allow(half_used): for those who keep no account, as tests.
  uint64_t memory_max = 0;
  std::string process; ///< Whose memory that is, for messages.
  /// Rows of a morsel: about a millisecond of work.
  uint32_t morsel_rows = 128 * 1024;
  /// Groups of all morsels from which on they are merged in partitions.
  uint32_t partitioned_min = 32 * 1024;
  /// Whose threads help `finish`; none: the caller's works alone.
  persistence::executor* pool = nullptr;
};

/// The account of a question that brought none.
class own_account {
public:
  /// Makes `options` bounded by their `memory_max`. @param subject for messages
  void bound(execution_options& options, const std::string& subject) {
    if (options.stop.memory || options.memory_max == 0)
      return;
    made_.emplace(memory_account::limits{.most = options.memory_max,
                                         .process = options.process},
                  subject);
    options.stop.memory = &*made_;
  }

private:
  std::optional<memory_account> made_;
};

/// One plan over one store's parts, cut into morsels that any pool may run:
///
///   execution work{plan, parts, options};
///   for (size_t i = 0; i < work.morsel_count(); ++i)
///     pool.submit([&, i] { work.run(i); });   // wait for all of them
///   auto partial = work.finish();
///
/// Cancel and deadline are looked at every few milliseconds of work, limits on
/// memory before it is taken, on rows and bytes as results grow: what the
/// merger would refuse is not built first. Of rows that an ordering and a limit
/// leave, all morsels together keep not many more than the limit, and of those
/// that a limit alone leaves each no more than that. The parts stay pinned
/// until destruction.
class execution {
public:
  /// Prunes parts and segments; touches no column. A fault (a plan that is
  /// not valid, a part of another schema) comes out of `finish`.
  execution(logical_plan plan, std::vector<persistence::table_view> parts,
            execution_options options = {});
  ~execution();
  execution(const execution&) = delete;
  execution& operator=(const execution&) = delete;

  [[nodiscard]] size_t morsel_count() const noexcept;
  /// Of all morsels: no more rows than these are looked at.
  [[nodiscard]] uint64_t rows_to_read() const noexcept;

  /// Runs morsel `i`: once, on any thread, beside others.
  void run(size_t i);

  /// Whether a morsel failed, so that the rest need not run.
  [[nodiscard]] bool failed() const noexcept;

  /// Merges in morsel order, so that scheduling cannot change the answer.
  /// @pre every morsel ran. `cancelled`, `timeout`, `limit_exceeded`,
  /// `schema_mismatch`, `invalid_argument`. Once.
  [[nodiscard]] result<partial_result> finish();

  /// What morsel `i` found of the plan's result, with the names of its columns.
  /// Any thread, once, after run(i). The faults of `finish`, and of any morsel
  /// so far.
  /// @param room gets what is taken for it; null: it goes back at once
  /// @pre the plan is of rows without an ordering and a sublist
  [[nodiscard]] result<partial_result> take(size_t i,
                                            held_memory* room = nullptr);

private:
  struct state;
  std::unique_ptr<state> state_;
};

/// All morsels one after the other on this thread.
[[nodiscard]] result<partial_result>
execute(const logical_plan& plan, std::vector<persistence::table_view> parts,
        execution_options options = {});

} // namespace millrace::query
