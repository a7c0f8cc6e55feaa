#pragma once

#include <millrace/query/plan/plan.hpp>
#include <millrace/query/plan/table_day.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::query {

/// Extremes of whole numbers or times, both included, in their type's own unit;
/// a null is null_long.
struct whole_bounds {
  int64_t low = null_long;
  int64_t high = inf_long;
};

/// Times of a table's date (@see day_start), and of so many dates before and
/// after it; none: the zone is not known.
[[nodiscard]] std::optional<whole_bounds> times_of_date(std::string_view zone,
                                                        int64_t offset_ns,
                                                        int64_t date,
                                                        int64_t days_around);

/// What a plan's conditions say about rows of which only the extremes of their
/// columns are known: also those that are joined by "or", negated, or about the
/// date of a time. Owner: one thread.
class zone_conditions {
public:
  /// Extremes of a column; none: they are not known.
  using lookup
    = std::function<std::optional<whole_bounds>(std::string_view column)>;

  /// @pre `plan` is valid, and outlives this
  explicit zone_conditions(const logical_plan& plan) : plan_{plan} {}

  /// False: of rows whose columns are within their bounds none passes.
  [[nodiscard]] bool may_pass(const lookup& columns);
  /// The same of rows of which the time alone is known.
  [[nodiscard]] bool may_pass(whole_bounds times);

private:
  struct truth {
    bool may_be_true = true;
    bool may_be_false = true;
  };

  [[nodiscard]] bool may_pass(const predicate& filter, const lookup& columns);
  [[nodiscard]] truth truth_of(const expression& what, const lookup& columns);
  [[nodiscard]] truth truth_of_call(const expression& what,
                                    const lookup& columns);
  [[nodiscard]] truth compared(const expression& a, const expression& b,
                               scalar_function by, const lookup& columns);
  [[nodiscard]] truth in_list(const expression& what, const lookup& columns);
  /// None: not known, or no whole numbers or times.
  [[nodiscard]] std::optional<whole_bounds> bounds_of(const expression& what,
                                                      const lookup& columns);
  [[nodiscard]] std::optional<whole_bounds>
  bounds_of_call(const expression& what, const lookup& columns);
  [[nodiscard]] std::optional<whole_bounds>
  bounds_of_choice(const expression& what, const lookup& columns);
  [[nodiscard]] std::optional<whole_bounds>
  bounds_of_pair(const expression& what, const lookup& columns);
  [[nodiscard]] std::optional<whole_bounds> dates_of(const expression& what,
                                                     const lookup& columns);

  const logical_plan& plan_;
  /// By zone and offset.
  std::map<std::pair<std::string, int64_t>, day_finder> dates_;
};

} // namespace millrace::query
