#pragma once

#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <string>
#include <vector>

namespace millrace::torq {

/// What a process registers of the tables that it declares, so that others can
/// tell whether they mean the same by their names: an object, by name of table
/// `columns`, types by name, `time` and `symbol`, the columns that are these,
/// and `roll`, the rule by which rows go to dates.
[[nodiscard]] text::json_value
declarations_of(const std::vector<table_schema>& tables);

/// What says where rows lie and is otherwise in `theirs`, one of these tables:
/// the time or the symbol column, or the roll rule. Empty: nothing is.
[[nodiscard]] std::string differing_place(const table_schema& mine,
                                          const text::json_value& theirs);

/// What `theirs` declares otherwise than `mine`, in words: a line per table
/// that both name.
[[nodiscard]] std::vector<std::string>
differing_declarations(const std::vector<table_schema>& mine,
                       const text::json_value& theirs);

} // namespace millrace::torq
