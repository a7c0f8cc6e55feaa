#include <millrace/messages/data/capnp_io.hpp>
#include <millrace/messages/schema/query.capnp.h>
#include <millrace/query/plan/plan.hpp>

#include <algorithm>
#include <array>

namespace millrace::query {

namespace {

/// 1: keys by day, functions beyond wavg, exact sums. 2: computed columns. 3:
/// two tables that are joined; others are of version 2 as before.
constexpr uint32_t plan_version = 4;

/// The first that knows all that is in it.
uint32_t version_of(const logical_plan& plan) {
  if (!plan.joined)
    return 2;
  return plan.joined->inner ? plan_version : 3;
}

::capnp::Data::Reader data_of(const std::string& text) {
  return {reinterpret_cast<const kj::byte*>(text.data()), text.size()};
}

void write(const literal& from, schema::Literal::Builder to) {
  if (const auto* integer = std::get_if<int64_t>(&from))
    to.setInteger(*integer);
  else if (const auto* number = std::get_if<double>(&from))
    to.setNumber(*number);
  else if (const auto* text = std::get_if<std::string>(&from))
    to.setText(data_of(*text));
  else
    to.setNull();
}

literal read(schema::Literal::Reader from) {
  switch (from.which()) {
    case schema::Literal::INTEGER:
      return from.getInteger();
    case schema::Literal::NUMBER:
      return from.getNumber();
    case schema::Literal::TEXT: {
      const auto text = from.getText();
      return std::string{reinterpret_cast<const char*>(text.begin()),
                         text.size()};
    }
    default:
      return std::monostate{};
  }
}

/// Fills a Cap'n Proto list from a vector, element by element.
template <class Vector, class Builder, class F>
void write_list(const Vector& from, Builder list, F&& each) {
  for (unsigned i = 0; i < list.size(); ++i)
    each(from[i], list[i]);
}

unsigned count(const auto& container) {
  return static_cast<unsigned>(container.size());
}

void write_names(const std::vector<std::string>& from,
                 ::capnp::List<::capnp::Text>::Builder list) {
  for (unsigned i = 0; i < list.size(); ++i)
    list.set(i, from[i]);
}

/// Postfix, so that depth costs no nesting.
void flatten(const expression& from, std::vector<const expression*>& out) {
  for (const auto& each : from.arguments)
    flatten(each, out);
  out.push_back(&from);
}

void write(const expression& from,
           ::capnp::List<schema::ExpressionPart>::Builder list,
           const std::vector<const expression*>& parts) {
  MILLRACE_ASSERT(parts.back() == &from);
  write_list(parts, list, [](const expression* part, auto to) {
    to.setKind(static_cast<uint8_t>(part->what));
    to.setType(static_cast<uint8_t>(part->type));
    to.setName(part->name);
    write_list(part->values, to.initValues(count(part->values)),
               [](const literal& x, auto y) { write(x, y); });
    to.setFunction(static_cast<uint8_t>(part->function));
    to.setArguments(count(part->arguments));
  });
}

result<expression> read(::capnp::List<schema::ExpressionPart>::Reader list) {
  const error torn{errc::malformed_message, "query plan: a torn expression"};
  std::vector<std::pair<expression, size_t>> stack; ///< With their depths.
  for (auto from : list) {
    expression part;
    part.what = static_cast<expression::kind>(from.getKind());
    part.type = static_cast<column_type>(from.getType());
    part.name = from.getName();
    for (auto value : from.getValues())
      part.values.push_back(read(value));
    part.function = static_cast<scalar_function>(from.getFunction());
    const size_t arguments = from.getArguments();
    const bool is_call = part.what == expression::kind::call;
    if (part.what < expression::kind::column
        || part.what > expression::kind::call || arguments > stack.size()
        || is_call != (arguments > 0))
      return torn;
    size_t depth = 0;
    for (auto i = stack.size() - arguments; i < stack.size(); ++i) {
      depth = std::max(depth, stack[i].second + 1);
      part.arguments.push_back(std::move(stack[i].first));
    }
    if (depth > expression_depth_max)
      return torn;
    stack.resize(stack.size() - arguments);
    stack.emplace_back(std::move(part), depth);
  }
  if (stack.size() != 1)
    return torn;
  return std::move(stack[0].first);
}

void write_scan(const logical_plan& plan, schema::QueryPlan::Builder root) {
  root.getSource().setTable(plan.table);
  write_list(plan.types, root.initTypes(count(plan.types)),
             [](const column_schema& from, auto to) {
               to.setName(from.name);
               to.setType(static_cast<uint8_t>(from.type));
             });
  root.setTimeColumn(plan.time_column);
  root.setOrderColumn(plan.order_column);
  root.setHasRange(plan.range.has_value());
  if (plan.range) {
    root.setRangeStart(plan.range->first);
    root.setRangeEnd(plan.range->second);
  }
  write_list(plan.computed, root.initComputed(count(plan.computed)),
             [](const computed_column& from, auto to) {
               to.setName(from.name);
               std::vector<const expression*> parts;
               flatten(from.value, parts);
               write(from.value, to.initValue(count(parts)), parts);
             });
  root.setSymbolColumn(plan.symbol_column);
  root.setHasSymbols(plan.symbols.has_value());
  if (plan.symbols)
    write_names(*plan.symbols, root.initSymbols(count(*plan.symbols)));
  write_list(plan.filters, root.initFilters(count(plan.filters)),
             [](const predicate& from, auto to) {
               to.setColumn(from.column);
               to.setOperator(static_cast<uint8_t>(from.op));
               to.setNegated(from.negated);
               write_list(from.values, to.initValues(count(from.values)),
                          [](const literal& x, auto y) { write(x, y); });
             });
}

error read_computed(schema::QueryPlan::Reader root, logical_plan& plan) {
  for (auto from : root.getComputed()) {
    auto value = read(from.getValue());
    if (!value)
      return value.failure();
    plan.computed.push_back({from.getName(), *std::move(value)});
  }
  return {};
}

void read_scan(schema::QueryPlan::Reader root, logical_plan& plan) {
  if (root.getSource().isTable())
    plan.table = root.getSource().getTable();
  for (auto type : root.getTypes())
    plan.types.push_back(
      {type.getName(), static_cast<column_type>(type.getType())});
  plan.time_column = root.getTimeColumn();
  plan.order_column = root.getOrderColumn();
  if (root.getHasRange())
    plan.range = {root.getRangeStart(), root.getRangeEnd()};
  plan.symbol_column = root.getSymbolColumn();
  if (root.getHasSymbols()) {
    plan.symbols.emplace();
    for (auto symbol : root.getSymbols())
      plan.symbols->emplace_back(symbol);
  }
  for (auto from : root.getFilters()) {
    predicate filter{from.getColumn(),
                     static_cast<predicate_op>(from.getOperator()),
                     from.getNegated(),
                     {}};
    for (auto value : from.getValues())
      filter.values.push_back(read(value));
    plan.filters.push_back(std::move(filter));
  }
}

/// As plans number them: 0 is what those say that say nothing of it.
constexpr std::array numbered_priorities{
  question_priority::normal, question_priority::low, question_priority::high};

/// A number of a later release is none.
question_priority read_priority(uint8_t number) {
  return number < numbered_priorities.size() ? numbered_priorities[number]
                                             : question_priority::normal;
}

uint8_t number_of(question_priority priority) {
  const auto found = std::find(numbered_priorities.begin(),
                               numbered_priorities.end(), priority);
  return static_cast<uint8_t>(found - numbered_priorities.begin());
}

void read_shape(schema::QueryPlan::Reader root, logical_plan& plan) {
  for (auto key : root.getKeys())
    plan.keys.push_back(
      {key.getColumn(), key.getBarNs(), key.getName(), key.getByDay()});
  for (auto from : root.getAggregates()) {
    aggregate agg{
      static_cast<aggregate_function>(from.getFunction()), {}, from.getName()};
    for (auto column : from.getColumns())
      agg.columns.emplace_back(column);
    agg.fraction = from.getFraction();
    plan.aggregates.push_back(std::move(agg));
  }
  for (auto output : root.getOutputs())
    plan.outputs.push_back({output.getColumn(), output.getName()});
  for (auto term : root.getOrdering())
    plan.ordering.push_back({term.getOutput(), term.getDescending()});
  if (root.getHasSublist())
    plan.sublist = root.getSublist();
  plan.skip = root.getSkip();
  plan.rows_max = root.getRowsMax();
  plan.bytes_max = root.getBytesMax();
  plan.priority = read_priority(root.getPriority());
  plan.day_zone = root.getDayZone();
  plan.day_offset_ns = root.getDayOffsetNs();
  plan.alone = root.getAlone();
}

void write_plan(const logical_plan& plan, schema::QueryPlan::Builder root) {
  write_scan(plan, root);
  write_list(plan.keys, root.initKeys(count(plan.keys)),
             [](const group_key& from, auto to) {
               to.setColumn(from.column);
               to.setBarNs(from.bar_ns);
               to.setByDay(from.by_day);
               to.setName(from.name);
             });
  write_list(plan.aggregates, root.initAggregates(count(plan.aggregates)),
             [](const aggregate& from, auto to) {
               to.setFunction(static_cast<uint8_t>(from.function));
               write_names(from.columns, to.initColumns(count(from.columns)));
               to.setName(from.name);
               to.setFraction(from.fraction);
             });
  write_list(plan.outputs, root.initOutputs(count(plan.outputs)),
             [](const output_column& from, auto to) {
               to.setColumn(from.column);
               to.setName(from.name);
             });
  write_list(plan.ordering, root.initOrdering(count(plan.ordering)),
             [](const order_term& from, auto to) {
               to.setOutput(from.output);
               to.setDescending(from.descending);
             });
  root.setHasSublist(plan.sublist.has_value());
  root.setSublist(plan.sublist.value_or(0));
  root.setSkip(plan.skip);
  root.setRowsMax(plan.rows_max);
  root.setBytesMax(plan.bytes_max);
  root.setPriority(number_of(plan.priority));
  root.setDayZone(plan.day_zone);
  root.setDayOffsetNs(plan.day_offset_ns);
  root.setAlone(plan.alone);
  root.setVersion(version_of(plan));
}

void write(const joined_tables& from, schema::JoinedTables::Builder to) {
  write_plan(from.left, to.initLeft());
  write_plan(from.right, to.initRight());
  write_names(from.on, to.initOn(count(from.on)));
  to.setHasTolerance(from.tolerance.has_value());
  to.setTolerance(from.tolerance.value_or(0));
  to.setRightTime(from.right_time);
  to.setInner(from.inner);
  write_list(from.columns, to.initColumns(count(from.columns)),
             [](const column_schema& column, auto made) {
               made.setName(column.name);
               made.setType(static_cast<uint8_t>(column.type));
             });
}

error read_plan(schema::QueryPlan::Reader root, logical_plan& plan) {
  if (root.getVersion() > plan_version)
    return error{errc::malformed_message,
                 "query plan: of version " + std::to_string(root.getVersion())
                   + ", which only a later release knows"};
  read_scan(root, plan);
  if (auto fault = read_computed(root, plan))
    return fault;
  read_shape(root, plan);
  return {};
}

/// Tables that are joined are themselves not of others.
error read_joined(schema::JoinedTables::Reader from, logical_plan& plan) {
  auto made = std::make_shared<joined_tables>();
  if (from.getLeft().hasJoined() || from.getRight().hasJoined())
    return {errc::malformed_message, "query plan: a join of joined tables"};
  if (auto fault = read_plan(from.getLeft(), made->left))
    return fault;
  if (auto fault = read_plan(from.getRight(), made->right))
    return fault;
  for (auto name : from.getOn())
    made->on.emplace_back(name);
  if (from.getHasTolerance())
    made->tolerance = from.getTolerance();
  made->right_time = from.getRightTime();
  made->inner = from.getInner();
  for (auto column : from.getColumns())
    made->columns.push_back(
      {column.getName(), static_cast<column_type>(column.getType())});
  plan.joined.tables = std::move(made);
  return {};
}

} // namespace

std::vector<std::byte> encode(const logical_plan& plan) {
  ::capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::QueryPlan>();
  write_plan(plan, root);
  if (plan.joined)
    write(*plan.joined.tables, root.initJoined());
  return messages::to_bytes(builder);
}

result<logical_plan> decode_plan(std::span<const std::byte> bytes) {
  return messages::read_as<schema::QueryPlan>(
    bytes, [](schema::QueryPlan::Reader root) -> result<logical_plan> {
      logical_plan plan;
      if (auto fault = read_plan(root, plan))
        return fault;
      if (root.hasJoined())
        if (auto fault = read_joined(root.getJoined(), plan))
          return fault;
      if (auto fault = validate(plan))
        return error{errc::malformed_message, "query plan: " + fault.context};
      return plan;
    });
}

result<logical_plan> decode_flow(std::span<const std::byte> bytes) {
  auto plan = decode_plan(bytes);
  if (plan && !flows(*plan))
    return error{errc::invalid_argument,
                 "only rows as they are stored can flow"};
  return plan;
}

} // namespace millrace::query
