#include <millrace/actors/torq/feed/feed_work.hpp>
#include <millrace/feed/parse/batch_source.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/nodes/assembly/feed_process.hpp>
#include <millrace/query/execution/partial.hpp>
#include <millrace/sim/world/table_rows.hpp>
#include <millrace/sim/world/torq_nodes.hpp>

#include <algorithm>
#include <utility>

namespace millrace::sim {

using namespace std::chrono_literals;

table_schema trade_table() {
  table_schema schema;
  schema.name = "trade";
  schema.columns = {{"time", column_type::timestamp},
                    {"sym", column_type::symbol},
                    {"seq", column_type::long_},
                    {"size", column_type::int_}};
  schema.time_column = "time";
  schema.symbol_column = "sym";
  return schema;
}

trade_row row_of(uint64_t feed, uint64_t row) {
  // Any mixture will do; it must only be the same each time.
  auto mixed = (feed * rows_of_feed_max + row + 1) * 0x9e3779b97f4a7c15ull;
  mixed ^= mixed >> 29;
  trade_row out;
  out.time = 820'000'000'000'000'000 + static_cast<int64_t>(row) * 5'000'000;
  // One in a hundred is late.
  if (mixed % 100 == 0)
    out.time -= 86'400'000'000'000;
  out.sym = std::string(1, static_cast<char>('A' + (mixed >> 8) % 7));
  out.seq = static_cast<int64_t>(feed * rows_of_feed_max + row);
  out.size = static_cast<int32_t>((mixed >> 16) % 1000);
  return out;
}

namespace {

/// Fixed rows: every reader cuts the same batches, wherever it starts.
class row_source final : public feed::batch_source {
public:
  explicit row_source(const feed_load& load)
    : load_{load}, name_{"rows" + std::to_string(load.feed)} {}

  error open(const std::vector<source_cursor>& published) override {
    for (const auto& cursor : published)
      if (cursor.name == name_)
        next_ = cursor.row;
    return {};
  }

  result<std::optional<feed::parsed_batch>> next() override {
    if (next_ >= load_.rows)
      return std::optional<feed::parsed_batch>{};
    batch_builder builder{trade_table()};
    feed::parsed_batch out;
    const auto first = next_;
    over_ = period_before(first);
    const auto end = std::min(load_.rows, next_ + size_at(next_));
    for (; next_ < end; ++next_) {
      const auto row = row_of(load_.feed, next_);
      builder.append(0, row.time);
      builder.append_symbol(1, row.sym);
      builder.append(2, row.seq);
      builder.append(3, row.size);
      builder.end_row();
    }
    out.cursor = {name_, next_, next_};
    out.bytes = builder.encode(out.cursor);
    out.rows = static_cast<uint32_t>(end - first);
    out.first_time = static_cast<int64_t>(first) * 5'000'000;
    out.last_time = static_cast<int64_t>(end) * 5'000'000;
    return std::optional{std::move(out)};
  }

  std::optional<int64_t> period_over() override {
    return std::exchange(over_, std::nullopt);
  }

private:
  uint64_t size_at(uint64_t row) const {
    return 1 + row_of(load_.feed + 77, row).size % load_.rows_per_batch_max;
  }

  /// The period that this row is the first after.
  std::optional<int64_t> period_before(uint64_t row) {
    if (load_.rows_per_period == 0)
      return std::nullopt;
    const auto period = static_cast<int64_t>(row / load_.rows_per_period);
    const auto before = std::exchange(period_, period);
    if (!before || *before == period)
      return std::nullopt;
    return 8000 + *before;
  }

  feed_load load_;
  std::string name_;
  uint64_t next_ = 0;
  std::optional<int64_t> period_; ///< Of the last batch.
  std::optional<int64_t> over_;
};

result<nodes::hosted_process>
start_rows(node& me, const feed_load& load,
           std::shared_ptr<torq::feed_progress> progress) {
  progress->merged = false;
  nodes::feed_plan plan;
  plan.process = me.name();
  plan.stream = "market";
  plan.work.schemas = {trade_table()};
  plan.source = std::make_shared<row_source>(load);
  plan.work.speed.factor = 1;
  plan.roll_bytes = load.roll_bytes;
  plan.progress = std::move(progress);
  plan.on_done = [&me](const error& fault) {
    // A feed that fails ends its process; the next life resumes.
    if (fault)
      me.end();
  };
  auto made = nodes::start_feed_handler(me, std::move(plan));
  if (!made)
    return made.failure();
  return nodes::hosted_process{
    caf::actor_cast<caf::strong_actor_ptr>(made->handle)};
}

} // namespace

void add_discovery(cluster_plan& to, const std::string& name) {
  to.add(name, nodes::process_type::discovery);
}

void add_feed(cluster_plan& to, const std::string& name, const feed_load& load,
              std::shared_ptr<torq::feed_progress> progress) {
  to.add_program(name, [load, progress](nodes::process_host& host,
                                        const nodes::process_config&) {
    return start_rows(simulated(host), load, progress);
  });
}

void add_rdb(cluster_plan& to, const std::string& name,
             const database_options& options) {
  auto& rdb = to.add(name, nodes::process_type::rdb, options.machine);
  rdb.tables = {"trade"};
  rdb.hdb_directory = options.hdb_directory;
  rdb.query_timeout_ns = options.query_timeout_ns;
  rdb.memory_max_bytes = options.memory_max_bytes;
  rdb.query_memory_max_bytes = options.query_memory_max_bytes;
  rdb.queries_memory_max_bytes = options.queries_memory_max_bytes;
}

void add_hdb(cluster_plan& to, const std::string& name,
             const database_options& options) {
  auto& hdb = to.add(name, nodes::process_type::hdb, options.machine);
  hdb.hdb_directory = options.hdb_directory;
  hdb.query_timeout_ns = options.query_timeout_ns;
  hdb.query_memory_max_bytes = options.query_memory_max_bytes;
  hdb.queries_memory_max_bytes = options.queries_memory_max_bytes;
}

void add_gateway(cluster_plan& to, const std::string& name,
                 const database_options& options) {
  auto& gateway = to.add(name, nodes::process_type::gateway);
  gateway.query_timeout_ns = options.query_timeout_ns;
  gateway.queries_memory_max_bytes = options.queries_memory_max_bytes;
}

result<rdb_facts> facts_of_rdb(world& in, const std::string& process) {
  const auto handle = in.find(process, process);
  if (!handle)
    return error{errc::unavailable, process + " is down"};
  auto got
    = in.ask<rdb_facts>(caf::actor_cast<rdb_actor>(handle), 5s, facts_atom_v);
  if (!got)
    return got.failure();
  return std::get<0>(*std::move(got));
}

result<std::vector<trade_row>> rows_of(const chunks& answer) {
  std::vector<trade_row> out;
  for (const auto& bytes : answer) {
    auto partial = query::decode_partial(bytes.bytes());
    if (!partial)
      return partial.failure();
    for (const auto& piece : partial->chunks) {
      const auto& table = piece.table;
      if (table.row_count == 0)
        continue;
      const query::column_data* columns[4] = {};
      const char* names[] = {"time", "sym", "seq", "size"};
      for (size_t i = 0; i < 4; ++i)
        for (const auto& column : table.columns)
          if (column.name == names[i])
            columns[i] = &column;
      for (const auto* column : columns)
        if (column == nullptr)
          return error{errc::malformed_message, "a column is missing"};
      for (uint64_t row = 0; row < table.row_count; ++row)
        out.push_back(
          {columns[0]->as<int64_t>()[row], std::string{columns[1]->text(row)},
           columns[2]->as<int64_t>()[row], columns[3]->as<int32_t>()[row]});
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

result<std::vector<std::pair<position, trade_row>>>
rows_in_stream(persistence::file_system& fs, const std::string& directory) {
  std::vector<std::pair<position, trade_row>> out;
  auto fault = for_each_batch(
    fs, directory,
    [&](position end, std::string_view, const batch_view& batch) {
      const auto& at = batch.columns;
      for (uint32_t row = 0; row < batch.row_count; ++row)
        out.emplace_back(
          end, trade_row{at[0].as<int64_t>()[row], std::string{at[1].text(row)},
                         at[2].as<int64_t>()[row], at[3].as<int32_t>()[row]});
    });
  if (fault)
    return fault;
  return out;
}

} // namespace millrace::sim
