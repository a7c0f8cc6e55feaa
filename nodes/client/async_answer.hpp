#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/assembly/process_host.hpp>
#include <millrace/query/execution/scan_statistics.hpp>
#include <millrace/query/table/columns.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace millrace::nodes {

/// Room for rows that were given: while these are kept, no others are made in
/// their place. Its end gives the room back, so that more come. Movable, may be
/// empty; any thread, also after the answer's end.
class rows_room {
public:
  rows_room() = default;
  rows_room(rows_room&&) noexcept = default;
  rows_room& operator=(rows_room&& other) noexcept;
  ~rows_room() { give_back(); }
  void give_back() noexcept;

private:
  friend class async_answer;
  struct shared;
  rows_room(std::shared_ptr<shared> of, uint64_t bytes);
  std::shared_ptr<shared> of_;
  uint64_t bytes_ = 0;
};

/// How an answer ended.
struct answer_end {
  /// None: all rows came. Failures are those of `ask_gateway`, `cancelled` when
  /// the question was withdrawn, `limit_exceeded`, ...; rows that came before
  /// it stay right.
  error fault;
  query_cut cut; ///< Zeros where it failed before there was one.
  query::answer_statistics statistics;
  uint64_t rows = 0;
};

/// Called one after the other, on a thread of the actor system that belongs to
/// no caller: they must not block, and may ask again, cancel, and let go of
/// their answer. An exception ends the question as `internal`.
struct answer_calls {
  /// Once, before the rows: at which cut, and whether some may be missing. May
  /// be empty.
  std::function<void(const query_cut&)> on_cut{};
  /// The rows in their order, some at a time. The first ones come always, and
  /// may be no rows of the columns. Who keeps the rows for later keeps
  /// their room, too.
  std::function<void(query::table_data, rows_room)> on_rows;
  /// Once, and last; not after the `async_answer` was let go of.
  std::function<void(answer_end)> on_end;
};

/// A question that is under way. Its end withdraws it: the stores stop within
/// 50 ms, and no call begins any more; one that has begun may still run. May
/// outlive nothing that its calls use. Movable; one owner.
class async_answer {
public:
  /// Asks, and returns at once. Never blocks: also for handlers of actors, and
  /// for calls of another answer. The gateway makes no more rows than there is
  /// room for, a few MiB.
  /// @param host must outlive the answer
  /// @param gateway as `find_gateway` finds it
  /// @param parameters as of `ask_gateway`
  /// @param deadline until the cut is there: `timeout` in `on_end`
  [[nodiscard]] static async_answer ask(process_host& host,
                                        const gateway_actor& gateway,
                                        const std::string& parameters,
                                        std::chrono::milliseconds deadline,
                                        answer_calls calls);
  async_answer() = default; ///< Of no question.
  async_answer(async_answer&&) noexcept = default;
  async_answer& operator=(async_answer&& other) noexcept;
  ~async_answer();

  /// Withdraws the question; `on_end` is called with `cancelled` unless it was,
  /// or is being, called.
  void cancel() noexcept; // lint: allow(half_used): for programs.
  /// Lets the question go on without an owner, to its end.
  void detach() noexcept; // lint: allow(half_used): for programs.
  /// Whether `on_end` was, or is being, called, or there is no question.
  // lint: allow(half_used): for programs.
  [[nodiscard]] bool is_over() const noexcept;

private:
  explicit async_answer(std::shared_ptr<rows_room::shared> of) noexcept;
  std::shared_ptr<rows_room::shared> of_;
};

/// As async_answer::ask.
// lint: allow(half_used): for programs; commands read in threads of theirs.
[[nodiscard]] inline async_answer ask_async(process_host& host,
                                            const gateway_actor& gateway,
                                            const std::string& parameters,
                                            std::chrono::milliseconds deadline,
                                            answer_calls calls) {
  return async_answer::ask(host, gateway, parameters, deadline,
                           std::move(calls));
}

} // namespace millrace::nodes
