#pragma once

#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/hdb/hdb_store.hpp>
#include <millrace/persistence/hdb/partition_writer.hpp>
#include <millrace/persistence/memory/memory_store.hpp>
#include <millrace/tests/support/temporary_directory.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "table_oracle.hpp"

namespace millrace::persistence::oracle {

using test_support::temporary_directory;

/// A period's write, all of it on the calling thread.
/// @returns false when everything was there already.
inline result<bool> write_period(hdb_writer& writer, period_request request) {
  auto write = period_write::begin(writer, std::move(request));
  if (!write)
    return write.failure();
  const auto before = writer.manifest().version;
  const auto run = [&]() -> error {
    for (auto jobs = (*write)->next_stage(); !jobs.empty();
         jobs = (*write)->next_stage())
      for (auto& job : jobs)
        if (auto fault = job())
          return fault;
    return (*write)->commit();
  };
  if (auto fault = run()) {
    (*write)->abandon();
    return fault;
  }
  return writer.manifest().version != before;
}

/// The rows that a store was given, and in which order.
struct filled_table {
  table_schema schema;
  rows all;
};

/// Appends random batches to a table of `store`, which must be declared.
inline void fill(memory_store& store, filled_table& table, position& at,
                 size_t row_count, std::mt19937_64& random) {
  for (size_t done = 0; done < row_count;) {
    const auto count = std::min<size_t>(1 + random() % 50, row_count - done);
    rows batch;
    for (size_t i = 0; i < count; ++i)
      batch.push_back(random_row(table.schema, random));
    const auto bytes = encode(table.schema, batch);
    at.value += 8;
    const auto fault = store.append(*decode_batch(bytes), at);
    ASSERT_FALSE(fault) << to_string(fault);
    table.all.insert(table.all.end(), batch.begin(), batch.end());
    done += count;
  }
}

inline int64_t time_of(const table_schema& schema, const row& values) {
  int64_t time = 0;
  std::memcpy(&time, values[*schema.column_index(schema.time_column)].data(),
              8);
  return time;
}

/// Stream order -> (symbol, time, stream order), the obvious way.
inline std::vector<size_t> sorted_order(const table_schema& schema,
                                        const rows& all) {
  const auto symbol = *schema.column_index(schema.symbol_column);
  std::vector<size_t> order(all.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (all[a][symbol] != all[b][symbol])
      return all[a][symbol] < all[b][symbol];
    return time_of(schema, all[a]) < time_of(schema, all[b]);
  });
  return order;
}

/// A part's view with all of its bytes brought in, as its segments would be if
/// they lay in memory.
inline result<table_view> loaded(const table_view& view) {
  struct held {
    table_view closed;
    std::vector<std::shared_ptr<const held_bytes>> opened;
    std::vector<std::vector<column_view>> columns;
    std::vector<segment_values> values;
  };
  auto keep = std::make_shared<held>();
  keep->closed = view;
  auto out = view;
  std::vector<uint32_t> all(view.schema->columns.size());
  for (uint32_t i = 0; i < all.size(); ++i)
    all[i] = i;
  for (auto& segment : out.segments) {
    const auto& source = *segment.source;
    auto opened = source.open(all, true, keep->opened.emplace_back());
    if (!opened)
      return opened.failure();
    segment = *opened;
    auto& columns = keep->columns.emplace_back(opened->columns.begin(),
                                               opened->columns.end());
    for (uint32_t i = 0; i < columns.size(); ++i) {
      if (!columns[i].unread)
        continue;
      auto values = source.read(i, 0, segment.row_count);
      if (!values)
        return values.failure();
      columns[i].values = values->values;
      columns[i].text = values->text;
      columns[i].unread = false;
      keep->values.push_back(*std::move(values));
    }
    auto order = source.read_order(0, segment.row_count);
    if (!order)
      return order.failure();
    segment.order = reinterpret_cast<const uint32_t*>(order->values);
    keep->values.push_back(*std::move(order));
    segment.columns = columns;
    segment.source = nullptr;
  }
  out.owner = std::move(keep);
  return out;
}

/// Every file of every part that fails its check.
inline std::vector<hdb_damage> check_all(file_system& fs,
                                         const std::string& directory,
                                         const hdb_manifest& manifest) {
  std::vector<hdb_damage> out;
  for (const auto& part : manifest.parts)
    for (auto& damage : check_part(fs, directory, part))
      out.push_back(std::move(damage));
  return out;
}

/// Checks every byte that a part's view says against the rows that went in.
inline void expect_partition(const table_view& view, const rows& all) {
  const auto& schema = *view.schema;
  ASSERT_EQ(view.segments.size(), 1u);
  const auto& segment = view.segments[0];
  const auto order = sorted_order(schema, all);
  ASSERT_EQ(segment.row_count, all.size());
  for (uint32_t r = 0; r < segment.row_count; ++r) {
    ASSERT_EQ(row_of(segment, r), all[order[r]]) << "row " << r;
    ASSERT_EQ(segment.order[r], order[r]);
  }
  expect_exact_zones(schema, segment);
  const auto symbol = *schema.column_index(schema.symbol_column);
  const auto& symbols = segment.columns[symbol];
  uint32_t at = 0;
  for (const auto& range : segment.ranges) {
    ASSERT_EQ(range.begin, at);
    ASSERT_LT(range.begin, range.end);
    for (; at < range.end; ++at)
      ASSERT_EQ(symbols.as<uint32_t>()[at], range.code);
  }
  ASSERT_EQ(at, segment.row_count);
  for (const auto& column : segment.columns) {
    if (!column.dictionary)
      continue;
    const auto& dictionary = *column.dictionary;
    EXPECT_EQ(dictionary.text(0), "");
    for (uint32_t code = 0; code < dictionary.size(); ++code) {
      EXPECT_EQ(dictionary.find(dictionary.text(code)), code);
      if (code > 0) {
        EXPECT_LT(dictionary.text(code - 1), dictionary.text(code));
      }
    }
    EXPECT_FALSE(dictionary.find("no such symbol"));
  }
}

/// The request for everything in a snapshot between two positions.
inline period_request request_of(const memory_store& store, int64_t period,
                                 position from, position to) {
  period_request out;
  out.stream = "ticks";
  out.period = period;
  out.partition = date_partition_name(period);
  out.from = from;
  out.to = to;
  const auto snapshot = store.snapshot();
  for (const auto& name : snapshot->table_names()) {
    auto view = snapshot->view(name, from, to);
    EXPECT_TRUE(view) << to_string(view.failure());
    out.tables.push_back(std::move(*view));
  }
  return out;
}

inline hdb_part range_part(position from, position to, uint32_t stripe = 0,
                           uint32_t stripe_count = 1) {
  hdb_part part;
  part.stream = "ticks";
  part.table = "all";
  part.period = 5028;
  part.partition = date_partition_name(part.period);
  part.stripe = stripe;
  part.stripe_count = stripe_count;
  part.from = from;
  part.to = to;
  part.directory = to.value;
  part.zones.resize(every_type().columns.size());
  return part;
}

} // namespace millrace::persistence::oracle
