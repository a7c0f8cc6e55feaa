#include <millrace/feed/layout/decoded_presets_internal.hpp>
#include <millrace/feed/layout/layout.hpp>

#include <array>
#include <utility>

namespace millrace::feed {

namespace {

// Ticks of QuantConnect Lean: no header, milliseconds since midnight in New
// York, prices times 10,000 for equities and plain for futures.
constexpr std::string_view lean_equity_trade = R"(
table = "trade"
delimiter = ","
header = false
fields = 6
date = "{member:0}"
symbol_column = "sym"
time_column = "time"
roll_zone = "America/New_York"

[[column]]
name = "time"
type = "timestamp"
field = 1
format = "ms_of_day"
zone = "America/New_York"

[[constant]]
name = "sym"
type = "symbol"
value = "{symbol}"

[[column]]
name = "price"
type = "float"
field = 2
scale = 10000

[[column]]
name = "size"
type = "int"
field = 3

[[column]]
name = "ex"
type = "symbol"
field = 4

[[column]]
name = "cond"
type = "symbol"
field = 5

[[column]]
name = "suspicious"
type = "boolean"
field = 6
optional = true
)";

// A row carries the bid or the ask; the other side is 0,0 and means absent.
constexpr std::string_view lean_equity_quote = R"(
table = "quote"
delimiter = ","
header = false
fields = 8
date = "{member:0}"
symbol_column = "sym"
time_column = "time"
roll_zone = "America/New_York"

[[column]]
name = "time"
type = "timestamp"
field = 1
format = "ms_of_day"
zone = "America/New_York"

[[constant]]
name = "sym"
type = "symbol"
value = "{symbol}"

[[column]]
name = "bid"
type = "float"
field = 2
scale = 10000

[[column]]
name = "ask"
type = "float"
field = 4
scale = 10000

[[column]]
name = "bsize"
type = "int"
field = 3

[[column]]
name = "asize"
type = "int"
field = 5

[[column]]
name = "ex"
type = "symbol"
field = 6

[[column]]
name = "cond"
type = "symbol"
field = 7
optional = true

[[column]]
name = "suspicious"
type = "boolean"
field = 8
optional = true

[[absent]]
columns = ["bid", "bsize"]

[[absent]]
columns = ["ask", "asize"]
)";

// One member per contract: 20131009_gc_tick_trade_201312.csv is GC201312.
constexpr std::string_view lean_future_trade = R"(
table = "trade"
delimiter = ","
header = false
fields = 6
date = "{member:0}"
symbol_column = "sym"
time_column = "time"
roll_zone = "America/New_York"

[[column]]
name = "time"
type = "timestamp"
field = 1
format = "ms_of_day"
zone = "America/New_York"

[[constant]]
name = "sym"
type = "symbol"
value = "{symbol}{member:-1}"

[[column]]
name = "price"
type = "float"
field = 2

[[column]]
name = "size"
type = "int"
field = 3

[[column]]
name = "ex"
type = "symbol"
field = 4

[[column]]
name = "cond"
type = "symbol"
field = 5

[[column]]
name = "suspicious"
type = "boolean"
field = 6
optional = true
)";

// NYSE Daily TAQ trades. By header name: the set of fields has grown over the
// years. The four characters of the sale condition count, blanks too.
constexpr std::string_view taq_trade = R"(
table = "trade"
delimiter = "|"
header = true
trailer = "END|"
date = "{member:-1}"
symbol_column = "sym"
time_column = "time"
roll_zone = "America/New_York"

[[column]]
name = "time"
type = "timestamp"
header = "Time"
format = "hhmmss_ns"
zone = "America/New_York"

[[column]]
name = "sym"
type = "symbol"
header = "Symbol"

[[column]]
name = "price"
type = "float"
header = "Trade Price"

[[column]]
name = "size"
type = "int"
header = "Trade Volume"

[[column]]
name = "ex"
type = "symbol"
header = "Exchange"

[[column]]
name = "cond"
type = "symbol"
header = "Sale Condition"

[[column]]
name = "correction"
type = "symbol"
header = "Trade Correction Indicator"
optional = true

[[column]]
name = "seq"
type = "long"
header = "Sequence Number"
optional = true

[[column]]
name = "participant_time"
type = "timestamp"
header = "Participant Timestamp"
format = "hhmmss_ns"
zone = "America/New_York"
optional = true
)";

// What the generator writes.
constexpr std::string_view csv_trade = R"(
table = "trade"
delimiter = ","
header = true
symbol_column = "sym"
time_column = "time"

[[column]]
name = "time"
type = "timestamp"
header = "time"
format = "iso"

[[column]]
name = "sym"
type = "symbol"
header = "sym"

[[column]]
name = "price"
type = "float"
header = "price"

[[column]]
name = "size"
type = "int"
header = "size"

[[column]]
name = "ex"
type = "symbol"
header = "ex"

[[column]]
name = "cond"
type = "symbol"
header = "cond"
)";

constexpr std::string_view csv_quote = R"(
table = "quote"
delimiter = ","
header = true
symbol_column = "sym"
time_column = "time"

[[column]]
name = "time"
type = "timestamp"
header = "time"
format = "iso"

[[column]]
name = "sym"
type = "symbol"
header = "sym"

[[column]]
name = "bid"
type = "float"
header = "bid"

[[column]]
name = "ask"
type = "float"
header = "ask"

[[column]]
name = "bsize"
type = "int"
header = "bsize"

[[column]]
name = "asize"
type = "int"
header = "asize"

[[column]]
name = "ex"
type = "symbol"
header = "ex"
)";

constexpr std::array<std::pair<std::string_view, std::string_view>, 11> presets{
  {
    {"lean-equity-trade", lean_equity_trade},
    {"lean-equity-quote", lean_equity_quote},
    {"lean-future-trade", lean_future_trade},
    {"taq-trade", taq_trade},
    {"csv-trade", csv_trade},
    {"csv-quote", csv_quote},
    {"iex-trade", iex_trade},
    {"iex-quote", iex_quote},
    {"iex-level", iex_level},
    {"itch-trade", itch_trade},
    {"itch-order", itch_order},
  }};

} // namespace

std::vector<std::string_view> preset_names() {
  std::vector<std::string_view> names;
  for (const auto& [name, text] : presets)
    names.push_back(name);
  return names;
}

std::optional<std::string_view> preset_text(std::string_view wanted) noexcept {
  for (const auto& [name, text] : presets)
    if (name == wanted)
      return text;
  return std::nullopt;
}

result<layout> preset(std::string_view name) {
  const auto text = preset_text(name);
  if (!text) {
    std::string known;
    for (const auto& [candidate, unused] : presets)
      known += (known.empty() ? "" : ", ") + std::string{candidate};
    return error{errc::not_found, "layout preset '" + std::string{name}
                                    + "'; there are " + known};
  }
  auto parsed = parse_layout(*text, "preset:" + std::string{name});
  if (parsed)
    parsed->name = name;
  return parsed;
}

result<table_schema> preset_schema(std::string_view name) {
  auto found = preset(name);
  if (!found)
    return found.failure();
  return schema_of(*found);
}

} // namespace millrace::feed
