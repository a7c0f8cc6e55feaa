#include <millrace/messages/text/letter_case.hpp>
#include <millrace/query/front/sql/rewrite.hpp>
#include <millrace/query/front/sql/scanner.hpp>
#include <millrace/query/front/sql/source.hpp>

#include <algorithm>
#include <array>
#include <optional>

namespace millrace::query::sql {

namespace {

struct edit {
  uint32_t begin = 0;
  uint32_t end = 0;
  std::string text;
};

/// Words that end a table's name and a join's condition.
constexpr std::array clause_words{
  "on",     "using",     "where",  "group",   "having", "order",     "limit",
  "offset", "fetch",     "window", "union",   "except", "intersect", "for",
  "join",   "inner",     "cross",  "natural", "full",   "right",     "left",
  "asof",   "tolerance", "sample", "latest"};

class rewriter {
public:
  rewriter(std::string_view text, std::vector<token> tokens)
    : text_{text}, tokens_{std::move(tokens)} {}

  result<rewritten_query> run() {
    for (size_t i = 0; i < tokens_.size(); ++i)
      if (auto fault = look_at(i))
        return fault;
    return applied();
  }

private:
  [[nodiscard]] std::string_view text_of(const token& each) const {
    return text_.substr(each.begin, each.end - each.begin);
  }
  [[nodiscard]] const token& at(size_t i) const {
    return tokens_[std::min(i, tokens_.size() - 1)];
  }
  [[nodiscard]] bool is(size_t i, std::string_view word) const {
    return at(i).kind == token_kind::word
           && text::lower_case(text_of(at(i))) == word;
  }
  [[nodiscard]] bool is_name(size_t i) const {
    return at(i).kind == token_kind::word
           || at(i).kind == token_kind::quoted_name;
  }
  [[nodiscard]] bool is_dot(size_t i) const {
    return at(i).kind == token_kind::other && text_of(at(i)) == ".";
  }
  [[nodiscard]] error wrong(const token& where, std::string_view what) const {
    return fault_at(text_, where.begin, errc::invalid_argument, what);
  }
  void replace(uint32_t begin, uint32_t end, std::string by) {
    edits_.push_back({begin, end, std::move(by)});
  }

  error look_at(size_t i) {
    if (is_name(i)) {
      const auto name = text_of(at(i));
      if (name.starts_with("__") || name.starts_with("\"__"))
        return wrong(at(i), "names that begin with __ are reserved");
    }
    if (i > 0 && is(i - 1, "as"))
      return {};
    if (is(i, "asof"))
      return asof(i);
    if (is(i, "sample") && is(i + 1, "by"))
      return sample(i);
    if (is(i, "latest") && is(i + 1, "on"))
      return latest(i);
    if (is(i, "in") && at(i + 1).kind == token_kind::text)
      return interval(i);
    return {};
  }

  /// One after the closing bracket of the one at `i`.
  [[nodiscard]] size_t after_brackets(size_t i) const {
    size_t depth = 0;
    for (; at(i).kind != token_kind::end; ++i) {
      if (at(i).kind == token_kind::open)
        ++depth;
      if (at(i).kind == token_kind::close && --depth == 0)
        return i + 1;
    }
    return i;
  }

  [[nodiscard]] bool ends_clause(size_t i) const {
    if (at(i).kind != token_kind::word)
      return false;
    // left(x, 2) is a function.
    if ((is(i, "left") || is(i, "right")) && at(i + 1).kind == token_kind::open)
      return false;
    const auto word = text::lower_case(text_of(at(i)));
    return std::find(clause_words.begin(), clause_words.end(), word)
           != clause_words.end();
  }

  /// One after a table, a bracketed query, and its alias.
  [[nodiscard]] size_t after_table(size_t i) const {
    if (at(i).kind == token_kind::open) {
      i = after_brackets(i);
    } else {
      ++i;
      while (is_dot(i))
        i += 2;
    }
    if (is(i, "as"))
      i += 2;
    else if (is_name(i) && !ends_clause(i))
      ++i;
    return i;
  }

  /// One after a condition.
  [[nodiscard]] size_t after_condition(size_t i) const {
    for (;; ++i) {
      switch (at(i).kind) {
        case token_kind::end:
        case token_kind::close:
        case token_kind::comma:
        case token_kind::semicolon:
          return i;
        case token_kind::open:
          i = after_brackets(i) - 1;
          break;
        default:
          if (ends_clause(i))
            return i;
      }
    }
  }

  /// A width or an age at `i`: 15m, '15m', 15 m; and how many tokens it takes.
  [[nodiscard]] result<std::pair<std::string, size_t>> width(size_t i) const {
    const auto& first = at(i);
    if (first.kind == token_kind::span)
      return std::pair{"'" + std::string{text_of(first)} + "'", size_t{1}};
    if (first.kind == token_kind::text)
      return std::pair{std::string{text_of(first)}, size_t{1}};
    if (first.kind == token_kind::number && at(i + 1).kind == token_kind::word)
      return std::pair{"'" + std::string{text_of(first)} + " "
                         + std::string{text_of(at(i + 1))} + "'",
                       size_t{2}};
    if (is(i, "interval") && at(i + 1).kind == token_kind::text)
      return std::pair{std::string{text_of(at(i + 1))}, size_t{2}};
    return wrong(first,
                 "a span of time is wanted here, as 15m or '15 minutes'");
  }

  /// "(a, b)" at `i`, and nothing of a condition after it.
  [[nodiscard]] bool is_key_list(size_t i) const {
    if (at(i).kind != token_kind::open)
      return false;
    for (++i;; i += 2) {
      if (!is_name(i))
        return false;
      if (at(i + 1).kind == token_kind::close)
        break;
      if (at(i + 1).kind != token_kind::comma)
        return false;
    }
    i += 2;
    return at(i).kind == token_kind::end || at(i).kind == token_kind::close
           || at(i).kind == token_kind::comma
           || at(i).kind == token_kind::semicolon || ends_clause(i);
  }

  error asof(size_t i) {
    const bool inner = is(i + 1, "inner");
    auto join = i + 1;
    if (inner || is(join, "left"))
      ++join;
    if (!inner && is(join, "outer"))
      ++join;
    if (!is(join, "join"))
      return {};
    replace(at(i).begin, at(join).end, inner ? "INNER JOIN" : "LEFT JOIN");
    const auto clause = after_table(join + 1);
    auto end = clause;
    const bool condition = is(clause, "on") && !is_key_list(clause + 1);
    if (is(clause, "using") || (is(clause, "on") && !condition))
      end = after_brackets(clause + 1);
    else if (condition)
      end = after_condition(clause + 1);
    std::string age;
    if (is(end, "tolerance")) {
      auto read = width(end + 1);
      if (!read)
        return read.failure();
      age = std::move(read->first);
      replace(at(end).begin, at(end + read->second).end, "");
    }
    if (condition) {
      replace(at(clause).end, at(clause).end, " (__asof() AND (");
      replace(at(end - 1).end, at(end - 1).end,
              age.empty() ? "))" : ") AND __tolerance(" + age + "))");
      return {};
    }
    std::string names = is(clause, "using") ? "__asof" : "__asof_on";
    if (!age.empty()) {
      if (age.front() != '\'' || age.find_first_of("\"\\") != age.npos)
        return wrong(at(end + 1), "the age is written as '2s' here");
      names += ", \"__tolerance=" + age.substr(1, age.size() - 2) + "\"";
    }
    if (end == clause) {
      replace(at(clause - 1).end, at(clause - 1).end,
              " USING (" + names + ") ");
      return {};
    }
    if (at(clause + 1).kind != token_kind::open)
      return wrong(at(clause + 1), "a list of columns is wanted here");
    replace(at(clause).begin, at(clause + 1).end, "USING (" + names + ", ");
    return {};
  }

  error sample(size_t i) {
    auto read = width(i + 2);
    if (!read)
      return read.failure();
    auto end = i + 2 + read->second;
    std::string fill;
    std::string align;
    if (is(end, "fill") && at(end + 1).kind == token_kind::open) {
      const auto after = after_brackets(end + 1);
      if (after > end + 3)
        fill = text::lower_case(text_.substr(
          at(end + 2).begin, at(after - 2).end - at(end + 2).begin));
      end = after;
    }
    if (is(end, "align") && is(end + 1, "to")) {
      const auto from = at(end + 2).begin;
      const auto after
        = after_condition(end + 2); // It ends where a clause begins.
      if (after > end + 2)
        align = text::lower_case(text_.substr(from, at(after - 1).end - from));
      end = after;
    }
    const auto quoted = [](const std::string& words) {
      std::string out = "'";
      for (const char c : words)
        out += c == '\'' ? std::string{"''"} : std::string{c};
      return out + "'";
    };
    replace(at(i).begin, at(end - 1).end,
            "GROUP BY __sample(" + read->first + "," + quoted(fill) + ","
              + quoted(align) + ")");
    return {};
  }

  /// One after a name with points, or `i` when there is none.
  [[nodiscard]] size_t after_name(size_t i) const {
    if (!is_name(i))
      return i;
    ++i;
    while (is_dot(i) && is_name(i + 1))
      i += 2;
    return i;
  }

  error latest(size_t i) {
    const auto by = after_name(i + 2);
    if (by == i + 2 || !is(by, "partition") || !is(by + 1, "by"))
      return wrong(at(by), "LATEST ON is written as LATEST ON time PARTITION "
                           "BY sym");
    auto end = after_name(by + 2);
    while (at(end).kind == token_kind::comma && is_name(end + 1))
      end = after_name(end + 1);
    if (end == by + 2)
      return wrong(at(end), "columns are wanted after PARTITION BY");
    replace(at(i).begin, at(i + 1).end, "GROUP BY __latest(");
    replace(at(by).begin, at(by + 1).end, ",");
    replace(at(end - 1).end, at(end - 1).end, ")");
    return {};
  }

  /// "t IN '2024-05-02'"
  error interval(size_t i) {
    const bool negated = i > 0 && is(i - 1, "not");
    auto begin = negated ? i - 1 : i;
    if (begin == 0 || !is_name(begin - 1))
      return {};
    --begin;
    while (begin >= 2 && is_dot(begin - 1) && is_name(begin - 2))
      begin -= 2;
    replace(at(begin).begin, at(begin).begin,
            negated ? "NOT __in_interval(" : "__in_interval(");
    replace(at(negated ? i - 1 : i).begin, at(i).end, ",");
    replace(at(i + 1).end, at(i + 1).end, ")");
    return {};
  }

  result<rewritten_query> applied() {
    std::stable_sort(
      edits_.begin(), edits_.end(),
      [](const auto& a, const auto& b) { return a.begin < b.begin; });
    rewritten_query out;
    uint32_t done = 0;
    const auto copy_to = [&](uint32_t end) {
      if (end <= done)
        return;
      out.pieces.push_back(
        {static_cast<uint32_t>(out.text.size()), done, false});
      out.text += text_.substr(done, end - done);
      done = end;
    };
    for (auto& each : edits_) {
      copy_to(each.begin);
      out.pieces.push_back(
        {static_cast<uint32_t>(out.text.size()), each.begin, true});
      out.text += each.text;
      done = std::max(done, each.end);
    }
    copy_to(static_cast<uint32_t>(text_.size()));
    return out;
  }

  std::string_view text_;
  std::vector<token> tokens_;
  std::vector<edit> edits_;
};

} // namespace

uint32_t rewritten_query::source_of(uint32_t place) const noexcept {
  auto found = std::upper_bound(
    pieces.begin(), pieces.end(), place,
    [](uint32_t value, const piece& each) { return value < each.at; });
  if (found == pieces.begin())
    return place;
  --found;
  return found->is_new ? found->source : found->source + (place - found->at);
}

result<rewritten_query> rewrite(std::string_view text) {
  auto tokens = scan_tokens(text);
  if (!tokens)
    return tokens.failure();
  return rewriter{text, *std::move(tokens)}.run();
}

} // namespace millrace::query::sql
