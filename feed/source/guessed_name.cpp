#include <millrace/feed/source/guessed_name_internal.hpp>

#include <algorithm>
#include <array>

namespace millrace::feed {

namespace {

template <size_t N>
bool is_among(std::string_view word,
              const std::array<std::string_view, N>& all) {
  return std::find(all.begin(), all.end(), word) != all.end();
}

/// What ends as words for times do, and is none.
constexpr std::array<std::string_view, 14> other_words{
  "update",   "lifetime", "uptime",    "downtime", "runtime",
  "overtime", "mandate",  "candidate", "validate", "timeframe",
  "timezone", "timeout",  "times",     "dates"};
/// A name that ends so is of what it says last, whatever stands before.
constexpr std::array<std::string_view, 12> of_others{
  "id",  "ids", "volume", "vol", "count", "seq",
  "qty", "no",  "number", "num", "size",  "zone"};
constexpr std::array<std::string_view, 7> time_words{
  "ts", "t", "day", "epoch", "received", "timestamp", "datetime"};
constexpr std::array<std::string_view, 16> price_words{
  "price", "px",   "bid", "ask",    "open", "high",  "low",   "close",
  "last",  "vwap", "mid", "strike", "rate", "yield", "offer", "prc"};

/// Days of contracts and payments, not of trades.
constexpr std::array<std::string_view, 8> other_days{
  "expir",   "matur",   "settle", "deliver",
  "payment", "listing", "birth",  "exdiv"};
constexpr std::array<std::string_view, 16> amount_words{
  "amount", "turnover", "value", "trades", "interest", "oi",
  "shares", "lots",     "lot",   "level",  "depth",    "flags",
  "volume", "notional", "cond",  "year"};

constexpr std::array<std::string_view, 6> quantity_words{
  "amount", "turnover", "volume", "notional", "size", "qty"};

/// Of digits of these the zeroes before count, though the first have none.
constexpr std::array<std::string_view, 10> code_words{
  "cusip", "isin", "figi", "sedol",  "wkn",
  "valor", "lei",  "ric",  "permno", "zip"};

/// What an instrument is known by, from the plainest on; those after `surest`
/// may be of something else.
constexpr std::array<std::string_view, 15> instrument_words{
  "sym",        "symbol", "ticker",  "ric",      "instrument",
  "inst",       "isin",   "pair",    "security", "contract",
  "underlying", "code",   "product", "market",   "s"};
constexpr size_t surest = 11;
/// What may follow them, and says no more.
constexpr std::array<std::string_view, 4> instrument_ends{"id", "code", "root",
                                                          "symbol"};

bool is_time_word(const std::string& word) {
  return is_among(word, time_words)
         || (!is_among(word, other_words)
             && (word.ends_with("time") || word.ends_with("date")
                 || word.ends_with("timestamp") || word.ends_with("epoch")
                 || word.starts_with("time") || word.starts_with("date")));
}

template <size_t N>
bool has_word(std::string_view name,
              const std::array<std::string_view, N>& among) {
  const auto words = words_of(name);
  return std::any_of(words.begin(), words.end(),
                     [&](const auto& word) { return is_among(word, among); });
}

} // namespace

std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> out;
  bool begins = true;
  char before = '\0';
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool letter = upper || (c >= 'a' && c <= 'z');
    if (!letter && (c < '0' || c > '9')) {
      begins = true;
    } else {
      const bool hump = upper && before >= 'a' && before <= 'z';
      if (begins || hump)
        out.emplace_back();
      begins = false;
      out.back() += upper ? static_cast<char>(c + 32) : c;
    }
    before = c;
  }
  return out;
}

bool says_time(std::string_view name) {
  const auto words = words_of(name);
  if (words.empty() || is_among(words.back(), of_others))
    return false;
  // A letter alone says it where nothing else is said.
  return std::any_of(words.begin(), words.end(), [&](const auto& word) {
    return is_time_word(word) && (word != "t" || words.size() == 1);
  });
}
bool says_price(std::string_view name) {
  const auto words = words_of(name);
  return !words.empty()
         && (is_among(words.back(), price_words)
             || words.back().ends_with("price"));
}
bool says_quantity(std::string_view name) {
  return has_word(name, quantity_words);
}

bool says_code(std::string_view name) { return has_word(name, code_words); }

std::optional<named_instrument> instrument_of(std::string_view name) {
  auto words = words_of(name);
  if (words.size() == 2 && is_among(words[1], instrument_ends))
    words.pop_back();
  if (words.size() != 1)
    return {};
  const auto found = std::find(instrument_words.begin(), instrument_words.end(),
                               words.front());
  if (found == instrument_words.end())
    return {};
  const auto rank = static_cast<size_t>(found - instrument_words.begin());
  return named_instrument{rank, rank < surest};
}

bool says_utc(std::string_view name) {
  return has_word(name,
                  std::array<std::string_view, 3>{"utc", "gmt", "utctime"});
}

bool says_local(std::string_view name) {
  return has_word(name, std::array<std::string_view, 2>{"local", "localtime"});
}

bool may_be_clock(std::string_view name) {
  return has_word(name,
                  std::array<std::string_view, 3>{"time", "clock", "hour"});
}

bool says_other_day(std::string_view name) {
  const auto words = words_of(name);
  return std::any_of(words.begin(), words.end(), [](const auto& word) {
    return std::any_of(other_days.begin(), other_days.end(),
                       [&](auto begin) { return word.starts_with(begin); });
  });
}

bool says_other_number(std::string_view name) {
  const auto words = words_of(name);
  if (words.empty() || says_time(name))
    return false;
  return says_price(name) || instrument_of(name) || has_word(name, code_words)
         || is_among(words.back(), of_others)
         || is_among(words.back(), amount_words);
}

std::string column_name(std::string_view from, size_t number) {
  std::string out;
  for (const char c : from) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (upper)
      out += static_cast<char>(c + 32);
    else if (plain)
      out += c;
    else if (!out.empty() && out.back() != '_')
      out += '_';
  }
  while (out.ends_with('_'))
    out.pop_back();
  if (out.empty() || (out[0] >= '0' && out[0] <= '9'))
    out = "c" + std::to_string(number + 1) + (out.empty() ? "" : "_") + out;
  // The words by which phrases of qSQL end, and its row number; .Q.id names
  // such a column so, too.
  for (const auto* word :
       {"select", "exec", "update", "delete", "by", "from", "where", "i"})
    if (out == word)
      return out + "1";
  return out;
}
} // namespace millrace::feed
