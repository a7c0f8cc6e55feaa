#include <millrace/nodes/configuration/read_generated_rows.hpp>

#include <limits>

namespace millrace::nodes {

generator_config read_generated_rows(text::toml_section& at) {
  constexpr int64_t most = std::numeric_limits<int64_t>::max();
  generator_config out;
  out.on = true;
  out.seed = static_cast<uint64_t>(at.integer("seed", 0, most, 42));
  out.symbol_count
    = static_cast<uint32_t>(at.integer("symbols", 1, 10'000'000, 100));
  out.periods = static_cast<uint32_t>(at.integer("periods", 1, 100'000, 1));
  out.trades_per_period
    = static_cast<uint64_t>(at.integer("trades", 0, most, 100'000));
  out.quotes_per_period
    = static_cast<uint64_t>(at.integer("quotes", 0, most, 500'000));
  return out;
}

} // namespace millrace::nodes
