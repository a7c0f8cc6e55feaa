#pragma once

#include <string_view>

// Presets of files that are not text, as TOML.

namespace millrace::feed {

// Packets of IEX: the decoder's lines begin with time and symbol, and end with
// the flags of the message.
inline constexpr std::string_view iex_trade = R"(
table = "trade"
decode = "iex-trades"
fields = 6
roll_zone = "America/New_York"

[[column]]
name = "time"
type = "timestamp"
field = 1
format = "unix_ns"

[[column]]
name = "sym"
type = "symbol"
field = 2

[[column]]
name = "price"
type = "float"
field = 4
scale = 10000

[[column]]
name = "size"
type = "long"
field = 3

[[column]]
name = "id"
type = "long"
field = 5

[[column]]
name = "flags"
type = "int"
field = 6
)";

inline constexpr std::string_view iex_quote = R"(
table = "quote"
decode = "iex-quotes"
fields = 7
roll_zone = "America/New_York"

[[column]]
name = "time"
type = "timestamp"
field = 1
format = "unix_ns"

[[column]]
name = "sym"
type = "symbol"
field = 2

[[column]]
name = "bid"
type = "float"
field = 4
scale = 10000

[[column]]
name = "ask"
type = "float"
field = 5
scale = 10000

[[column]]
name = "bsize"
type = "long"
field = 3

[[column]]
name = "asize"
type = "long"
field = 6

[[column]]
name = "flags"
type = "int"
field = 7

[[absent]]
columns = ["bid", "bsize"]

[[absent]]
columns = ["ask", "asize"]
)";

inline constexpr std::string_view iex_level = R"(
table = "level"
decode = "iex-levels"
fields = 6
roll_zone = "America/New_York"

[[column]]
name = "time"
type = "timestamp"
field = 1
format = "unix_ns"

[[column]]
name = "sym"
type = "symbol"
field = 2

[[column]]
name = "side"
type = "char"
field = 5

[[column]]
name = "price"
type = "float"
field = 4
scale = 10000

[[column]]
name = "size"
type = "long"
field = 3

[[column]]
name = "flags"
type = "int"
field = 6
)";

// A day of Nasdaq's ITCH 5.0; times are since its midnight, and no message says
// which day it is.
inline constexpr std::string_view itch_trade = R"(
table = "trade"
decode = "itch-trades"
fields = 8
roll_zone = "America/New_York"

[[column]]
name = "time"
type = "timestamp"
field = 1
format = "ns_of_day"
zone = "America/New_York"

[[column]]
name = "sym"
type = "symbol"
field = 2

[[column]]
name = "price"
type = "float"
field = 4
scale = 10000

[[column]]
name = "size"
type = "long"
field = 5

[[column]]
name = "kind"
type = "char"
field = 3

[[column]]
name = "side"
type = "char"
field = 6

[[column]]
name = "printable"
type = "boolean"
field = 7

[[column]]
name = "match"
type = "long"
field = 8
)";

inline constexpr std::string_view itch_order = R"(
table = "order"
decode = "itch-orders"
fields = 8
roll_zone = "America/New_York"

[[column]]
name = "time"
type = "timestamp"
field = 1
format = "ns_of_day"
zone = "America/New_York"

[[column]]
name = "sym"
type = "symbol"
field = 2

[[column]]
name = "kind"
type = "char"
field = 3

[[column]]
name = "side"
type = "char"
field = 6

[[column]]
name = "price"
type = "float"
field = 4
scale = 10000

[[column]]
name = "size"
type = "long"
field = 5

[[column]]
name = "order"
type = "long"
field = 7

[[column]]
name = "replaces"
type = "long"
field = 8
)";

} // namespace millrace::feed
