#include <millrace/feed/generate/generator.hpp>
#include <millrace/feed/layout/layout.hpp>
#include <millrace/feed/parse/column_reader.hpp>
#include <millrace/feed/text/zone_clock.hpp>
#include <millrace/messages/text/civil_time.hpp>

#include <array>
#include <cmath>
#include <deque>

namespace millrace::feed {

namespace {

/// xoshiro256** seeded by splitmix64: the same numbers on every machine, which
/// the standard library's distributions do not promise.
class random_source {
public:
  explicit random_source(uint64_t seed) {
    for (auto& word : words_) {
      seed += 0x9E3779B97F4A7C15;
      auto mixed = seed;
      mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
      mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
      word = mixed ^ (mixed >> 31);
    }
  }

  uint64_t bits() noexcept {
    const auto out = std::rotl(words_[1] * 5, 7) * 9;
    const auto shifted = words_[1] << 17;
    words_[2] ^= words_[0];
    words_[3] ^= words_[1];
    words_[1] ^= words_[2];
    words_[0] ^= words_[3];
    words_[2] ^= shifted;
    words_[3] = std::rotl(words_[3], 45);
    return out;
  }

  /// In [0, 1).
  double unit() noexcept { return static_cast<double>(bits() >> 11) * 0x1p-53; }

  /// In [0, limit).
  uint32_t below(uint32_t limit) noexcept {
    return static_cast<uint32_t>(((bits() >> 32) * limit) >> 32);
  }

private:
  std::array<uint64_t, 4> words_{};
};

/// Draws ranks with weights 1 / (rank + 1) in constant time (Walker's alias
/// method).
class zipf_ranks {
public:
  explicit zipf_ranks(uint32_t count) : keep_(count), alias_(count) {
    double total = 0;
    for (uint32_t i = 0; i < count; ++i)
      total += 1.0 / (i + 1);
    std::vector<double> share(count);
    std::vector<uint32_t> poor;
    std::vector<uint32_t> rich;
    for (uint32_t i = 0; i < count; ++i) {
      share[i] = count / ((i + 1) * total);
      (share[i] < 1 ? poor : rich).push_back(i);
    }
    while (!poor.empty() && !rich.empty()) {
      const auto from = poor.back();
      const auto to = rich.back();
      poor.pop_back();
      keep_[from] = share[from];
      alias_[from] = to;
      share[to] -= 1 - share[from];
      if (share[to] < 1) {
        rich.pop_back();
        poor.push_back(to);
      }
    }
    for (const auto& rest : {poor, rich})
      for (const auto i : rest) {
        keep_[i] = 1;
        alias_[i] = i;
      }
  }

  uint32_t draw(random_source& random) const noexcept {
    const auto slot = random.below(static_cast<uint32_t>(keep_.size()));
    return random.unit() < keep_[slot] ? slot : alias_[slot];
  }

private:
  std::vector<double> keep_;
  std::vector<uint32_t> alias_;
};

/// Turns shares of the day's rows into shares of the day's time: busy at both
/// ends, quiet at noon. Asked with growing shares only.
class day_shape {
public:
  day_shape() {
    double total = 0;
    for (size_t i = 0; i < bins; ++i) {
      const auto x = (static_cast<double>(i) + 0.5) / bins * 2 - 1;
      total += 0.4 + 1.8 * x * x;
      until_[i] = total;
    }
    for (auto& each : until_)
      each /= total;
    until_.back() = 1;
  }

  void restart() noexcept { bin_ = 0; }

  double time_of(double share) noexcept {
    while (until_[bin_] <= share && bin_ + 1 < bins)
      ++bin_;
    const auto before = bin_ == 0 ? 0.0 : until_[bin_ - 1];
    return (static_cast<double>(bin_)
            + (share - before) / (until_[bin_] - before))
           / bins;
  }

private:
  static constexpr size_t bins = 1024;
  std::array<double, bins> until_{};
  size_t bin_ = 0;
};

/// AAA, AAB, ...; longer when three letters do not suffice.
std::string symbol_name(uint32_t index) {
  uint64_t number = uint64_t{index} + 703;
  std::string name;
  while (number > 0) {
    --number;
    name.insert(name.begin(), static_cast<char>('A' + number % 26));
    number /= 26;
  }
  return name;
}

struct instrument {
  std::string name;
  int32_t bid_ticks = 0;
  int32_t ask_ticks = 0;
};

constexpr std::array<std::string_view, 8> exchanges{"N", "Q", "P", "Z",
                                                    "B", "T", "K", "J"};
constexpr std::array<std::string_view, 5> conditions{"@", "F", "T", "I", "4"};

/// Text as a whole number of cents, so that a price has two decimals exactly.
double price_of(int32_t ticks) { return ticks / 100.0; }

int32_t next_business_day(int32_t date) {
  // 2000.01.01 was a Saturday.
  do
    ++date;
  while (date % 7 == 0 || date % 7 == 1);
  return date;
}

/// A table's open batch.
struct open_table {
  open_table(table_schema schema, std::string name)
    : builder{std::move(schema)}, cursor_name{std::move(name)} {}

  batch_builder builder;
  symbol_cache symbols;
  symbol_cache markers;
  std::string cursor_name;
  uint64_t published = 0; ///< Rows of the generator after which to begin.
  int64_t first_time = null_long;
  int64_t last_time = null_long;

  void begin_row(int64_t time) {
    builder.append(0, time);
    first_time = first_time == null_long ? time : first_time;
    last_time = time;
  }
};

/// Text that whole words may be read from.
struct padded_text {
  char bytes[16 + text_slack] = {};
  size_t length = 0;

  explicit padded_text(std::string_view text) : length{text.size()} {
    std::memcpy(bytes, text.data(), text.size());
  }
};

error check(const generator_options& options) {
  auto refuse = [](const std::string& what) {
    return error{errc::invalid_argument, "generator: " + what};
  };
  if (options.symbols == 0 || options.symbols > 10'000'000)
    return refuse("symbols is not within 1 .. 10000000");
  if (options.periods == 0 || options.periods > 100'000)
    return refuse("periods is not within 1 .. 100000");
  if (options.trades_per_period + options.quotes_per_period == 0)
    return refuse("there are no rows in a period");
  if (options.open_ns < 0 || options.close_ns <= options.open_ns
      || options.close_ns > text::day_ns)
    return refuse("open and close are not ascending times of a day");
  if (options.trades_per_period != 0 && options.quotes_per_period != 0
      && options.trade_table == options.quote_table)
    return refuse("trade_table and quote_table are not two names");
  for (const auto share : {options.late_share, options.null_share})
    if (!(share >= 0 && share <= 1))
      return refuse("a share is not within 0 .. 1");
  if (options.late_ns_max <= 0)
    return refuse("late_ns_max is not positive");
  if (options.rows_per_batch == 0 || options.rows_per_batch > 100'000)
    return refuse("rows_per_batch is not within 1 .. 100000");
  return {};
}

table_schema named(table_schema schema, const std::string& table) {
  schema.name = table;
  return schema;
}

/// Names what the options give, so that a cursor fits no other generator.
std::string identity_of(const generator_options& options) {
  uint64_t hash = 14695981039346656037u;
  auto add = [&](const auto& value) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(&value);
    for (size_t i = 0; i < sizeof value; ++i)
      hash = (hash ^ bytes[i]) * 1099511628211u;
  };
  add(options.symbols);
  add(options.trades_per_period);
  add(options.quotes_per_period);
  add(options.first_date);
  add(options.open_ns);
  add(options.close_ns);
  add(options.late_share);
  add(options.late_ns_max);
  add(options.null_share);
  add(options.rows_per_batch);
  for (const char c : options.zone)
    add(c);
  char text[64];
  std::snprintf(text, sizeof text, "generator:%llu:%016llx",
                static_cast<unsigned long long>(options.seed),
                static_cast<unsigned long long>(hash));
  return text;
}

} // namespace

struct generator::state {
  state(generator_options given, zone_clock clock_of_zone)
    : options{std::move(given)}, clock{clock_of_zone}, random{options.seed},
      ranks{options.symbols}, trades{named(generated_trade_schema(),
                                           options.trade_table),
                                     identity_of(options) + "#"
                                       + options.trade_table},
      quotes{named(generated_quote_schema(), options.quote_table),
             identity_of(options) + "#" + options.quote_table} {
    for (uint32_t i = 0; i < options.symbols; ++i) {
      instrument made;
      made.name = symbol_name(i);
      made.bid_ticks
        = 500 + static_cast<int32_t>(29'500 * random.unit() * random.unit());
      made.ask_ticks = made.bid_ticks + 1;
      names.emplace_back(made.name);
      instruments.push_back(std::move(made));
    }
    for (auto text : exchanges)
      exchange_texts.emplace_back(text);
    for (auto text : conditions)
      condition_texts.emplace_back(text);
    date = options.first_date - 1;
  }

  [[nodiscard]] uint64_t per_period() const {
    return options.trades_per_period + options.quotes_per_period;
  }

  void begin_period();
  void make_row();
  int64_t row_time();
  void make_trade(uint32_t which, int64_t time);
  void make_quote(uint32_t which, int64_t time);
  void fill_slice();
  void close(open_table& table, generated_batch::kind kind);

  generator_options options;
  zone_clock clock;
  random_source random;
  zipf_ranks ranks;
  day_shape shape;
  std::vector<instrument> instruments;
  std::vector<padded_text> names;
  std::vector<padded_text> exchange_texts;
  std::vector<padded_text> condition_texts;
  open_table trades;
  open_table quotes;
  std::deque<generated_batch> ready;

  uint64_t done = 0; ///< Rows of all periods.
  uint64_t in_period = 0;
  uint64_t trades_in_period = 0;
  int32_t date = 0;
  int32_t date_before = null_int;
  int64_t open = 0;
  int64_t close_before = null_long; ///< Of the period before.
  int64_t span = 0;
};

void generator::state::begin_period() {
  close_before = done == 0 ? null_long : open + span;
  date_before = done == 0 ? null_int : date;
  date = next_business_day(date);
  int64_t close_at = 0;
  // A session that begins or ends in a gap of the wall clock is moved to UTC
  // of the gap's day: the generator must not fail half way.
  if (!clock.to_utc(date, options.open_ns, open))
    open = int64_t{date} * text::day_ns + options.open_ns;
  if (!clock.to_utc(date, options.close_ns - 1, close_at))
    close_at = int64_t{date} * text::day_ns + options.close_ns - 1;
  span = std::max<int64_t>(close_at - open, 1);
  in_period = 0;
  trades_in_period = 0;
  shape.restart();
}

int64_t generator::state::row_time() {
  const auto share = (static_cast<double>(in_period) + random.unit())
                     / static_cast<double>(per_period());
  auto time
    = open
      + static_cast<int64_t>(shape.time_of(share) * static_cast<double>(span));
  if (options.late_share > 0 && random.unit() < options.late_share) {
    const auto late = static_cast<int64_t>(
      random.unit() * static_cast<double>(options.late_ns_max));
    const bool of_last_period = close_before != null_long
                                && in_period < per_period() / 100
                                && random.below(4) == 0;
    time = of_last_period ? close_before - late : std::max(open, time - late);
  }
  return time;
}

void generator::state::make_trade(uint32_t which, int64_t time) {
  const auto& from = instruments[which];
  auto& builder = trades.builder;
  const auto noise = random.bits();
  trades.begin_row(time);
  builder.append(1, trades.symbols.code_of(builder, 1, names[which].bytes,
                                           names[which].length));
  builder.append(2,
                 price_of((noise & 1) != 0 ? from.ask_ticks : from.bid_ticks));
  // Mostly round lots, some odd ones.
  const auto size = (noise >> 1) % 10 < 7
                      ? 100 * (1 + static_cast<int32_t>((noise >> 8) % 8))
                      : 1 + static_cast<int32_t>((noise >> 8) % 99);
  builder.append(3, size);
  const auto& ex = exchange_texts[(noise >> 32) % exchanges.size()];
  builder.append(4, trades.markers.code_of(builder, 4, ex.bytes, ex.length));
  const auto& cond = condition_texts[(noise >> 40) % conditions.size()];
  builder.append(5, builder.symbol_code(5, {cond.bytes, cond.length}));
  builder.end_row();
}

void generator::state::make_quote(uint32_t which, int64_t time) {
  auto& of = instruments[which];
  auto& builder = quotes.builder;
  const auto noise = random.bits();
  // One tick up or down in two of four cases; the spread is 1 to 3 ticks.
  const auto step = (noise & 3) == 0 ? 1 : (noise & 3) == 1 ? -1 : 0;
  of.bid_ticks = std::clamp(of.bid_ticks + step, 100, 100'000'000);
  of.ask_ticks = of.bid_ticks + 1 + static_cast<int32_t>((noise >> 2) % 3);
  const auto one_sided
    = options.null_share > 0 && random.unit() < options.null_share;
  const bool no_bid = one_sided && (noise >> 4 & 1) != 0;
  const bool no_ask = one_sided && !no_bid;
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  quotes.begin_row(time);
  builder.append(1, quotes.symbols.code_of(builder, 1, names[which].bytes,
                                           names[which].length));
  builder.append(2, no_bid ? nan : price_of(of.bid_ticks));
  builder.append(3, no_ask ? nan : price_of(of.ask_ticks));
  builder.append(
    4, no_bid ? null_int : 100 * (1 + static_cast<int32_t>((noise >> 8) % 20)));
  builder.append(5, no_ask
                      ? null_int
                      : 100 * (1 + static_cast<int32_t>((noise >> 16) % 20)));
  const auto& ex = exchange_texts[(noise >> 32) % exchanges.size()];
  builder.append(6, quotes.markers.code_of(builder, 6, ex.bytes, ex.length));
  builder.end_row();
}

void generator::state::make_row() {
  const auto time = row_time();
  const auto which = ranks.draw(random);
  // Spreads exactly trades_per_period trades evenly over the rows.
  const auto due
    = static_cast<uint64_t>(static_cast<__uint128_t>(in_period + 1)
                            * options.trades_per_period / per_period());
  if (due > trades_in_period) {
    ++trades_in_period;
    make_trade(which, time);
  } else {
    make_quote(which, time);
  }
  ++in_period;
  ++done;
}

void generator::state::close(open_table& table, generated_batch::kind kind) {
  const auto rows = table.builder.row_count();
  if (rows != 0 && done > table.published) {
    generated_batch made;
    made.table = kind;
    made.date = date;
    made.date_before = date_before;
    made.batch.rows = rows;
    made.batch.first_time = table.first_time;
    made.batch.last_time = table.last_time;
    made.batch.cursor = {table.cursor_name, done, done};
    made.batch.bytes = table.builder.encode(made.batch.cursor);
    ready.push_back(std::move(made));
  }
  table.builder.clear();
  table.symbols.next_batch();
  table.markers.next_batch();
  table.first_time = null_long;
  table.last_time = null_long;
}

void generator::state::fill_slice() {
  if (in_period == 0 && done == 0)
    begin_period();
  else if (in_period == per_period())
    begin_period();
  const auto count
    = std::min<uint64_t>(options.rows_per_batch, per_period() - in_period);
  for (uint64_t i = 0; i < count; ++i)
    make_row();
  close(quotes, generated_batch::kind::quote);
  close(trades, generated_batch::kind::trade);
}

generator::generator(std::unique_ptr<state> made) : state_{std::move(made)} {}
generator::generator(generator&&) noexcept = default;
generator& generator::operator=(generator&&) noexcept = default;
generator::~generator() = default;

result<generator> generator::open(generator_options options,
                                  const std::vector<source_cursor>& resume) {
  if (auto fault = check(options))
    return fault;
  auto clock = zone_clock::open(options.zone);
  if (!clock)
    return clock.failure();
  auto made = std::make_unique<state>(std::move(options), *clock);
  for (const auto& cursor : resume)
    for (auto* table : {&made->trades, &made->quotes})
      if (cursor.name == table->cursor_name)
        table->published = std::max(table->published, cursor.offset);
  return generator{std::move(made)};
}

std::optional<generated_batch> generator::next() {
  auto& self = *state_;
  while (self.ready.empty()) {
    if (self.done == rows_total())
      return std::nullopt;
    self.fill_slice();
  }
  auto batch = std::move(self.ready.front());
  self.ready.pop_front();
  return batch;
}

uint64_t generator::rows() const noexcept { return state_->done; }

uint64_t generator::rows_total() const noexcept {
  return state_->per_period() * state_->options.periods;
}

table_schema generated_trade_schema() { return *preset_schema("csv-trade"); }

table_schema generated_quote_schema() { return *preset_schema("csv-quote"); }

} // namespace millrace::feed
