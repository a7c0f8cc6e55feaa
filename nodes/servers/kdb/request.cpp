#include <millrace/nodes/servers/kdb/verbs_internal.hpp>
#include <millrace/query/front/qsql/parser.hpp>
#include <millrace/query/front/qsql/qsql.hpp>
#include <millrace/query/table/result_text.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace millrace::nodes::kdb {

namespace {

using query::qsql::constant;
using query::qsql::node;
using query::qsql::node_kind;

error refused(const char* kind, const std::string& what) {
  return {errc::invalid_argument, std::string{kind} + ": " + what};
}

template <class T>
void append(std::string& out, T number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

/// Items of a constant of fixed width; the null of a whole type is its least.
void append_number(std::string& out, kind type, const query::literal& from) {
  const auto* whole = std::get_if<int64_t>(&from);
  const auto* real = std::get_if<double>(&from);
  const auto number = real    ? *real
                      : whole ? static_cast<double>(*whole)
                              : std::nan("");
  switch (width_of(type)) {
    case 1:
      append(out, static_cast<uint8_t>(whole ? *whole : 0));
      return;
    case 2:
      append(out, whole ? static_cast<int16_t>(*whole) : null_short);
      return;
    case 4:
      if (type == kind::real)
        append(out, static_cast<float>(number));
      else
        append(out, whole ? static_cast<int32_t>(*whole) : null_int);
      return;
    default:
      if (type == kind::float_ || type == kind::datetime)
        append(out, number);
      else
        append(out, whole ? *whole : null_long);
  }
}

result<value> value_of(const constant& from) {
  const auto text_at = [&](size_t i) {
    const auto* text = std::get_if<std::string>(&from.values[i]);
    return text ? *text : std::string{};
  };
  if (from.type == column_type::string) {
    if (!from.is_list && from.values.size() == 1)
      return text_value(text_at(0));
    std::vector<value> items;
    for (size_t i = 0; i < from.values.size(); ++i)
      items.push_back(text_value(text_at(i)));
    return list_of(std::move(items));
  }
  if (from.type == column_type::guid)
    return refused("nyi", "a guid in a text");
  value out;
  out.type = static_cast<kind>(static_cast<int>(from.type));
  out.is_atom = !from.is_list && from.values.size() == 1;
  for (size_t i = 0; i < from.values.size(); ++i)
    if (out.type == kind::symbol)
      out.symbols.push_back(text_at(i));
    else if (out.type == kind::char_)
      out.bytes += text_at(i).empty() ? " " : text_at(i).substr(0, 1);
    else
      append_number(out.bytes, out.type, from.values[i]);
  return out;
}

/// An argument as it is written in a call; a name stands for its symbol.
result<value> argument_of(const node& tree) {
  switch (tree.kind) {
    case node_kind::nothing:
      return generic_null();
    case node_kind::constant:
      return value_of(tree.value);
    case node_kind::name:
      return symbol_atom(tree.text);
    case node_kind::list: {
      std::vector<value> items;
      for (const auto& item : tree.items) {
        auto made = argument_of(item);
        if (!made)
          return made;
        items.push_back(*std::move(made));
      }
      return list_of(std::move(items));
    }
    case node_kind::apply:
      if (tree.items.size() == 3 && tree.items[0].text == "!") {
        value out;
        out.type = kind::dictionary;
        for (size_t i = 1; i < 3; ++i) {
          auto part = argument_of(tree.items[i]);
          if (!part)
            return part;
          out.parts.push_back(*std::move(part));
        }
        return out;
      }
      if (tree.items.size() == 2 && tree.items[0].text == "enlist") {
        auto item = argument_of(tree.items[1]);
        if (!item)
          return item;
        if (item->is_atom) {
          item->is_atom = false;
          return item;
        }
        return list_of({*std::move(item)});
      }
      break;
    default:
      break;
  }
  return refused("nyi", "an argument is a constant, a list of these, or a "
                        "dictionary");
}

/// "1+1": what clients send to see whether anybody is there.
std::optional<value> small_sum(const node& tree) {
  if (tree.kind != node_kind::apply || tree.items.size() != 3
      || tree.items[0].text != "+")
    return std::nullopt;
  int64_t sum = 0;
  for (size_t i = 1; i < 3; ++i) {
    const auto& part = tree.items[i].value;
    const auto* number = tree.items[i].kind == node_kind::constant
                             && part.type == column_type::long_
                             && part.values.size() == 1
                           ? std::get_if<int64_t>(&part.values.front())
                           : nullptr;
    if (!number || __builtin_add_overflow(sum, *number, &sum))
      return std::nullopt;
  }
  return atom_of(kind::long_, sum);
}

result<undertaking> understand_tree(const node& tree, const std::string& text,
                                    const request_setting& with);

/// (.u.sub[`;`];.u `i`L), as subscribers of kdb+tick begin: what is beside the
/// subscription is answered with it.
result<undertaking> understand_beside(const node& tree,
                                      const request_setting& with) {
  std::optional<subscribe_request> out;
  std::vector<value> beside;
  for (const auto& each : tree.items) {
    auto made = understand_tree(each, {}, with);
    if (!made)
      return made;
    if (auto* wish = std::get_if<subscribe_request>(&*made); wish && !out)
      out = std::move(*wish);
    else if (auto* known = std::get_if<value>(&*made); known && out)
      beside.push_back(std::move(*known));
    else
      return refused("nyi", "a list of calls begins with .u.sub, and goes on "
                            "with what needs no gateway");
  }
  out->beside = std::move(beside);
  return undertaking{*std::move(out)};
}

bool begins_with_subscription(const node& tree) {
  if (tree.kind != node_kind::list || tree.items.size() < 2)
    return false;
  const auto& first = tree.items.front();
  return first.kind == node_kind::apply && !first.items.empty()
         && first.items[0].kind == node_kind::name
         && first.items[0].text == ".u.sub";
}

result<undertaking> understand_tree(const node& tree, const std::string& text,
                                    const request_setting& with) {
  if (begins_with_subscription(tree))
    return understand_beside(tree, with);
  if (tree.kind == node_kind::name && is_verb(tree.text))
    return call_verb(tree.text, {}, with);
  if (tree.kind == node_kind::apply && !tree.items.empty()
      && tree.items[0].kind == node_kind::name && is_verb(tree.items[0].text)) {
    std::vector<value> arguments;
    for (size_t i = 1; i < tree.items.size(); ++i) {
      auto made = argument_of(tree.items[i]);
      if (!made)
        return failed_call(tree.items[0].text, made.failure());
      arguments.push_back(*std::move(made));
    }
    return call_verb(tree.items[0].text, arguments, with);
  }
  if (auto sum = small_sum(tree))
    return undertaking{*std::move(sum)};
  const bool is_table = tree.kind == node_kind::constant
                        && tree.value.type == column_type::symbol
                        && !tree.value.is_list && tree.value.values.size() == 1;
  if (tree.kind == node_kind::constant && !is_table) {
    auto made = value_of(tree.value);
    return made ? result<undertaking>{*std::move(made)} : made.failure();
  }
  return ask_in_q(text, with);
}

result<undertaking> understand_text(const std::string& text,
                                    const request_setting& with) {
  // Clients send it to learn that all before it is done.
  if (text.find_first_not_of(" \t\r\n;") == std::string::npos || text == "::")
    return undertaking{generic_null()};
  // As a console of q takes them: the language of what follows.
  if (text.starts_with("s)"))
    return ask_in_sql(text.substr(2));
  if (text.starts_with("q)"))
    return understand_text(text.substr(2), with);
  const auto statements = query::qsql::parse(text);
  if (!statements) {
    const auto name = text.substr(0, text.find('['));
    return is_verb(name) ? failed_call(name, statements.failure())
                         : statements.failure();
  }
  if (statements->size() != 1)
    return ask_in_q(text, with);
  return understand_tree(statements->front(), text, with);
}

bool is_text(const value& what) { return what.type == kind::char_; }

bool is_symbol(const value& what) {
  return what.type == kind::symbol && what.is_atom;
}

/// One item of a list of fixed width, as texts write it.
std::string item_text(const value& what, size_t i) {
  query::column_data column;
  column.type = static_cast<column_type>(static_cast<int>(what.type));
  const auto width = width_of(what.type);
  const auto* first
    = reinterpret_cast<const std::byte*>(what.bytes.data()) + i * width;
  column.values.assign(first, first + width);
  std::string out;
  query::append_cell(out, column, 0);
  return out;
}

/// The same of a list of datetimes, which are timestamps here.
result<std::string> datetime_text(const value& what, size_t i) {
  const auto ns = timestamp_of(what.item<double>(i));
  if (!ns)
    return refused("domain", "a datetime is beyond what there can be");
  return item_text(atom_of(kind::timestamp, *ns), 0);
}

/// Texts of the items of a value, which a named query reads as the types of
/// its parameters.
result<std::vector<std::string>> argument_texts(const value& what) {
  if (is_text(what))
    return std::vector<std::string>{what.bytes};
  if (what.type == kind::symbol)
    return what.symbols;
  if (what.type == kind::list || width_of(what.type) == 0)
    return error{errc::unsupported,
                 "nyi: a query is asked with atoms and simple lists"};
  std::vector<std::string> out;
  for (size_t i = 0; i < what.size(); ++i) {
    auto made = what.type == kind::datetime
                  ? datetime_text(what, i)
                  : result<std::string>{item_text(what, i)};
    if (!made)
      return made.failure();
    out.push_back(*std::move(made));
  }
  return out;
}

std::string quoted_in_q(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + '"';
}

/// (`hloc;2024.05.01;2024.05.03;0D01) as a text.
result<std::string> call_in_q(const std::string& name,
                              std::span<const value> given) {
  auto out = name + "[";
  for (size_t i = 0; i < given.size(); ++i) {
    // `name[]` has no argument, nor has (`name;::).
    if (given.size() == 1 && given[i].type == kind::primitive)
      break;
    const auto texts = argument_texts(given[i]);
    if (!texts)
      return texts.failure();
    if (i != 0)
      out += ';';
    const bool is_one = given[i].is_atom || is_text(given[i]);
    if (!is_one)
      out += '(';
    for (size_t k = 0; k < texts->size(); ++k)
      (out += k == 0 ? "" : ";") += quoted_in_q((*texts)[k]);
    if (!is_one)
      out += ')';
  }
  return out + "]";
}

result<undertaking> understand_list(const value& what,
                                    const request_setting& with) {
  if (what.parts.empty())
    return undertaking{generic_null()};
  const auto& first = what.parts.front();
  if (first.type == kind::lambda || first.type == kind::function
      || first.type == kind::primitive)
    return refused("nyi", "functions of clients are not run here");
  if (!is_text(first) && !is_symbol(first))
    return refused("type", "a list begins with the name of a function");
  const auto& name = is_text(first) ? first.bytes : first.symbols.front();
  if (with.queries && with.queries->contains(name)) {
    auto text = call_in_q(name, std::span{what.parts}.subspan(1));
    return text ? ask_in_q(*text, with) : text.failure();
  }
  if (!is_verb(name))
    return error{errc::not_found,
                 name + ": there is no function of this name here"};
  return call_verb(name, std::span{what.parts}.subspan(1), with);
}

/// The item of a list of numbers or times.
result<text::json_value> json_of_item(const value& what, size_t i) {
  switch (what.type) {
    case kind::boolean:
      return text::json_value{what.bytes[i] != 0};
    case kind::byte_:
      return text::json_value{static_cast<uint8_t>(what.bytes[i])};
    case kind::short_:
      return what.item<int16_t>(i) == null_short
               ? text::json_value{}
               : text::json_value{what.item<int16_t>(i)};
    case kind::int_:
      return what.item<int32_t>(i) == null_int
               ? text::json_value{}
               : text::json_value{what.item<int32_t>(i)};
    case kind::long_:
      return what.item<int64_t>(i) == null_long
               ? text::json_value{}
               : text::json_value{what.item<int64_t>(i)};
    case kind::real:
    case kind::float_: {
      const auto number = what.type == kind::real
                            ? static_cast<double>(what.item<float>(i))
                            : what.item<double>(i);
      if (std::isinf(number))
        return text::json_value{number > 0 ? "inf" : "-inf"};
      return std::isnan(number) ? text::json_value{} : text::json_value{number};
    }
    case kind::datetime: {
      auto written = datetime_text(what, i);
      if (!written)
        return written.failure();
      return written->empty() ? text::json_value{}
                              : text::json_value{*std::move(written)};
    }
    default: {
      auto written = item_text(what, i);
      return written.empty() ? text::json_value{}
                             : text::json_value{std::move(written)};
    }
  }
}

result<text::json_value> json_of_dictionary(const value& what) {
  const auto& keys = what.parts[0];
  const auto& values = what.parts[1];
  if (keys.type != kind::symbol || keys.is_atom || values.is_atom
      || keys.size() != values.size())
    return error{errc::invalid_argument,
                 "type: the keys of a dictionary of parameters are symbols"};
  auto out = text::json_value::object();
  for (size_t i = 0; i < keys.size(); ++i) {
    if (out.find(keys.symbols[i]))
      return error{errc::invalid_argument, "domain: the parameter '"
                                             + keys.symbols[i]
                                             + "' comes twice"};
    result<text::json_value> item
      = values.type == kind::list ? json_of(values.parts[i])
        : values.type == kind::symbol
          ? result<text::json_value>{text::json_value{values.symbols[i]}}
        : values.type == kind::char_
          ? result<text::json_value>{text::json_value{
            std::string(1, values.bytes[i])}}
          : json_of_item(values, i);
    if (!item)
      return item;
    out.add(keys.symbols[i], *std::move(item));
  }
  return out;
}

} // namespace

const table_schema* request_setting::find(std::string_view table,
                                          table_use use) const {
  const auto found = tables->find(std::string{table});
  return found == tables->end() || (grants && !grants->may(use, table))
           ? nullptr
           : &found->second;
}

error request_setting::refusal(table_use use, const std::string& table) const {
  if (!knows(table) || !grants)
    return {errc::not_found, table};
  return {errc::permission, "access: " + grants->refusal(use, table).context};
}

bool request_setting::knows(const std::string& table) const {
  return tables->contains(table) && (!grants || grants->knows(table));
}

result<text::json_value> json_of(const value& what) {
  switch (what.type) {
    case kind::symbol: {
      if (what.is_atom)
        return text::json_value{what.symbols.front()};
      return text::json_value{what.symbols};
    }
    case kind::char_:
      return text::json_value{what.bytes};
    case kind::dictionary:
      return json_of_dictionary(what);
    case kind::list: {
      auto out = text::json_value::array();
      for (const auto& part : what.parts) {
        auto item = json_of(part);
        if (!item)
          return item;
        out.add(*std::move(item));
      }
      return out;
    }
    case kind::table:
    case kind::lambda:
    case kind::primitive:
    case kind::function:
    case kind::error:
      return error{errc::unsupported,
                   "nyi: functions and tables are not parameters; operators "
                   "are symbols or texts, as `sym`size!((\"like\";\"A*\");"
                   "(\">\";100))"};
    default:
      break;
  }
  if (what.is_atom)
    return json_of_item(what, 0);
  auto out = text::json_value::array();
  for (size_t i = 0; i < what.size(); ++i) {
    auto item = json_of_item(what, i);
    if (!item)
      return item;
    out.add(*std::move(item));
  }
  return out;
}

error as_in_q(error why) {
  switch (why.code) {
    case errc::timeout:
      why.context = "stop: " + why.context;
      break;
    case errc::limit_exceeded:
    case errc::busy:
    case errc::oversize:
      if (!why.context.starts_with("limit: "))
        why.context = "limit: " + why.context;
      break;
    case errc::overloaded:
      why.context = "wsfull: " + why.context;
      break;
    case errc::unsupported:
      if (!why.context.starts_with("nyi: "))
        why.context = "nyi: " + why.context;
      break;
    case errc::invalid_argument:
    case errc::not_found:
    case errc::bad_data:
      break;
    default:
      if (!why.context.starts_with("access: "))
        why.context = to_string(why);
  }
  return why;
}

result<undertaking> ask_in_q(const std::string& text,
                             const request_setting& with) {
  // The gateway reads it again; what is wrong is told without it, and the form
  // of the answer is not in its rows.
  const query::schema_lookup find
    = [&](std::string_view name) { return with.find(name, table_use::query); };
  const auto named = with.queries
                       ? query::lookup_in(*with.queries, find, with.now_ns)
                       : query::named_lookup{};
  auto understood = query::parse_qsql(text, find, with.now_ns, {}, named);
  if (!understood)
    return understood.failure();
  gateway_question out;
  out.parameters
    = text::json_value{{"language", "qsql"}, {"text", text}}.dump();
  out.form.keys = std::move(understood->keys);
  out.form.shape = understood->shape;
  return undertaking{std::move(out)};
}

result<undertaking> ask_in_sql(const std::string& text) {
  gateway_question out;
  out.parameters = text::json_value{{"language", "sql"}, {"text", text}}.dump();
  return undertaking{std::move(out)};
}

result<undertaking> understand(const value& what, const request_setting& with) {
  if (is_text(what))
    return understand_text(what.bytes, with);
  if (is_symbol(what)) {
    if (is_verb(what.symbols.front()))
      return call_verb(what.symbols.front(), {}, with);
    return understand_text("`" + what.symbols.front(), with);
  }
  switch (what.type) {
    case kind::list:
      return understand_list(what, with);
    case kind::symbol: {
      // (`meta;`trade) travels as a list of symbols.
      std::vector<value> parts;
      for (const auto& name : what.symbols)
        parts.push_back(symbol_atom(name));
      return understand_list(list_of(std::move(parts)), with);
    }
    case kind::lambda:
    case kind::function:
      return refused("nyi", "functions of clients are not run here");
    case kind::primitive:
      return undertaking{generic_null()};
    default:
      return refused("type", "a request is a text, or a list of a name and "
                             "arguments");
  }
}

} // namespace millrace::nodes::kdb
