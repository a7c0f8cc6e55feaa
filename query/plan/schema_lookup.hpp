#pragma once

#include <millrace/messages/data/schema.hpp>

#include <functional>
#include <string_view>

namespace millrace::query {

/// The schema of a table, nullptr when there is none of that name. It must
/// stay valid during the call it is passed to.
using schema_lookup = std::function<const table_schema*(std::string_view)>;

} // namespace millrace::query
