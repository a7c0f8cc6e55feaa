#include <millrace/query/front/qsql/lowering_internal.hpp>

#include <algorithm>
#include <iterator>

namespace millrace::query::qsql {

namespace {

using operators::folded;

/// Whether a column is one value of all rows, or of a group.
bool is_folded(const node& tree) {
  if (tree.kind == node_kind::constant || aggregate_of(function_of(tree)))
    return true;
  if (tree.kind != node_kind::apply || needs_other_rows(tree) == false
      || function_of(tree) == "fby" || running_function_of(function_of(tree)))
    return false;
  return std::all_of(std::next(tree.items.begin()), tree.items.end(),
                     is_folded);
}

bool all_folded(const std::vector<node>& columns) {
  return std::all_of(columns.begin(), columns.end(), is_folded)
         && std::any_of(columns.begin(), columns.end(),
                        [](const node& tree) { return has_aggregate(tree); });
}

/// Whether a condition is of the table's dates alone.
bool is_of_dates(const node& tree) {
  if (tree.kind == node_kind::name)
    return tree.text == "date";
  if (tree.kind == node_kind::apply)
    return std::all_of(std::next(tree.items.begin()), tree.items.end(),
                       is_of_dates);
  return tree.kind == node_kind::constant;
}

std::vector<const node*> pointers(const std::vector<node>& trees) {
  std::vector<const node*> out;
  for (const auto& tree : trees)
    out.push_back(&tree);
  return out;
}

/// What "[5;>price]" says.
struct row_limits {
  std::optional<int64_t> count;
  std::optional<operators::sort_key> order;
};

/// One phrase on its way to a plan.
class phrase_builder {
public:
  phrase_builder(lowering& owner, const node& tree, table_value source,
                 const table_schema* dates, bool ungroups)
    : owner_{owner}, tree_{tree}, phrase_{*tree.phrase}, dates_{dates},
      ungroups_{ungroups}, keys_{std::move(source.keys)},
      columns_{all_columns(source.plan)}, scope_{owner, std::move(source.plan),
                                                 dates} {}

  result<table_value> run() {
    if (auto fault = read_limits())
      return fault;
    switch (phrase_.kind) {
      case phrase_kind::select:
      case phrase_kind::exec:
        return select();
      case phrase_kind::update:
        return update();
      case phrase_kind::delete_:
        return phrase_.columns.empty() ? delete_rows() : delete_columns();
    }
    return owner_.refused(tree_, "no such phrase");
  }

private:
  error read_limits() {
    for (const auto& each : phrase_.limits) {
      if (function_of(each) == ">" || function_of(each) == "<") {
        const auto& column = argument(each, 0);
        if (limits_.order || argument_count(each) != 1)
          return owner_.wrong(each, "rank", "an order is one column here");
        if (!has_column(scope_.input(), column.text))
          return owner_.unknown(column, "column");
        limits_.order
          = operators::sort_key{column.text, function_of(each) == ">"};
        continue;
      }
      const auto count = owner_.constant_value(each);
      const auto* number = count && count->values.size() == 1
                             ? std::get_if<int64_t>(&count->values.front())
                             : nullptr;
      if (!number || limits_.count)
        return owner_.refused(each, "in these brackets stand one count of "
                                    "rows and one order, as in [5;>price]");
      limits_.count = *number;
    }
    if (!phrase_.limits.empty() && phrase_.kind != phrase_kind::select)
      return owner_.refused(tree_, "a limit is there for select only");
    return {};
  }

  error keep_rows() {
    const auto speaks_of_i = [](const std::vector<node>& trees) {
      return std::any_of(trees.begin(), trees.end(),
                         [](const node& tree) { return has_row_number(tree); });
    };
    // Numbers are those of the table's rows, before any are left out but by
    // date.
    bool number = speaks_of_i(phrase_.conditions)
                  || speaks_of_i(phrase_.columns) || speaks_of_i(phrase_.keys);
    for (const auto& condition : phrase_.conditions) {
      if (number && !is_of_dates(condition)) {
        if (auto fault = scope_.number_rows(condition))
          return fault;
        number = false;
      }
      if (auto fault = scope_.keep(condition))
        return fault;
    }
    return {};
  }

  error limit_rows(row_scope& scope) {
    if (limits_.order) {
      operators::sort ordered;
      ordered.keys.push_back(*limits_.order);
      if (auto fault = scope.add(std::move(ordered), tree_))
        return fault;
    }
    if (!limits_.count)
      return {};
    return scope.add(operators::limit{*limits_.count}, tree_);
  }

  result<table_value> select() {
    if (auto fault = keep_rows())
      return fault;
    if (phrase_.grouped)
      return select_groups();
    if (auto fault = limit_rows(scope_))
      return fault;
    if (phrase_.columns.empty())
      return finish(columns_, keys_);
    if (all_folded(phrase_.columns))
      return fold({}, {});
    const auto names = unique_names(pointers(phrase_.columns));
    std::vector<operators::computed> columns;
    for (size_t i = 0; i < phrase_.columns.size(); ++i) {
      auto value = scope_.row(phrase_.columns[i]);
      if (!value)
        return value.failure();
      columns.push_back({names[i], *std::move(value)});
    }
    return finish(std::move(columns), {});
  }

  result<table_value> select_groups() {
    if (phrase_.keys.empty())
      return owner_.wrong(tree_, "rank", "after 'by' stands what to group by");
    if (ungroups_ && !all_folded(phrase_.columns))
      return select_ungrouped();
    auto all = pointers(phrase_.keys);
    for (const auto& column : phrase_.columns)
      all.push_back(&column);
    auto names = unique_names(all);
    const bool within_groups
      = std::any_of(phrase_.columns.begin(), phrase_.columns.end(),
                    [](const node& column) { return has_nested(column); });
    std::vector<operators::computed> keys;
    std::vector<std::string> groups;
    for (size_t i = 0; i < phrase_.keys.size(); ++i) {
      auto value = scope_.row(phrase_.keys[i]);
      if (!value)
        return value.failure();
      if (within_groups) {
        auto name = scope_.as_column(*std::move(value), phrase_.keys[i]);
        if (!name)
          return name.failure();
        groups.push_back(*name);
        value = column_of(*std::move(name), phrase_.keys[i].at.begin);
      }
      keys.push_back({names[i], *std::move(value)});
    }
    scope_.set_groups(std::move(groups));
    names.erase(names.begin(),
                names.begin() + static_cast<ptrdiff_t>(keys.size()));
    auto out = phrase_.columns.empty() ? last_rows(std::move(keys))
                                       : fold(std::move(keys), names);
    if (!out)
      return out;
    if (limits_.order && !has_column(out->plan, limits_.order->column))
      return owner_.wrong(tree_, limits_.order->column,
                          "the result has no such column to order by");
    row_scope groups_scope{owner_, std::move(out->plan), nullptr};
    if (auto fault = limit_rows(groups_scope))
      return fault;
    out->plan = groups_scope.take_input();
    if (ungroups_)
      out->keys.clear();
    return out;
  }

  /// Columns by which rows are grouped that stay.
  result<std::vector<std::string>> group_columns() {
    std::vector<std::string> out;
    for (const auto& key : phrase_.keys) {
      auto value = scope_.row(key);
      if (!value)
        return value.failure();
      auto name = scope_.as_column(*std::move(value), key);
      if (!name)
        return name.failure();
      out.push_back(*std::move(name));
    }
    return out;
  }

  /// Rows that a list of each group would have, group by group.
  result<table_value> select_ungrouped() {
    if (!phrase_.limits.empty())
      return owner_.refused(tree_, "a limit is not there for what 'ungroup' "
                                   "makes rows of: it stands before, as n#t");
    auto all = pointers(phrase_.keys);
    for (const auto& column : phrase_.columns)
      all.push_back(&column);
    const auto names = unique_names(all);
    auto groups = group_columns();
    if (!groups)
      return groups.failure();
    scope_.set_groups(*groups);
    std::vector<operators::computed> columns;
    for (size_t i = 0; i < groups->size(); ++i)
      columns.push_back({names[i], column_of((*groups)[i])});
    for (size_t i = 0; i < phrase_.columns.size(); ++i) {
      auto value = scope_.row(phrase_.columns[i]);
      if (!value)
        return value.failure();
      columns.push_back({names[groups->size() + i], *std::move(value)});
    }
    operators::sort ordered;
    for (const auto& group : *groups)
      ordered.keys.push_back({group, false});
    if (dates_ && has_column(scope_.input(), dates_->time_column))
      ordered.keys.push_back({dates_->time_column, false});
    if (auto fault = scope_.add(std::move(ordered), tree_))
      return fault;
    return finish(std::move(columns), {});
  }

  /// Whether an aggregate is of what needs other rows itself.
  static bool has_nested(const node& tree) {
    if (tree.kind != node_kind::apply)
      return false;
    const bool folds = aggregate_of(function_of(tree)).has_value();
    return std::any_of(
      std::next(tree.items.begin()), tree.items.end(), [&](const node& part) {
        return (folds && needs_other_rows(part)) || has_nested(part);
      });
  }

  /// "select by sym from trade"
  result<table_value> last_rows(std::vector<operators::computed> keys) {
    operators::aggregate out;
    for (const auto& column : columns_) {
      const bool is_key
        = std::any_of(keys.begin(), keys.end(),
                      [&](const auto& key) { return key.name == column.name; });
      if (!is_key)
        out.columns.push_back(
          {column.name, aggregate_function::last, {column.value}});
    }
    table_value made;
    for (const auto& key : keys)
      made.keys.push_back(key.name);
    out.keys = std::move(keys);
    if (auto fault = scope_.add(std::move(out), tree_))
      return fault;
    made.plan = scope_.take_input();
    return made;
  }

  /// Aggregates of all rows, or of groups.
  result<table_value> fold(std::vector<operators::computed> keys,
                           std::vector<std::string> names) {
    if (names.empty())
      names = unique_names(pointers(phrase_.columns));
    table_value made;
    std::vector<operators::computed> columns;
    for (const auto& key : keys) {
      made.keys.push_back(key.name);
      columns.push_back({key.name, column_of(key.name, key.value.place)});
    }
    operators::aggregate out;
    bool computes = false;
    for (size_t i = 0; i < phrase_.columns.size(); ++i) {
      const auto before = out.columns.size();
      auto value = scope_.fold(phrase_.columns[i], out.columns);
      if (!value)
        return value.failure();
      // An aggregate alone has the name at once.
      if (is_column(*value) && out.columns.size() == before + 1)
        out.columns.back().name = value->name = names[i];
      else
        computes = true;
      columns.push_back({names[i], *std::move(value)});
    }
    out.keys = std::move(keys);
    if (auto fault = scope_.add(std::move(out), tree_))
      return fault;
    if (computes)
      if (auto fault
          = scope_.add(operators::project{std::move(columns)}, tree_))
        return fault;
    made.plan = scope_.take_input();
    return made;
  }

  /// The columns, and no others that were added on the way.
  result<table_value> finish(std::vector<operators::computed> columns,
                             std::vector<std::string> keys) {
    const auto& have = scope_.input().columns;
    const bool as_they_are
      = std::equal(columns.begin(), columns.end(), have.begin(), have.end(),
                   [](const auto& wanted, const auto& column) {
                     return wanted.name == column.name
                            && is_column(wanted.value)
                            && wanted.value.name == column.name;
                   });
    if (!as_they_are)
      if (auto fault
          = scope_.add(operators::project{std::move(columns)}, tree_))
        return fault;
    if (phrase_.distinct) {
      operators::aggregate distinct;
      distinct.keys = all_columns(scope_.input());
      if (auto fault = scope_.add(std::move(distinct), tree_))
        return fault;
    }
    return table_value{scope_.take_input(), std::move(keys)};
  }

  /// All conditions of a row as one.
  result<std::optional<expression>> condition() {
    std::optional<expression> out;
    for (const auto& each : phrase_.conditions) {
      if (phrase_.conditions.size() > 1 && needs_other_rows(each))
        return owner_.refused(each, "a condition on other rows stands alone "
                                    "here");
      auto value = scope_.row(each);
      if (!value)
        return value.failure();
      if (!out) {
        out = *std::move(value);
        continue;
      }
      std::vector<expression> both;
      both.push_back(*std::move(out));
      both.push_back(*std::move(value));
      out = call_of(scalar_function::lesser, std::move(both), each.at.begin);
    }
    return out;
  }

  result<table_value> update() {
    if (phrase_.columns.empty())
      return owner_.wrong(tree_, "rank", "after 'update' stand columns");
    auto groups = group_columns();
    if (!groups)
      return groups.failure();
    scope_.set_groups(*std::move(groups));
    auto where = condition();
    if (!where)
      return where.failure();
    const auto names = unique_names(pointers(phrase_.columns));
    auto columns = columns_;
    for (size_t i = 0; i < phrase_.columns.size(); ++i) {
      const auto& tree = phrase_.columns[i];
      if (*where && needs_other_rows(tree))
        return owner_.refused(tree, "where a value needs other rows, update "
                                    "has no conditions");
      auto value = scope_.row(tree);
      if (!value)
        return value.failure();
      const auto held
        = std::find_if(columns.begin(), columns.end(),
                       [&](const auto& each) { return each.name == names[i]; });
      if (*where) {
        auto type = scope_.type_of(*value, tree);
        if (!type)
          return type.failure();
        std::vector<expression> choice;
        choice.push_back(**where);
        choice.push_back(*std::move(value));
        // Rows that are left alone keep what they had.
        choice.push_back(held != columns.end()
                           ? column_of(held->name, tree.at.begin)
                           : constant_of(*type, std::monostate{}));
        value = call_of(scalar_function::conditional, std::move(choice),
                        tree.at.begin);
      }
      if (held == columns.end())
        columns.push_back({names[i], *std::move(value)});
      else
        held->value = *std::move(value);
    }
    return finish(std::move(columns), keys_);
  }

  result<table_value> delete_columns() {
    if (!phrase_.conditions.empty())
      return owner_.wrong(tree_, "rank",
                          "delete takes columns or conditions, "
                          "and not both");
    auto columns = columns_;
    for (const auto& each : phrase_.columns) {
      const auto found
        = std::find_if(columns.begin(), columns.end(), [&](const auto& column) {
            return each.kind == node_kind::name && column.name == each.text;
          });
      if (found == columns.end())
        return owner_.unknown(each, "column");
      columns.erase(found);
      std::erase(keys_, each.text);
    }
    if (columns.empty())
      return owner_.wrong(tree_, "rank", "no column is left");
    return finish(std::move(columns), keys_);
  }

  result<table_value> delete_rows() {
    auto where = condition();
    if (!where)
      return where.failure();
    if (!*where) {
      if (auto fault = scope_.add(operators::limit{0}, tree_))
        return fault;
      return finish(columns_, keys_);
    }
    operators::filter kept;
    std::vector<expression> arguments;
    arguments.push_back(**std::move(where));
    kept.conditions.push_back(call_of(scalar_function::logical_not,
                                      std::move(arguments), tree_.at.begin));
    if (auto fault = scope_.add(std::move(kept), tree_))
      return fault;
    return finish(columns_, keys_);
  }

  lowering& owner_;
  const node& tree_;
  const select_phrase& phrase_;
  const table_schema* dates_;
  bool ungroups_;
  std::vector<std::string> keys_;
  std::vector<operators::computed> columns_;
  row_scope scope_;
  row_limits limits_;
};

} // namespace

result<table_value> lowering::phrase(const node& tree, bool ungroups) {
  const bool changes = tree.phrase->kind == phrase_kind::update
                       || tree.phrase->kind == phrase_kind::delete_;
  if (const auto& from = tree.phrase->source;
      changes && from.kind == node_kind::constant
      && from.value.type == column_type::symbol)
    return refused(from, "no table is changed in place: without the '`' this "
                         "gives a table, and 'millrace hdb amend' changes rows "
                         "that are written down");
  auto source = table(tree.phrase->source);
  if (!source)
    return source;
  const auto* scan = std::get_if<operators::scan>(&source->plan.what);
  const auto* dates = scan ? find_(scan->schema.name) : nullptr;
  return phrase_builder{*this, tree, *std::move(source), dates, ungroups}.run();
}

} // namespace millrace::query::qsql
