#pragma once

#include <millrace/query/execution/execution.hpp>

namespace millrace::query {

/// A plan over two tables of one store that are joined there: as `execution`
/// is used, a morsel being some symbols, whose rows of both tables are found,
/// joined and folded while they are warm. What the store cannot tell alone goes
/// with the partial result: @see partial_chunk::purpose.
class join_execution {
public:
  /// Rows of both tables that a morsel is to have: they stay in the caches, and
  /// what opening the parts costs is small beside them.
  static constexpr uint64_t default_rows = uint64_t{1} << 19;

  /// `live`: the store is that of the later rows. Looks at how many rows the
  /// symbols have. @pre plan.joined
  join_execution(logical_plan plan, std::vector<persistence::table_view> left,
                 std::vector<persistence::table_view> right, bool live,
                 execution_options options = {},
                 uint64_t rows_per_morsel = default_rows);
  ~join_execution();
  join_execution(const join_execution&) = delete;
  join_execution& operator=(const join_execution&) = delete;

  [[nodiscard]] size_t morsel_count() const noexcept;
  /// Runs morsel `i`: once, on any thread, beside others.
  void run(size_t i);
  /// @pre every morsel ran. Faults as of execution::finish. Once.
  [[nodiscard]] result<partial_result> finish();

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace millrace::query
