#include <millrace/query/front/qsql/lexer.hpp>
#include <millrace/query/front/qsql/parser.hpp>
#include <millrace/query/plan/aggregate_function.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace millrace::query::qsql {

namespace {

/// Names that stand between their arguments, besides those of aggregates of
/// pairs.
constexpr std::array infix_names{
  "and",    "asof",      "bin",  "binr",  "cross",  "cut",   "div",
  "ema",    "except",    "fby",  "ij",    "ijf",    "in",    "inter",
  "like",   "lj",        "ljf",  "mavg",  "mcount", "mdev",  "mmax",
  "mmin",   "mmu",       "mod",  "msum",  "or",     "pj",    "rotate",
  "ss",     "sublist",   "sv",   "take",  "uj",     "ujf",   "union",
  "vs",     "within",    "xasc", "xbar",  "xcol",   "xcols", "xdesc",
  "xexp",   "xkey",      "xlog", "xprev", "xrank",  "set",   "insert",
  "upsert", "percentile"};

bool is_infix(std::string_view name) noexcept {
  const auto aggregate = aggregate_function_of(name);
  return (aggregate && takes_pairs(*aggregate))
         || std::find(infix_names.begin(), infix_names.end(), name)
              != infix_names.end();
}

std::optional<phrase_kind> phrase_kind_of(std::string_view name) noexcept {
  for (const auto kind : {phrase_kind::select, phrase_kind::exec,
                          phrase_kind::update, phrase_kind::delete_})
    if (name == to_string(kind))
      return kind;
  return std::nullopt;
}

/// Brackets that may follow each other, as in "f[x][y]".
constexpr size_t calls_max = 4;

/// What ends an expression besides closing brackets and semicolons.
struct enders {
  bool comma = false;
  bool by = false;
  bool from = false;
  bool where = false;
};

class tree_parser {
public:
  tree_parser(std::string_view source, std::vector<token> tokens)
    : source_{source}, tokens_{std::move(tokens)} {}

  result<std::vector<node>> run() {
    std::vector<node> out;
    while (!is(token_kind::end)) {
      if (is(token_kind::semicolon)) {
        ++next_;
        continue;
      }
      auto statement = parse_statement();
      if (!statement)
        return statement.failure();
      out.push_back(*std::move(statement));
      if (!is(token_kind::end) && !is(token_kind::semicolon))
        return unexpected("the query should end here");
    }
    if (out.empty())
      return fault(peek().at, "the query is empty");
    return out;
  }

private:
  /// Counts how deep the parser is in itself.
  class level {
  public:
    explicit level(size_t& depth) : depth_{depth} { ++depth_; }
    ~level() { --depth_; }
    level(const level&) = delete;
    level& operator=(const level&) = delete;

  private:
    size_t& depth_;
  };

  [[nodiscard]] const token& peek(size_t ahead = 0) const noexcept {
    return tokens_[std::min(next_ + ahead, tokens_.size() - 1)];
  }
  [[nodiscard]] bool is(token_kind kind, size_t ahead = 0) const noexcept {
    return peek(ahead).kind == kind;
  }
  [[nodiscard]] bool is_name(std::string_view name) const noexcept {
    return is(token_kind::name) && peek().text == name;
  }
  [[nodiscard]] bool is_verb(std::string_view name,
                             size_t ahead = 0) const noexcept {
    return is(token_kind::verb, ahead) && peek(ahead).text == name;
  }

  [[nodiscard]] error fault(text_range at, std::string_view what) const {
    return fault_at(source_, at, errc::invalid_argument, "parse", what);
  }
  [[nodiscard]] error refused(text_range at, std::string_view what) const {
    return fault_at(source_, at, errc::unsupported, "nyi", what);
  }
  [[nodiscard]] error unexpected(std::string_view what) const {
    return fault(peek().at, what);
  }

  [[nodiscard]] bool at_end(const enders& ends) const noexcept {
    switch (peek().kind) {
      case token_kind::end:
      case token_kind::close_paren:
      case token_kind::close_bracket:
      case token_kind::close_brace:
      case token_kind::semicolon:
        return true;
      case token_kind::verb:
        return ends.comma && peek().text == ",";
      case token_kind::name:
        return (ends.by && peek().text == "by")
               || (ends.from && peek().text == "from")
               || (ends.where && peek().text == "where");
      default:
        return false;
    }
  }

  result<node> parse_statement() {
    if (is(token_kind::name) && is_verb(":", 1)) {
      node out{node_kind::assign, peek().at};
      out.label = peek().text;
      next_ += 2;
      auto value = parse_expression({});
      if (!value)
        return value;
      out.at = covering(out.at, value->at);
      out.items.push_back(*std::move(value));
      return out;
    }
    return parse_expression({});
  }

  /// What an expression is, once its leftmost term is read.
  result<node> parse_expression(enders ends) {
    const level here{depth_};
    if (depth_ > depth_max)
      return fault_at(source_, peek().at, errc::limit_exceeded, "limit",
                      "the query nests deeper than " + std::to_string(depth_max)
                        + " levels");
    if (at_end(ends))
      return unexpected("a value is missing");
    auto left = parse_term(ends);
    if (!left || at_end(ends))
      return left;
    if (is(token_kind::verb) || (is(token_kind::name) && is_infix(peek().text)))
      return parse_infix(*std::move(left), ends);
    if (is(token_kind::iterator))
      return refuse_iterator();
    if (left->kind == node_kind::constant || left->kind == node_kind::list
        || left->kind == node_kind::table)
      return unexpected("a verb is missing before this");
    auto argument = parse_expression(ends);
    if (!argument)
      return argument;
    return applied(*std::move(left), *std::move(argument));
  }

  static node applied(node function, node argument) {
    node out{node_kind::apply, covering(function.at, argument.at)};
    out.items.push_back(std::move(function));
    out.items.push_back(std::move(argument));
    return out;
  }

  [[nodiscard]] error refuse_iterator() const {
    return refused(peek().at, "iterators are not there");
  }

  result<node> parse_infix(node left, enders ends) {
    if (is_verb(":") || is_verb("::"))
      return refused(peek().at, "a value is given to a name at the beginning "
                                "of a statement or column only");
    auto verb = take_verb();
    if (!verb)
      return verb;
    // "sums differ@" before ';' is a function, of what comes to both.
    if (verb->text == "@" && verb->iterator.empty()
        && is(token_kind::semicolon))
      return applied(*std::move(verb), std::move(left));
    if (at_end(ends))
      return fault(verb->at, "nothing stands to the right of the verb");
    auto right = parse_expression(ends);
    if (!right)
      return right;
    node out{node_kind::apply, covering(left.at, right->at)};
    out.items.push_back(*std::move(verb));
    out.items.push_back(std::move(left));
    out.items.push_back(*std::move(right));
    return out;
  }

  /// The verb that comes next, with its iterator.
  result<node> take_verb() {
    node out{node_kind::verb, peek().at};
    out.text = peek().text;
    ++next_;
    if (is(token_kind::iterator) && peek().at.begin == out.at.end) {
      // Windows of a join are made with these two; others need functions.
      if (peek().text != "/:" && peek().text != "\\:")
        return refuse_iterator();
      out.iterator = peek().text;
      out.at = covering(out.at, peek().at);
      ++next_;
    }
    return out;
  }

  result<node> parse_term(enders ends) {
    auto term = parse_bare_term(ends);
    for (size_t calls = 0; term && is(token_kind::open_bracket)
                           && term->kind != node_kind::phrase;
         ++calls) {
      // They nest to the left, which the depth does not count.
      if (calls == calls_max)
        return unexpected("too many brackets follow each other");
      node call{node_kind::apply, term->at};
      call.items.push_back(*std::move(term));
      if (auto bad = parse_arguments(call))
        return bad;
      term = std::move(call);
    }
    return term;
  }

  result<node> parse_bare_term(enders ends) {
    const auto& here = peek();
    switch (here.kind) {
      case token_kind::constant: {
        node out{node_kind::constant, here.at};
        out.value = here.value;
        ++next_;
        return out;
      }
      case token_kind::name:
        if (const auto kind = phrase_kind_of(here.text))
          return parse_phrase(*kind, ends);
        if (is_infix(here.text))
          return take_verb();
        return take_name();
      case token_kind::verb:
        return parse_leading_verb(ends);
      case token_kind::open_paren:
        return parse_parens();
      case token_kind::open_brace:
        return refused(here.at, "lambdas are not there");
      case token_kind::iterator:
        return here.text == "\\" || here.text == "/"
                 ? refused(here.at, "commands of the system are not there")
                 : refuse_iterator();
      default:
        return unexpected("a value is missing");
    }
  }

  node take_name() {
    node out{node_kind::name, peek().at};
    out.text = peek().text;
    ++next_;
    return out;
  }

  /// A verb as a value, or "-" before what it makes negative.
  result<node> parse_leading_verb(enders ends) {
    if (is_verb("::")) {
      node out{node_kind::nothing, peek().at};
      ++next_;
      return out;
    }
    auto verb = take_verb();
    if (!verb || at_end(ends) || is(token_kind::open_bracket))
      return verb;
    if (verb->text != "-" || !verb->iterator.empty())
      return fault(verb->at, "nothing stands to the left of the verb");
    verb->kind = node_kind::name;
    verb->text = "neg";
    return verb;
  }

  /// "[a;b]" after a function.
  error parse_arguments(node& call) {
    const auto open = peek().at;
    ++next_;
    return parse_items(call, open, token_kind::close_bracket,
                       "the bracket is not closed");
  }

  /// Expressions between semicolons up to `close`; one that is left out is
  /// `nothing`.
  error parse_items(node& into, text_range open, token_kind close,
                    std::string_view unclosed) {
    for (;;) {
      if (is(close) || is(token_kind::semicolon)) {
        into.items.emplace_back(node_kind::nothing, peek().at);
      } else if (!is(token_kind::end)) {
        auto item = parse_expression({});
        if (!item)
          return item.failure();
        into.items.push_back(*std::move(item));
      }
      if (is(close)) {
        into.at = covering(into.at, peek().at);
        ++next_;
        return {};
      }
      if (is(token_kind::end))
        return fault(open, unclosed);
      if (!is(token_kind::semicolon))
        return unexpected("';' or a closing bracket is missing");
      ++next_;
    }
  }

  /// "(x)", "(a;b)", "()", "([]a:...)".
  result<node> parse_parens() {
    const auto open = peek().at;
    ++next_;
    if (is(token_kind::open_bracket))
      return parse_table(open);
    node out{node_kind::list, open};
    if (is(token_kind::close_paren)) {
      out.at = covering(open, peek().at);
      ++next_;
      return out;
    }
    if (auto bad = parse_items(out, open, token_kind::close_paren,
                               "the parenthesis is not closed"))
      return bad;
    if (out.items.size() > 1)
      return out;
    // What is in parentheses is itself; its place is theirs.
    auto inner = std::move(out.items.front());
    inner.at = out.at;
    return inner;
  }

  result<node> parse_table(text_range open) {
    node out{node_kind::table, open};
    ++next_;
    if (!is(token_kind::close_bracket))
      if (auto bad = parse_table_columns(out.items))
        return bad;
    if (!is(token_kind::close_bracket))
      return unexpected("']' is missing after the keys of a table");
    out.key_count = out.items.size();
    ++next_;
    if (!is(token_kind::close_paren))
      if (auto bad = parse_table_columns(out.items))
        return bad;
    if (is(token_kind::end))
      return fault(open, "the parenthesis is not closed");
    if (!is(token_kind::close_paren))
      return unexpected("')' is missing after the columns of a table");
    if (out.items.empty())
      return fault(open, "a table needs columns");
    out.at = covering(open, peek().at);
    ++next_;
    return out;
  }

  error parse_table_columns(std::vector<node>& into) {
    for (;;) {
      auto column = parse_labelled({});
      if (!column)
        return column.failure();
      into.push_back(*std::move(column));
      if (!is(token_kind::semicolon))
        return {};
      ++next_;
    }
  }

  /// "label:expression" or an expression.
  result<node> parse_labelled(enders ends) {
    if (!is(token_kind::name) || !is_verb(":", 1))
      return parse_expression(ends);
    const auto label = peek();
    next_ += 2;
    auto value = parse_expression(ends);
    if (!value)
      return value;
    value->label = label.text;
    return value;
  }

  /// Columns, keys or conditions with commas between.
  error parse_listed(std::vector<node>& into, enders ends, bool labelled) {
    for (;;) {
      auto item = labelled ? parse_labelled(ends) : parse_expression(ends);
      if (!item)
        return item.failure();
      into.push_back(*std::move(item));
      if (!is_verb(","))
        return {};
      if (into.size() == listed_max)
        return fault_at(source_, peek().at, errc::limit_exceeded, "limit",
                        "more than " + std::to_string(listed_max)
                          + " columns or conditions");
      ++next_;
    }
  }

  result<node> parse_phrase(phrase_kind kind, enders outer) {
    node out{node_kind::phrase, peek().at};
    const auto begin = peek().at;
    ++next_;
    out.phrase = std::make_unique<select_phrase>();
    auto& into = *out.phrase;
    into.kind = kind;
    if (is(token_kind::open_bracket))
      if (auto bad = parse_limits(into))
        return bad;
    const bool reads = kind == phrase_kind::select || kind == phrase_kind::exec;
    if (reads && is_name("distinct")) {
      into.distinct = true;
      ++next_;
    }
    if (auto bad = parse_columns(into))
      return bad;
    if (!is_name("from"))
      return is(token_kind::end)
               ? fault(begin, "'from' is missing in this phrase")
               : unexpected("'from' is missing before this");
    ++next_;
    auto within = outer;
    within.where = true;
    auto source = parse_expression(within);
    if (!source)
      return source;
    into.source = *std::move(source);
    if (is_name("where")) {
      ++next_;
      // What ends the phrase around ends this one too.
      auto ends = outer;
      ends.comma = true;
      if (auto bad = parse_listed(into.conditions, ends, false))
        return bad;
    }
    out.at = covering(begin, tokens_[next_ - 1].at);
    return out;
  }

  error parse_columns(select_phrase& into) {
    const enders ends{.comma = true, .by = true, .from = true, .where = false};
    if (!is_name("from") && !is_name("by"))
      if (auto bad = parse_listed(into.columns, ends, true))
        return bad;
    if (!is_name("by"))
      return {};
    into.grouped = true;
    ++next_;
    if (is_name("from"))
      return {};
    return parse_listed(
      into.keys, {.comma = true, .by = false, .from = true, .where = false},
      true);
  }

  /// "[5]", "[5;>price]", "[>price]" after select.
  error parse_limits(select_phrase& into) {
    const auto open = peek().at;
    ++next_;
    for (;;) {
      if (is(token_kind::verb) && is(token_kind::name, 1)
          && (peek().text == "<" || peek().text == ">")) {
        auto verb = take_verb();
        if (!verb)
          return verb.failure();
        into.limits.push_back(applied(*std::move(verb), take_name()));
      } else {
        auto count = parse_expression({});
        if (!count)
          return count.failure();
        into.limits.push_back(*std::move(count));
      }
      if (is(token_kind::close_bracket)) {
        ++next_;
        return {};
      }
      if (is(token_kind::end))
        return fault(open, "the bracket is not closed");
      if (!is(token_kind::semicolon))
        return unexpected("';' or ']' is missing");
      ++next_;
    }
  }

  std::string_view source_;
  std::vector<token> tokens_;
  size_t next_ = 0;
  size_t depth_ = 0;
};

} // namespace

result<std::vector<node>> parse(std::string_view source) {
  auto tokens = scan_tokens(source);
  if (!tokens)
    return tokens.failure();
  return tree_parser{source, *std::move(tokens)}.run();
}

} // namespace millrace::query::qsql
