#pragma once

#include <millrace/messages/data/schema.hpp>

namespace millrace::query {

/// The table of TorQ's own tests, and a numeric column of each odd kind.
inline table_schema xdaily() {
  table_schema schema;
  schema.name = "xdaily";
  schema.columns = {{"sym", column_type::symbol},
                    {"source", column_type::symbol},
                    {"id", column_type::string},
                    {"time", column_type::timestamp},
                    {"sourcetime", column_type::timestamp},
                    {"bidprice", column_type::float_},
                    {"bidsize", column_type::float_},
                    {"askprice", column_type::float_},
                    {"asksize", column_type::float_},
                    {"lots", column_type::long_},
                    {"side", column_type::char_},
                    {"settle", column_type::date},
                    {"ratio", column_type::real}};
  schema.time_column = "time";
  schema.symbol_column = "sym";
  return schema;
}

} // namespace millrace::query
