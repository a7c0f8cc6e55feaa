#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/nodes/assembly/stream_places.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <string>

namespace millrace::nodes {

/// The newest schema of a table that a stream tells of: what a program without
/// a configuration knows the table by. Reads all that the stream still has, and
/// blocks meanwhile. `not_found` when it tells of none, `timeout` when it
/// brings nothing for ten seconds before its end.
[[nodiscard]] result<table_schema> schema_in_stream(runtime& host,
                                                    const std::string& stream,
                                                    const named_places& at,
                                                    const std::string& table);

} // namespace millrace::nodes
