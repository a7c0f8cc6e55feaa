#pragma once

#include <millrace/nodes/node/runtime.hpp>
#include <millrace/query/execution/scan_statistics.hpp>
#include <millrace/query/table/columns.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::nodes {

/// An answer of the gateway, whole.
struct gateway_answer {
  query::table_data table;
  query_cut cut;
  query::answer_statistics statistics{}; ///< What it took.
};

/// Asks a GATEWAY; `closed` when it ends meanwhile: another one can be
/// asked. Blocks: not for handlers.
[[nodiscard]] result<gateway_answer>
ask_gateway(runtime& host, const gateway_actor& gateway,
            const std::string& parameters, std::chrono::milliseconds deadline);

/// Back ends that a gateway knows and cannot ask now, sorted; none when it does
/// not say. Blocks for a second at most: not for handlers.
[[nodiscard]] std::vector<std::string>
backends_away(runtime& host, const gateway_actor& gateway);

/// What is told while an answer is waited for.
struct answer_listener {
  /// Called once, when there is no cut after two seconds.
  std::function<void()> slow{};
  /// Asked now and then; true ends the waiting as `cancelled`.
  std::function<bool()> interrupted{};
};

/// The rows of an answer as they come: the gateway makes no more of them than
/// this has room for, a few MiB. Its end, or that of its process, ends the work
/// for them. Blocks: not for handlers. One thread, which outlives no `runtime`.
class answer_reader {
public:
  /// Asks, and waits for the cut. Failures as of `ask_gateway`.
  [[nodiscard]] static result<answer_reader>
  ask(runtime& host, const gateway_actor& gateway,
      const std::string& parameters, std::chrono::milliseconds deadline,
      answer_listener to = {});
  answer_reader(answer_reader&&) noexcept;
  answer_reader& operator=(answer_reader&&) = delete;
  ~answer_reader();

  [[nodiscard]] const query_cut& cut() const noexcept;

  /// The next rows; none: these were all. The first ones come always, and may
  /// be no rows of the columns. After a failure, of which the rows before it
  /// know nothing, there is nothing more.
  [[nodiscard]] result<std::optional<query::table_data>> next();

  /// What the rows took, of all that came so far: the end of an answer tells
  /// it whole.
  [[nodiscard]] const query::answer_statistics& statistics() const noexcept;

private:
  struct state;
  explicit answer_reader(std::unique_ptr<state> made) noexcept;
  std::unique_ptr<state> state_;
};

/// The first gateway of the configuration that answers, else one that is
/// registered with discovery.
[[nodiscard]] result<gateway_actor>
find_gateway(runtime& host, const cluster_config& config,
             std::chrono::milliseconds deadline);

} // namespace millrace::nodes
