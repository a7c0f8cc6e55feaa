#pragma once

#include <millrace/feed/parse/csv_parser.hpp>
#include <millrace/persistence/disk/executor.hpp>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace millrace::feed {

/// Parses pieces side by side and gives the results in the order in which the
/// pieces came. The owner's thread works too, and alone if need be: no result
/// ever depends on a job of the executor being run.
class parse_pool {
public:
  struct finished {
    text_piece piece;
    parsed_piece parsed;
    std::shared_ptr<const binding> fitted;
    size_t source = 0; ///< Its number, as its owner counts.
    uint64_t progress = 0;
  };

  /// @param threads the owner's included; more than one needs `helpers`
  parse_pool(persistence::executor* helpers, uint32_t threads,
             const batch_limits& limits, uint32_t line_bytes_max);
  ~parse_pool();
  parse_pool(const parse_pool&) = delete;
  parse_pool& operator=(const parse_pool&) = delete;

  /// Whether `add` would keep memory within bounds.
  [[nodiscard]] bool wants_more() const noexcept;
  void add(text_piece piece, std::shared_ptr<const binding> fitted,
           size_t source, uint64_t progress);
  [[nodiscard]] bool empty() const noexcept;
  /// The oldest piece, parsed. @pre not empty
  finished take();

private:
  struct slot;
  struct shared;
  static void work(const std::shared_ptr<shared>& all,
                   const std::shared_ptr<slot>& claimed);
  static std::shared_ptr<slot> claim(shared& all);

  std::shared_ptr<shared> shared_;
  persistence::executor* helpers_;
  uint32_t threads_;
  std::deque<std::shared_ptr<slot>> order_;
};

} // namespace millrace::feed
