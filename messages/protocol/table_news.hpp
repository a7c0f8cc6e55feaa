#pragma once

#include <millrace/messages/data/schema.hpp>

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <string>

namespace millrace {

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, column_schema& x) {
  return f(caf::meta::type_name("column_schema"), x.name, x.type);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, table_schema& x) {
  return f(caf::meta::type_name("table_schema"), x.name, x.version, x.columns,
           x.time_column, x.symbol_column, x.roll_zone, x.roll_offset_ns);
}

/// One more table of a running cluster, as each process of it needs to know it.
/// It stays within the node that made it of its configuration.
struct table_news {
  table_schema schema;
  std::string stream;
  bool stamps = false; ///< Rows without a time get that of their publishing.
  /// Where its rows are written, loaded and looked for.
  std::string directory;
  // Whether questions about it miss rows without one of these, and how one
  // comes to live when none does by itself.
  bool in_rdb = false;
  bool in_hdb = false;
  std::string rdb_hint;
  std::string hdb_hint;
  /// Why answers may lack rows no matter who is asked; empty: they do not.
  std::string warning;
  bool is_held = false; ///< By the RDB that is told.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, table_news& x) {
  return f(caf::meta::type_name("table_news"), x.schema, x.stream, x.stamps,
           x.directory, x.in_rdb, x.in_hdb, x.rdb_hint, x.hdb_hint, x.warning,
           x.is_held);
}

/// What was made of a table that is new.
enum class table_outcome : uint8_t {
  taken,
  known, ///< Exactly this one was known.
  /// Taken, and rows that came before are read from the stream again: it ends
  /// for that, and its next life has them.
  reads_again,
  down,        ///< The process does not run.
  unconcerned, ///< It has no use for the table.
  declared,    ///< Those that start from now on know it.
};

/// As people read it: "reads_again".
[[nodiscard]] std::string to_string(table_outcome outcome);

struct table_intake {
  table_outcome outcome = table_outcome::taken;
  /// Of a node: the path of the configuration that it was started with.
  std::string config;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, table_intake& x) {
  return f(caf::meta::type_name("table_intake"), x.outcome, x.config);
}

} // namespace millrace
