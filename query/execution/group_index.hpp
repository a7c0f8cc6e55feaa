#pragma once

#include <millrace/query/execution/aggregate_state.hpp>
#include <millrace/query/execution/group_keys.hpp>
#include <millrace/query/execution/pieces.hpp>
#include <millrace/query/execution/sort.hpp>
#include <millrace/query/plan/plan.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace millrace::query {

using state_list = std::vector<std::unique_ptr<aggregate_state>>;

/// A plan with its names resolved to numbers: columns are counted in
/// plan.types. A copy of the plan lives here.
struct plan_shape {
  struct key_item {
    uint32_t column = 0;
    column_type type = column_type::long_; ///< Of the key in the result.
    int64_t bar_ns = 0;
    uint32_t word = 0; ///< First of its 64-bit words in a group's key.
    bool by_day = false;
    /// Whether the key is a span of times, not the value itself.
    [[nodiscard]] bool is_span() const noexcept { return bar_ns > 0 || by_day; }
  };

  /// @pre validate(plan) found nothing.
  explicit plan_shape(logical_plan from);

  logical_plan plan;
  std::vector<key_item> keys;
  uint32_t key_words = 0;
  std::vector<std::vector<uint32_t>> inputs; ///< By aggregate.
  std::vector<uint32_t> outputs;             ///< Rows: visible columns.
  std::vector<uint32_t> computed; ///< By computed column: its number.
  uint32_t order_column = 0;
  std::optional<uint32_t> symbol_column;
  std::optional<uint32_t> time_column;

  [[nodiscard]] std::optional<uint32_t>
  column_number(std::string_view name) const noexcept;
  /// Columns of a partial's chunk: keys and states, or rows' columns and, when
  /// an ordering asks, those that break ties.
  [[nodiscard]] std::vector<column_schema> partial_columns() const;
  /// Whether only some groups are asked for, and their keys decide which.
  [[nodiscard]] bool keeps_some_groups() const noexcept;
  /// Result columns by which groups stand in order.
  [[nodiscard]] std::vector<sort_term> group_terms() const;
  /// Whether only the first or last rows of an ordering are asked for.
  [[nodiscard]] bool keeps_top() const noexcept {
    return !plan.grouped() && !plan.ordering.empty() && plan.sublist;
  }
  /// Columns of a rows' chunk by which rows stand in order, part by part.
  [[nodiscard]] std::vector<sort_term> order_terms() const;
  /// The same of rows of several parts: the place of a row's part stands after
  /// its columns.
  [[nodiscard]] std::vector<sort_term> top_terms() const;
  /// Fresh states for every aggregate.
  [[nodiscard]] state_list make_states() const;
};

/// Groups with their states, whose text keys are numbers of its own pools.
/// What partial results fold into. Owner: one thread.
class group_set {
public:
  explicit group_set(const plan_shape& shape);

  [[nodiscard]] uint32_t size() const noexcept { return index_.size(); }
  [[nodiscard]] size_t byte_count() const noexcept;

  /// The pool of text key number `key`.
  [[nodiscard]] text::interner& pool(size_t key) noexcept {
    return pools_[key];
  }
  /// Groups of keys given as words (text already translated).
  [[nodiscard]] uint32_t add(const uint64_t* key) {
    // What was adopted may be too sparse for the dense table.
    if (dense_ && dense_groups_ != index_.size())
      find_adopted();
    return dense_ ? add_dense(key) : index_.find_or_add(key);
  }
  /// Groups of `count` keys, one after the other.
  void add_all(const uint64_t* keys, size_t count, uint32_t* groups);
  /// Makes room for the keys of `count` groups in all.
  void reserve_keys(size_t count) { index_.reserve(count, !dense_); }
  /// Whether keys are found without hashing them.
  [[nodiscard]] bool is_dense() const noexcept { return dense_.has_value(); }
  /// To be called after `add`s, before states are folded.
  void grow_states();
  [[nodiscard]] const state_list& states() const noexcept { return states_; }

  /// Moves the groups that `sublist` leaves into a set of their own: no other
  /// rows can put a group of another store before them.
  /// @pre shape.keeps_some_groups()
  [[nodiscard]] result<group_set> some(const interruption& stop) &&;
  /// To be called when all is folded in, before `save`.
  void settle();
  /// Takes keys that are known to be distinct, also from those before, as the
  /// next groups. @pre no other ones came in between
  void adopt(const uint64_t* keys, uint32_t count);
  /// Makes room for so many keys in all that are adopted.
  void expect(size_t count) { index_.reserve(count, false); }
  [[nodiscard]] const uint64_t* key(uint32_t group) const noexcept {
    return index_.key(group);
  }
  /// The codes of text key `k` in the order of their texts.
  [[nodiscard]] std::vector<uint32_t> texts_in_order(size_t k) const;
  /// The groups in the order of their keys, if it is at hand.
  [[nodiscard]] std::optional<std::vector<uint32_t>> key_order();
  /// Key number `k` of groups [begin, end), and all keys of them.
  [[nodiscard]] result<column_data> save_key(size_t k, std::string name,
                                             size_t begin, size_t end) const;
  [[nodiscard]] result<table_data> save_keys(size_t begin, size_t end) const;
  /// Groups [begin, end): key columns, then the states' (`finished`: result
  /// columns). `values[aggregate][source]` for first and last. Threads of
  /// `pool` help, if there is one.
  [[nodiscard]] result<table_data>
  save(size_t begin, size_t end,
       std::span<const std::vector<column_ref>> values, bool finished,
       const interruption& stop, persistence::executor* pool = nullptr) const;
  /// All groups as the plan's result, in its order and cut, as `save` has them.
  /// To be called after `some`, when only some are asked for. Once.
  [[nodiscard]] result<table_data>
  finish(std::span<const std::vector<column_ref>> values,
         const interruption& stop, persistence::executor* pool = nullptr);

  /// Folds a chunk laid out as partial_columns(); `source` numbers it. `fresh`:
  /// its keys are known to be others than those before.
  [[nodiscard]] error load(const table_data& chunk, uint32_t source,
                           bool fresh);

private:
  [[nodiscard]] const uint64_t*
  word_of(size_t group, const plan_shape::key_item& item) const noexcept {
    return index_.key(static_cast<uint32_t>(group)) + item.word;
  }
  [[nodiscard]] uint32_t add_dense(const uint64_t* key);
  /// Gives adopted groups their places among the dense ones.
  void find_adopted();

  const plan_shape& shape_;
  group_index index_;
  std::optional<dense_keys> dense_;   ///< When it can serve.
  uint32_t dense_groups_ = 0;         ///< Groups that it knows.
  std::vector<text::interner> pools_; ///< By key; unused for other types.
  state_list states_;
};

} // namespace millrace::query
