#include "qsql_syntax_text.hpp"

#include <millrace/query/plan/literal_text.hpp>

namespace millrace::query::qsql {

namespace {

std::string joined(const std::vector<node>& items, std::string_view between) {
  std::string out;
  for (const auto& item : items) {
    if (!out.empty())
      out += between;
    out += tree_text(item);
  }
  return out;
}

std::string phrase_text(const select_phrase& phrase) {
  std::string out{"{"};
  out += to_string(phrase.kind);
  if (!phrase.limits.empty())
    out += "[" + joined(phrase.limits, ";") + "]";
  if (phrase.distinct)
    out += " distinct";
  if (!phrase.columns.empty())
    out += " " + joined(phrase.columns, ", ");
  if (phrase.grouped)
    out += phrase.keys.empty() ? " by" : " by " + joined(phrase.keys, ", ");
  out += " from " + tree_text(phrase.source);
  if (!phrase.conditions.empty())
    out += " where " + joined(phrase.conditions, ", ");
  return out + "}";
}

std::string bare_text(const node& tree) {
  switch (tree.kind) {
    case node_kind::nothing:
      return "_";
    case node_kind::constant:
      return "<" + constant_text(tree.value) + ">";
    case node_kind::name:
      return tree.text;
    case node_kind::verb:
      return tree.text + tree.iterator;
    case node_kind::list:
      return "[" + joined(tree.items, "; ") + "]";
    case node_kind::table:
      return "table " + std::to_string(tree.key_count) + "["
             + joined(tree.items, "; ") + "]";
    case node_kind::apply:
      return "(" + joined(tree.items, " ") + ")";
    case node_kind::assign:
      return tree_text(tree.items.front());
    case node_kind::phrase:
      return phrase_text(*tree.phrase);
  }
  return "?";
}

} // namespace

std::string tree_text(const node& tree) {
  return tree.label.empty() ? bare_text(tree)
                            : tree.label + ":" + bare_text(tree);
}

std::string tree_text(const std::vector<node>& trees) {
  return joined(trees, " | ");
}

std::string constant_text(const constant& value) {
  std::string out{to_string(value.type)};
  if (value.is_list)
    out += 's';
  for (const auto& item : value.values) {
    out += ' ';
    if (std::holds_alternative<std::monostate>(item))
      out += "0N";
    else if (const auto* whole = std::get_if<int64_t>(&item))
      append_integer(out, *whole, value.type);
    else if (const auto* number = std::get_if<double>(&item))
      append_float(out, *number);
    else
      out += std::get<std::string>(item);
  }
  return out;
}

} // namespace millrace::query::qsql
