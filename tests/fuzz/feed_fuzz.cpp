#include <millrace/feed/kdb/kdb_source.hpp>
#include <millrace/feed/source/reader.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/persistence/kdb/kdb_database.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#include <algorithm>
#include <array>

#include "fuzz_target.hpp"

namespace millrace::fuzz {

namespace {

using namespace feed;

void put_file(persistence::file_system& disk, const std::string& path,
              std::string_view text) {
  MILLRACE_ASSERT(
    !persistence::replace_file(disk, path, std::as_bytes(std::span{text})));
}

/// Every batch that is made must be one that others take.
void read_file_as(const layout& how, std::string_view name,
                  std::string_view text) {
  const auto schema = schema_of(how);
  if (!schema)
    return;
  sim::memory_file_system disk;
  const std::string path{name};
  put_file(disk, path, text);
  persistence::env world;
  world.fs = &disk;
  reader_options options;
  options.layout = how;
  options.schema = *schema;
  options.files = {path};
  options.symbol = "AAPL";
  options.date = 8767;
  options.line_bytes_max = 4096;
  options.limits.rows_max = 16;
  uint64_t rejects = 0;
  options.rejects = [&](const rejected_line&) {
    ++rejects;
    return error{};
  };
  auto opened = reader::open(world, std::move(options));
  if (!opened)
    return;
  for (;;) {
    const auto batch = opened->next();
    if (!batch || !*batch)
      break;
    MILLRACE_ASSERT(decode_batch((*batch)->bytes));
  }
  MILLRACE_ASSERT(rejects == opened->counters().rejects);
}

const std::vector<layout>& text_layouts() {
  static const auto all = [] {
    std::vector<layout> out;
    for (const auto name : preset_names())
      if (auto each = *preset(name); each.decode == decoding::none)
        out.push_back(std::move(each));
    return out;
  }();
  return all;
}

const layout& json_layout() {
  static const auto out = *parse_layout(R"(
table = "trade"
json = true
each = "trades"
time_column = "time"
symbol_column = "sym"

[[column]]
name = "time"
type = "timestamp"
path = "t"
format = "unix_ms"

[[column]]
name = "sym"
type = "symbol"
path = "@each.s"

[[column]]
name = "price"
type = "float"
path = "@each.p"

[[column]]
name = "size"
type = "long"
path = "@each.q.0"
)",
                                        "fuzz.toml");
  return out;
}

} // namespace

void csv_rows(input given) {
  const auto& layouts = text_layouts();
  const auto& how = layouts[take_choice(given) % layouts.size()];
  read_file_as(how, "a_b_20240102.csv", text_of(given));
}

void json_rows(input given) {
  read_file_as(json_layout(), "a.json", text_of(given));
}

void layout_file(input given) {
  const auto pieces = pieces_of(given, 2);
  const auto how = parse_layout(pieces[0], "fuzz.toml");
  if (how)
    read_file_as(*how, "a_b.csv", pieces[1]);
}

void itch_file(input given) {
  static const std::array how{*preset("itch-trade"), *preset("itch-order")};
  const auto choice = take_choice(given);
  read_file_as(how[choice % how.size()], "a.itch", text_of(given));
}

void iex_file(input given) {
  static const std::array how{*preset("iex-trade"), *preset("iex-quote"),
                              *preset("iex-level")};
  const auto choice = take_choice(given);
  read_file_as(how[choice % how.size()], "a.pcap", text_of(given));
}

void packed_file(input given) {
  static const auto how = *preset("csv-trade");
  read_file_as(how, "packed", text_of(given));
}

void kdb_files(input given) {
  static constexpr std::array<const char*, 7> names{
    "sym", ".d", "time", "sym", "price", "note", "note#"};
  sim::memory_file_system disk;
  for (size_t i = 0; i < names.size(); ++i) {
    size_t length = take_choice(given);
    length = length << 8 | take_choice(given);
    const std::string at = i == 0 ? "/db/" : "/db/2024.01.02/trade/";
    MILLRACE_ASSERT(!disk.create_directories(at));
    put_file(disk, at + names[i], text_of(take_first(given, length)));
  }
  const auto database = persistence::read_kdb_database(disk, "/db");
  if (!database)
    return;
  for (const auto& table : database->tables) {
    (void)propose_table(disk, table);
    kdb_source::options options;
    options.database = *database;
    options.table = table.name;
    options.interrupted = [] { return false; };
    options.schema.name = "trade";
    options.schema.columns = {{"time", column_type::timestamp},
                              {"sym", column_type::symbol},
                              {"price", column_type::float_},
                              {"note", column_type::string}};
    options.schema.time_column = "time";
    options.schema.symbol_column = "sym";
    kdb_source source{disk, options, std::make_shared<batch_source_counters>()};
    if (source.open({}))
      continue;
    for (;;) {
      const auto batch = source.next();
      if (!batch || !*batch)
        break;
      MILLRACE_ASSERT(decode_batch((*batch)->bytes));
    }
    (void)source.close();
  }
}

} // namespace millrace::fuzz
