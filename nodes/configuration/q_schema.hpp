#pragma once

#include <millrace/messages/data/schema.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace millrace::nodes {

/// Tables that a file of q declares, as TorQ's tickerplants load one.
struct q_schema {
  std::vector<table_schema> tables; ///< With columns `time` and `sym`.
  /// What of the file declares no table of ours, and why.
  std::vector<std::string> left_out;
};

/// Reads declarations `name:([]column:`type$(); ...)`, perhaps with an
/// attribute, over one or several lines. q itself does not run here.
/// @param path for messages
[[nodiscard]] q_schema read_q_schema(std::string_view text,
                                     const std::string& path);

} // namespace millrace::nodes
