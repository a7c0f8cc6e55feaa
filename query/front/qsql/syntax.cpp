#include <millrace/query/front/qsql/syntax.hpp>

namespace millrace::query::qsql {

node::node(node&&) noexcept = default;
node& node::operator=(node&&) noexcept = default;
node::~node() = default;

std::string_view to_string(phrase_kind kind) noexcept {
  switch (kind) {
    case phrase_kind::select:
      return "select";
    case phrase_kind::exec:
      return "exec";
    case phrase_kind::update:
      return "update";
    case phrase_kind::delete_:
      return "delete";
  }
  return "?";
}

} // namespace millrace::query::qsql
