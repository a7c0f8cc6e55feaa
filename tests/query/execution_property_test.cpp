#include <millrace/messages/text/civil_time.hpp>
#include <millrace/query/execution/execution.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <random>
#include <thread>

#include "oracle.hpp"

namespace millrace::query {
namespace {

using namespace testing_support;

table_schema schema_of_every_type() {
  table_schema schema;
  schema.name = "all";
  schema.columns
    = {{"time", column_type::timestamp}, {"sym", column_type::symbol},
       {"b", column_type::boolean},      {"g", column_type::guid},
       {"x", column_type::byte_},        {"h", column_type::short_},
       {"i", column_type::int_},         {"j", column_type::long_},
       {"e", column_type::real},         {"f", column_type::float_},
       {"c", column_type::char_},        {"d", column_type::date},
       {"n", column_type::timespan},     {"u", column_type::minute},
       {"v", column_type::second},       {"t", column_type::time},
       {"s", column_type::string},       {"ex", column_type::symbol},
       {"m", column_type::month},        {"k", column_type::long_}};
  schema.time_column = "time";
  schema.symbol_column = "sym";
  return schema;
}

/// A text that is computed of two columns, and one of three.
constexpr const char* filled_text = "filled";
constexpr const char* chosen_text = "chosen";

void add_computed_texts(logical_plan& plan) {
  const auto text = [](std::string value) {
    return constant_of(column_type::symbol, std::move(value));
  };
  using fn = scalar_function;
  const std::pair<const char*, expression> made[]
    = {{filled_text, call_of(fn::fill, {text("none"), column_of("ex")})},
       {chosen_text,
        call_of(fn::conditional,
                {call_of(fn::greater,
                         {column_of("k"), constant_of(column_type::long_, 0)}),
                 column_of("s"), text("less")})}};
  for (const auto& [name, value] : made) {
    auto resolved = value;
    EXPECT_EQ(to_string(resolve(
                resolved,
                [&](std::string_view column) { return plan.type_of(column); })),
              "none");
    plan.types.push_back({name, column_type::symbol});
    plan.computed.push_back({name, std::move(resolved)});
  }
}

/// The rows as if these texts were stored.
std::pair<table_schema, std::vector<row>>
with_computed_texts(table_schema schema, std::vector<row> rows) {
  const auto of = [&](row& cells, const char* column) -> cell& {
    return cells[*schema.column_index(column)];
  };
  for (auto& cells : rows) {
    auto filled = of(cells, "ex");
    if (filled == cell{std::string{}})
      filled = std::string{"none"};
    auto chosen = std::get<int64_t>(of(cells, "k")) > 0
                    ? of(cells, "s")
                    : cell{std::string{"less"}};
    cells.push_back(std::move(filled));
    cells.push_back(std::move(chosen));
  }
  schema.columns.push_back({filled_text, column_type::symbol});
  schema.columns.push_back({chosen_text, column_type::symbol});
  return {std::move(schema), std::move(rows)};
}

/// Random rows and plans over them, all from one seed.
class generator {
public:
  explicit generator(uint64_t seed) : random_{seed} {}

  size_t below(size_t limit) { return random_() % limit; }
  bool chance(int percent) { return below(100) < static_cast<size_t>(percent); }

  cell value(column_type type) {
    const bool null = chance(12);
    switch (type) {
      case column_type::boolean:
        return static_cast<int64_t>(below(2));
      case column_type::byte_:
        return static_cast<int64_t>(below(4) * 85);
      case column_type::char_:
        return static_cast<int64_t>(" !abZ"[below(5)]);
      case column_type::guid:
        return std::string(16, null ? '\0' : static_cast<char>('a' + below(3)));
      case column_type::symbol:
        return null ? std::string{} : symbol();
      case column_type::string:
        return null ? std::string{} : symbol() + std::string(below(3), 'z');
      case column_type::real:
        return null ? nan_value : extreme(static_cast<double>(below(9)) - 4);
      case column_type::float_:
        return null ? nan_value
                    : extreme(static_cast<double>(below(20001)) / 64 - 100);
      case column_type::timestamp:
        return null && chance(30)
                 ? null_long
                 : static_cast<int64_t>(below(40)) * 60'000'000'000
                     - text::day_ns / 99;
      default:
        break;
    }
    if (null)
      return null_long;
    const bool limit = chance(4);
    const bool minus = chance(50);
    switch (width_of(type)) {
      case 2:
        if (limit)
          return int64_t{minus ? -32767 : 32767};
        break;
      case 4:
        if (limit && type == column_type::int_)
          return int64_t{minus ? -inf_int : inf_int};
        break;
      default:
        if (limit && type == column_type::long_)
          return minus ? -inf_long : inf_long;
        break;
    }
    return static_cast<int64_t>(below(11)) - 5;
  }

  std::vector<row> rows(const table_schema& schema, size_t count) {
    std::vector<row> out;
    for (size_t i = 0; i < count; ++i) {
      auto& cells = out.emplace_back();
      for (const auto& column : schema.columns) {
        cells.push_back(value(column.type));
        // A long whose sums fit: without infinities.
        if (column.name == "k" && cells.back() != cell{null_long}
            && std::abs(std::get<int64_t>(cells.back())) > 9)
          cells.back() = int64_t{3};
      }
    }
    return out;
  }

  literal constant(column_type type) {
    const auto from = value(type);
    if (const auto* text = std::get_if<std::string>(&from))
      return text->empty() ? literal{} : literal{*text};
    if (const auto* number = std::get_if<double>(&from)) {
      if (std::isnan(*number))
        return {};
      return chance(30) && std::abs(*number) < 1e6
               ? literal{static_cast<int64_t>(*number)}
               : literal{*number};
    }
    const auto x = std::get<int64_t>(from);
    if (type == column_type::char_)
      return x == ' ' ? literal{}
                      : literal{std::string(1, static_cast<char>(x))};
    if (x == null_long)
      return {};
    const bool plain = type == column_type::int_ || type == column_type::long_
                       || type == column_type::byte_;
    if (plain && chance(20))
      return static_cast<double>(x) + 0.5;
    if (plain && chance(5))
      return chance(50) ? 1e30 : -1e30;
    return x;
  }

  predicate filter(const table_schema& schema) {
    const auto& column = schema.columns[below(schema.columns.size())];
    const bool text = is_text(column.type);
    predicate out{column.name, predicate_op::equal, false, {}};
    for (;;) {
      out.op = static_cast<predicate_op>(1 + below(9));
      const bool ordered = out.op != predicate_op::equal
                           && out.op != predicate_op::not_equal
                           && out.op != predicate_op::in;
      if ((out.op == predicate_op::like && !text)
          || (column.type == column_type::guid && ordered))
        continue;
      break;
    }
    out.negated = out.op >= predicate_op::in && chance(40);
    if (out.op == predicate_op::like) {
      static const char* patterns[]
        = {"*", "A*", "?B", "*z", "[AB]*", "[^A]?*", "", "A", "*A*B*"};
      out.values.emplace_back(std::string{patterns[below(9)]});
      return out;
    }
    const auto count = out.op == predicate_op::in       ? below(7)
                       : out.op == predicate_op::within ? size_t{2}
                                                        : size_t{1};
    for (size_t i = 0; i < count; ++i)
      out.values.push_back(constant(column.type));
    return out;
  }

  logical_plan plan(const table_schema& schema) {
    logical_plan out;
    out.table = schema.name;
    out.types = schema.columns;
    out.time_column = out.order_column = schema.time_column;
    out.symbol_column = schema.symbol_column;
    if (chance(40)) {
      const auto start = std::get<int64_t>(value(column_type::timestamp));
      out.range
        = {start, start + static_cast<int64_t>(below(40)) * 60'000'000'000};
    }
    if (chance(40)) {
      out.symbols.emplace();
      for (auto i = below(4); i-- > 0;)
        out.symbols->push_back(symbol());
    }
    for (auto i = below(3); i-- > 0;)
      out.filters.push_back(filter(schema));
    if (chance(25))
      add_rows(out, schema);
    else
      add_groups(out, schema);
    return out;
  }

private:
  std::string symbol() {
    static const char* names[] = {"A", "AB", "B", "BA", "C", "Ab"};
    return names[below(6)];
  }

  double extreme(double x) {
    if (chance(3))
      return chance(50) ? infinity : -infinity;
    return chance(3) ? -0.0 : x;
  }

  void add_rows(logical_plan& plan, const table_schema& schema) {
    for (const auto& column : schema.columns)
      if (chance(40))
        plan.outputs.push_back({column.name, "out_" + column.name});
    if (chance(40)) {
      add_computed_texts(plan);
      plan.outputs.push_back({filled_text, "out_filled"});
      plan.outputs.push_back({chosen_text, "out_chosen"});
    }
    if (plan.outputs.empty())
      plan.outputs.push_back({"i", "i"});
    // Without an ordering the order is the store's own.
    do
      plan.ordering.push_back(
        {static_cast<uint32_t>(below(plan.outputs.size())), chance(50)});
    while (chance(40));
    if (chance(70))
      plan.sublist = static_cast<int64_t>(below(61)) - 30;
  }

  void add_groups(logical_plan& plan, const table_schema& schema) {
    static const char* bars[] = {"time", "d", "n", "u", "v", "t"};
    const auto kind = below(6);
    if (kind >= 1 && kind <= 3)
      plan.keys.push_back({"sym", 0, "sym"});
    if (kind == 2 || kind == 4)
      plan.keys.push_back({"time", 300'000'000'000, "bar"});
    if (kind == 5)
      plan.keys.push_back({bars[below(6)], 7'000'000'000, "bar"});
    if (kind >= 3 && chance(60)) {
      const auto& column = schema.columns[below(schema.columns.size())];
      plan.keys.push_back({column.name, 0, "key"});
    }
    if (chance(10)) {
      plan.day_offset_ns = static_cast<int64_t>(below(48)) * 1'800'000'000'000;
      plan.keys.push_back(
        {"time", chance(50) ? 0 : 420'000'000'000, "day", true});
    }
    // Keys alone are distinct ones.
    for (auto i = plan.keys.empty() || chance(90) ? 1 + below(4) : 0; i-- > 0;)
      plan.aggregates.push_back(some_aggregate(schema, i));
    const auto count = plan.keys.size() + plan.aggregates.size();
    while (chance(30))
      plan.ordering.push_back(
        {static_cast<uint32_t>(below(count)), chance(50)});
    add_sublist(plan);
  }

  aggregate some_aggregate(const table_schema& schema, size_t number) {
    static const auto known = aggregate_functions();
    for (;;) {
      aggregate out;
      out.function = known[below(known.size())];
      const auto inputs = takes_pairs(out.function) ? 2u : 1u;
      std::vector<column_type> types;
      for (auto i = 0u; i < inputs; ++i) {
        const auto& column = schema.columns[below(schema.columns.size())];
        out.columns.push_back(column.name);
        types.push_back(column.type);
      }
      out.name = "a" + std::to_string(number);
      if (out.function == aggregate_function::percentile
          || out.function == aggregate_function::percentile_discrete)
        out.fraction = static_cast<double>(below(9)) / 8;
      if (result_type(out.function, types))
        return out;
    }
  }

  void add_sublist(logical_plan& plan) {
    if (chance(25))
      plan.sublist = static_cast<int64_t>(below(9)) - 4;
  }

  std::mt19937_64 random_;
};

using stores = std::vector<std::vector<persistence::table_view>>;

/// Cuts the rows into parts of random layout, in stream order, and gives them
/// to so many stores.
stores split_rows(generator& random, const table_schema& schema,
                  const std::vector<row>& rows, size_t parts, size_t count) {
  stores out(count);
  size_t begin = 0;
  for (size_t part = 0; part < parts; ++part) {
    const auto end = part + 1 == parts
                       ? rows.size()
                       : begin + random.below(rows.size() - begin + 1);
    std::vector<placed_row> placed;
    for (auto i = begin; i < end; ++i)
      placed.push_back({rows[i], 0, 0});
    layout how;
    how.sorted = random.chance(50);
    how.indexed = random.chance(50);
    how.zones = random.chance(70);
    how.segment_rows = static_cast<uint32_t>(1 + random.below(80));
    how.part_order = part + 1 == parts ? ~uint64_t{0} : 10 * part;
    how.order_base = random.below(5);
    out[random.below(count)].push_back(make_view(schema, placed, how));
    begin = end;
  }
  return out;
}

/// Lets the partial results of several stores travel as bytes before they
/// merge.
result<table_data> run_split(generator& random, const logical_plan& plan,
                             const table_schema& schema,
                             const std::vector<row>& rows, size_t parts) {
  merger merge{plan};
  for (auto& store :
       split_rows(random, schema, rows, parts, 1 + random.below(3))) {
    execution_options options;
    options.morsel_rows = static_cast<uint32_t>(1 + random.below(90));
    if (random.chance(50))
      options.partitioned_min = 1;
    auto partial = execute(plan, std::move(store), options);
    if (!partial)
      return partial.failure();
    for (const auto& message : encode(*partial, 64 + random.below(4096))) {
      auto back = decode_partial(message.bytes());
      if (!back)
        return back.failure();
      if (auto fault = merge.add(std::move(*back)))
        return fault;
    }
  }
  return merge.finish();
}

/// Runs each job on a thread of its own.
class job_threads : public persistence::executor {
public:
  void submit(std::function<void()> job) override {
    threads_.emplace_back(std::move(job));
  }

private:
  std::vector<std::jthread> threads_;
};

/// One store that is told to be the only one: what it answers is the result.
result<table_data> run_alone(generator& random, logical_plan plan,
                             const table_schema& schema,
                             const std::vector<row>& rows, size_t parts) {
  plan.alone = true;
  auto travelled = decode_plan(encode(plan));
  if (!travelled)
    return travelled.failure();
  job_threads pool;
  execution_options options;
  options.morsel_rows = static_cast<uint32_t>(1 + random.below(90));
  if (random.chance(50))
    options.pool = &pool;
  if (random.chance(50))
    options.partitioned_min = 1;
  auto held = split_rows(random, schema, rows, parts, 1);
  auto answered = execute(*travelled, std::move(held[0]), options);
  if (!answered)
    return answered.failure();
  if (!answered->finished)
    return error{errc::internal, "not finished"};
  std::vector<partial_result> messages;
  for (const auto& message : encode(*answered, 64 + random.below(4096))) {
    const auto finished = is_finished(message.bytes());
    if (!finished || !*finished)
      return error{errc::internal, "a message that is not finished"};
    auto back = decode_partial(message.bytes());
    if (!back)
      return back.failure();
    messages.push_back(*std::move(back));
  }
  return joined_rows(std::move(messages));
}

uint64_t seeds() {
  const auto* wanted = std::getenv("MILLRACE_QUERY_SEEDS");
  return wanted ? std::strtoull(wanted, nullptr, 10) : 150;
}

// Goal: whatever the plan, the layouts, the split and the way the partial
// results travel, the answer is that of the obvious computation over one list
// of rows in stream order. Method: random plans and rows of every type, with
// nulls, infinities, signed zeros and ties of time.
TEST(ExecutorPropertyTest, AnySplitAnswersAsTheOracle) {
  const auto schema = schema_of_every_type();
  for (uint64_t seed = 1; seed <= seeds(); ++seed) {
    generator random{seed};
    const auto rows = random.rows(
      schema, random.chance(10) ? random.below(3) : random.below(400));
    const auto [wide, wide_rows] = with_computed_texts(schema, rows);
    for (int round = 0; round < 4; ++round) {
      const auto plan = random.plan(schema);
      ASSERT_EQ(to_string(validate(plan)), "none") << to_string(plan);
      auto travelled = decode_plan(encode(plan));
      ASSERT_TRUE(travelled) << to_string(travelled.failure());
      ASSERT_EQ(*travelled, plan);
      const auto wanted = answer(plan, wide, wide_rows);
      for (const auto& [parts, alone] : {std::pair{1, false},
                                         {2, false},
                                         {5, false},
                                         {1, true},
                                         {3, true}}) {
        const auto count = static_cast<size_t>(parts);
        auto found = alone ? run_alone(random, *travelled, schema, rows, count)
                           : run_split(random, *travelled, schema, rows, count);
        if (!wanted) {
          ASSERT_EQ(found.failure().code, errc::overflow)
            << "seed " << seed << '\n'
            << to_string(plan);
          continue;
        }
        ASSERT_TRUE(found) << to_string(found.failure()) << "\nseed " << seed
                           << '\n'
                           << to_string(plan);
        ASSERT_EQ(difference(*wanted, cells_of(*found)), "")
          << "seed " << seed << ", " << rows.size() << " rows, " << parts
          << " parts" << (alone ? " of one store\n" : "\n") << to_string(plan);
      }
    }
  }
}

} // namespace
} // namespace millrace::query
