#include <millrace/messages/base/name_table.hpp>
#include <millrace/messages/data/types.hpp>

namespace millrace {

namespace {

constexpr name_table<column_type, 18> names{{
  {column_type::boolean, "boolean"},
  {column_type::guid, "guid"},
  {column_type::byte_, "byte"},
  {column_type::short_, "short"},
  {column_type::int_, "int"},
  {column_type::long_, "long"},
  {column_type::real, "real"},
  {column_type::float_, "float"},
  {column_type::char_, "char"},
  {column_type::symbol, "symbol"},
  {column_type::timestamp, "timestamp"},
  {column_type::month, "month"},
  {column_type::date, "date"},
  {column_type::timespan, "timespan"},
  {column_type::minute, "minute"},
  {column_type::second, "second"},
  {column_type::time, "time"},
  {column_type::string, "string"},
}};

} // namespace

std::string_view to_string(column_type type) noexcept {
  return names.name_of(type);
}

std::optional<column_type> column_type_of(std::string_view name) noexcept {
  return names.find(name);
}

} // namespace millrace
