#pragma once

#include <millrace/query/front/getdata.hpp>
#include <millrace/query/front/getdata_values.hpp>
#include <millrace/query/plan/literal_text.hpp>

#include <string>
#include <utility>
#include <vector>

namespace millrace::query {

/// Of a fraction, which no other aggregation takes.
inline constexpr const char* percentile_word = "percentile";

/// Takes a getdata dictionary whose names are known to a request, in two
/// steps: what can be judged without the table, then what needs its schema.
class getdata_builder {
public:
  explicit getdata_builder(const text::json_value& input) : input_{input} {}

  [[nodiscard]] error check_shapes();
  [[nodiscard]] result<getdata_request> build(const table_schema& schema);

private:
  using json = text::json_value;
  struct bound {
    int64_t ns = 0;
    bool is_date = false;
  };
  struct filter_shape {
    std::string column;
    predicate_op op = predicate_op::equal;
    bool negated = false;
    json::list values;
  };
  struct aggregation_shape {
    std::string function;
    std::vector<std::string> columns;
    double fraction = 0; ///< Of percentiles.
    /// What its result is called.
    [[nodiscard]] std::string name() const;
  };

  // Without the table, in getdata_shapes.cpp.
  [[nodiscard]] error check_times();
  [[nodiscard]] error check_time(const char* name, bound& into) const;
  [[nodiscard]] error check_names();
  [[nodiscard]] error check_aggregations();
  [[nodiscard]] error check_percentiles(const json& given);
  [[nodiscard]] error check_timebar();
  [[nodiscard]] error check_timebar_origin();
  [[nodiscard]] error check_filters();
  [[nodiscard]] error check_filter(const std::string& column,
                                   const json& given);
  [[nodiscard]] error check_ordering();
  [[nodiscard]] error check_order_columns() const;
  [[nodiscard]] error check_order_by_aggregate(const std::string& name) const;
  [[nodiscard]] error check_rest();
  [[nodiscard]] error check_limits();

  // Against the table, in getdata_builder.cpp.
  [[nodiscard]] error valid_columns(const table_schema& schema,
                                    const std::vector<std::string>& names,
                                    const char* parameter) const;
  [[nodiscard]] error bind_scan(const table_schema& schema);
  [[nodiscard]] error bind_range(const table_schema& schema);
  [[nodiscard]] error bind_aggregations(const table_schema& schema);
  [[nodiscard]] error bind_filters(const table_schema& schema);
  [[nodiscard]] error bind_filter(const table_schema& schema,
                                  const filter_shape& filter);
  [[nodiscard]] error bind_date_filter(const table_schema& schema,
                                       const filter_shape& filter);
  [[nodiscard]] error bind_groups(const table_schema& schema);
  [[nodiscard]] error bind_timebar(const table_schema& schema);
  [[nodiscard]] error bind_order();
  [[nodiscard]] error rename();
  void use(const table_schema& schema, const std::string& column);
  void use_days(const table_schema& schema);

  const json& input_; ///< An object.
  getdata_request out_;
  bound start_;
  bound end_;
  std::string time_column_;
  std::vector<std::string> columns_;
  bool has_columns_ = false;
  std::vector<std::string> grouping_;
  std::vector<aggregation_shape> aggregations_;
  bool has_timebar_ = false;
  int64_t bar_size_ = 0;
  std::string bar_unit_;
  std::string bar_column_;
  bool bar_by_day_ = false;
  std::string distinct_; ///< The column whose values are asked for.
  std::vector<filter_shape> filters_;
  std::vector<std::pair<bool, std::string>> ordering_; ///< (descending, name)
};

/// "maxAsk", "wavgBsizeBid": function and capitalised columns.
[[nodiscard]] std::string
aggregation_name(const std::string& function,
                 const std::vector<std::string>& columns);

} // namespace millrace::query
