#pragma once

#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace millrace::nodes {

/// A process that cannot be asked yet, or a stream that no node orders.
struct unready_process {
  std::string name; ///< Of the process, or "stream 'NAME'".
  std::string why;
  uint32_t replayed_percent = 0;
  bool goes_on = true;  ///< False: time alone does not make it ready.
  bool runs = true;     ///< False: it was stopped.
  bool refuses = false; ///< It runs, and somebody must do something.
  bool elects = false;  ///< Its rts are choosing who orders it.
  bool lacks = false;   ///< It answers, and what it held is not there.
};

/// Of the processes that these nodes host, those that were stopped, those that
/// cannot answer, those whose hdb is gone, those that no discovery knows, and
/// the streams of their rts that no node orders, as `live` says: the answer of
/// `collect_status`, and as "registered" the names of those that discoveries
/// know to be there; null while none of them answers.
[[nodiscard]] std::vector<unready_process>
unready_of(const cluster_config& config, const std::vector<std::string>& nodes,
           const text::json_value& live);

/// Waits until what these nodes host can be asked, or only time cannot help, or
/// the time is up. @returns what cannot, as `unready_of`. Blocks: not for
/// handlers.
/// @param progress called now and then with those that are not ready yet.
[[nodiscard]] std::vector<unready_process> await_ready(
  runtime& host, const cluster_config& config,
  const std::vector<std::string>& nodes, std::chrono::nanoseconds limit,
  const std::function<void(const std::vector<unready_process>&)>& progress
  = {});

} // namespace millrace::nodes
