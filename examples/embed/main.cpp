// Reads the configuration of a cluster, makes a batch of rows for its first
// table as a publisher would, and reads it back in place as a subscriber would.
#include <millrace/messages/table_batch.hpp>
#include <millrace/nodes/configuration.hpp>
#include <millrace/nodes/exit_codes.hpp>
#include <millrace/persistence/file_system.hpp>

#include <cstdio>
#include <string>

namespace {

int fail(const millrace::error& failure) {
  std::fprintf(stderr, "embed: %s\n", to_string(failure).c_str());
  return millrace::nodes::exit_code_of(failure.code);
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: embed CONFIG\n");
    return millrace::nodes::exit_usage;
  }
  const auto config = millrace::nodes::load_configuration(
    millrace::persistence::posix_file_system(), argv[1]);
  if (!config)
    return fail(config.failure());
  std::printf("cluster %s: %zu nodes, %zu streams, %zu tables\n",
              config->name.c_str(), config->nodes.size(),
              config->streams.size(), config->tables.size());
  if (config->tables.empty())
    return millrace::nodes::exit_ok;

  // One row: a symbol where the table has its symbol column, null elsewhere.
  const auto& schema = config->tables.front().schema;
  millrace::batch_builder builder{schema};
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    if (schema.columns[i].name == schema.symbol_column)
      builder.append_symbol(i, "EMBED");
    else
      builder.append_null(i);
  }
  builder.end_row();
  const auto payload = builder.encode();

  const auto batch = millrace::decode_batch(payload);
  if (!batch)
    return fail(batch.failure());
  std::printf("batch of %.*s: %u row, %zu columns, %zu bytes\n",
              static_cast<int>(batch->table.size()), batch->table.data(),
              batch->row_count, batch->columns.size(), payload.size());
  for (const auto& column : batch->columns)
    if (column.name == schema.symbol_column)
      std::printf("%s = %s\n", std::string{column.name}.c_str(),
                  std::string{column.symbol(1)}.c_str());
  return millrace::nodes::exit_ok;
}
