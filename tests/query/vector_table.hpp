#pragma once

#include <millrace/messages/data/schema.hpp>
#include <millrace/persistence/columns/table_view.hpp>
#include <millrace/query/plan/plan.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace millrace::query::testing_support {

/// A cell as the oracle sees it: integer-likes widened (null: null_long),
/// floats (null: NaN), text (symbol, string; guid: 16 bytes).
using cell = std::variant<int64_t, double, std::string>;
using row = std::vector<cell>;

/// One row with its place in the stream.
struct placed_row {
  row cells;
  uint64_t part_order = 0;
  uint64_t order = 0;
};

/// How a part stores its rows.
struct layout {
  bool sorted = false;  ///< By (symbol, time, order), with ranges.
  bool indexed = false; ///< rdb: with a symbol index.
  bool zones = true;
  uint32_t segment_rows = 64; ///< Unsorted parts only.
  uint64_t part_order = 0;
  uint64_t order_base = 0;
};

class vector_dictionary : public persistence::symbol_dictionary {
public:
  explicit vector_dictionary(std::vector<std::string> texts)
    : texts_{std::move(texts)} {
    for (uint32_t i = 0; i < texts_.size(); ++i)
      codes_[texts_[i]] = i;
  }
  uint32_t size() const noexcept override {
    return static_cast<uint32_t>(texts_.size());
  }
  std::string_view text(uint32_t code) const noexcept override {
    return texts_[code];
  }
  std::optional<uint32_t>
  find(std::string_view symbol) const noexcept override {
    const auto found = codes_.find(symbol);
    return found == codes_.end() ? std::nullopt : std::optional{found->second};
  }

private:
  std::vector<std::string> texts_;
  std::map<std::string, uint32_t, std::less<>> codes_;
};

/// Builds a view over `rows`, which it copies, the way a store lays them out.
/// `columns_kept`: only the first so many columns exist in this part's schema.
/// `rows` are in arrival order; on return their part_order and order are set.
persistence::table_view make_view(const table_schema& schema,
                                  std::vector<placed_row>& rows,
                                  const layout& how,
                                  size_t columns_kept = ~size_t{0});

} // namespace millrace::query::testing_support
