#include <millrace/query/front/qsql/lexer.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace millrace::query::qsql {

namespace {

bool starts_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

constexpr std::array verbs{"<=", ">=", "<>", "::", "+", "-", "*", "%",
                           "&",  "|",  "^",  "=",  "<", ">", "~", ",",
                           "#",  "_",  "$",  "?",  "@", ".", "!", ":"};
constexpr std::array iterators{"/:", "\\:", "':", "/", "\\", "'"};

token_kind bracket_kind(char c) noexcept {
  switch (c) {
    case '(':
      return token_kind::open_paren;
    case ')':
      return token_kind::close_paren;
    case '[':
      return token_kind::open_bracket;
    case ']':
      return token_kind::close_bracket;
    case '{':
      return token_kind::open_brace;
    case '}':
      return token_kind::close_brace;
    case ';':
      return token_kind::semicolon;
    default:
      return token_kind::end;
  }
}

class token_scanner {
public:
  explicit token_scanner(std::string_view source) : source_{source} {}

  result<std::vector<token>> run() {
    if (source_.size() > text_bytes_max)
      return error{errc::limit_exceeded,
                   "limit: the query has " + std::to_string(source_.size())
                     + " bytes; at most " + std::to_string(text_bytes_max)
                     + " are read"};
    while (skip_blanks(), at_ < source_.size()) {
      if (auto fault = scan_one())
        return fault;
      if (out_.size() > tokens_max)
        return error{errc::limit_exceeded, "limit: the query has more than "
                                             + std::to_string(tokens_max)
                                             + " names and values"};
    }
    add(token_kind::end, at_);
    return std::move(out_);
  }

private:
  [[nodiscard]] char peek(size_t ahead = 0) const noexcept {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }

  token& add(token_kind kind, size_t begin) {
    auto& made = out_.emplace_back();
    made.kind = kind;
    made.at = {static_cast<uint32_t>(begin), static_cast<uint32_t>(at_)};
    return made;
  }

  [[nodiscard]] error fault(size_t begin, std::string_view what) const {
    return fault_at(source_,
                    {static_cast<uint32_t>(begin), static_cast<uint32_t>(at_)},
                    errc::invalid_argument, "parse", what);
  }

  void skip_blanks() noexcept {
    for (;;) {
      while (is_blank(peek()))
        ++at_;
      // A comment begins after a blank, or with the text.
      if (peek() != '/' || peek(1) == ':'
          || (at_ > 0 && !is_blank(source_[at_ - 1])))
        return;
      while (at_ < source_.size() && peek() != '\n')
        ++at_;
    }
  }

  /// Whether the token before is a value that touches what comes next.
  [[nodiscard]] bool follows_value() const noexcept {
    if (out_.empty() || out_.back().at.end != at_)
      return false;
    const auto kind = out_.back().kind;
    return kind == token_kind::constant || kind == token_kind::name
           || kind == token_kind::close_paren
           || kind == token_kind::close_bracket
           || kind == token_kind::close_brace;
  }

  [[nodiscard]] bool starts_number() const noexcept {
    const auto digit_at = [&](size_t ahead) {
      return starts_digit(peek(ahead))
             || (peek(ahead) == '.' && starts_digit(peek(ahead + 1)));
    };
    return digit_at(0) || (peek() == '-' && !follows_value() && digit_at(1));
  }

  error scan_one() {
    const auto begin = at_;
    const char c = peek();
    if (starts_number())
      return scan_numbers();
    if (is_letter(c) || (c == '.' && is_letter(peek(1)))) {
      while (is_letter(peek()) || starts_digit(peek()) || peek() == '_'
             || peek() == '.')
        ++at_;
      add(token_kind::name, begin).text = source_.substr(begin, at_ - begin);
      return {};
    }
    if (c == '`')
      return scan_symbols();
    if (c == '"')
      return scan_text();
    if (const auto kind = bracket_kind(c); kind != token_kind::end) {
      ++at_;
      add(kind, begin);
      return {};
    }
    for (const std::string_view name : iterators)
      if (source_.substr(at_, name.size()) == name)
        return take(token_kind::iterator, name);
    for (const std::string_view name : verbs)
      if (source_.substr(at_, name.size()) == name)
        return take(token_kind::verb, name);
    at_ = begin + 1;
    return fault(begin, "no such character in q");
  }

  error take(token_kind kind, std::string_view name) {
    const auto begin = at_;
    at_ += name.size();
    add(kind, begin).text = name;
    return {};
  }

  /// The end of the number that begins here, with its letters.
  void skip_word() noexcept {
    if (peek() == '-')
      ++at_;
    for (;; ++at_) {
      const char c = peek();
      // A sign belongs to the exponent.
      const bool is_exponent_sign = (c == '+' || c == '-')
                                    && (source_[at_ - 1] == 'e')
                                    && starts_digit(peek(1)) && at_ >= 2
                                    && starts_digit(source_[at_ - 2]);
      if (!starts_digit(c) && !is_letter(c) && c != '.' && c != ':'
          && !is_exponent_sign)
        return;
    }
  }

  error scan_numbers() {
    const auto begin = at_;
    auto end = at_;
    std::vector<written_number> words;
    do {
      const auto word_begin = at_;
      skip_word();
      end = at_;
      auto word = scan_number(source_.substr(word_begin, at_ - word_begin));
      if (!word)
        return fault(word_begin, word.failure().context);
      words.push_back(*std::move(word));
      while (peek() == ' ' || peek() == '\t')
        ++at_;
    } while (at_ > end && starts_number());
    at_ = end;
    auto value = join_numbers(std::move(words));
    if (!value)
      return fault(begin, value.failure().context);
    add(token_kind::constant, begin).value = *std::move(value);
    return {};
  }

  error scan_symbols() {
    const auto begin = at_;
    constant value;
    value.type = column_type::symbol;
    while (peek() == '`') {
      const auto name_begin = ++at_;
      bool is_path = false;
      for (;; ++at_) {
        const char c = peek();
        is_path = is_path || c == ':';
        if (!is_letter(c) && !starts_digit(c) && c != '.' && c != '_'
            && c != ':' && !(c == '/' && is_path)
            && (static_cast<unsigned char>(c) < 0x80))
          break;
      }
      const auto name = source_.substr(name_begin, at_ - name_begin);
      if (name.empty())
        value.values.emplace_back(std::monostate{});
      else
        value.values.emplace_back(std::string{name});
    }
    value.is_list = value.values.size() > 1;
    add(token_kind::constant, begin).value = std::move(value);
    return {};
  }

  error scan_escape(std::string& into) {
    const auto begin = at_++;
    const char c = peek();
    ++at_;
    switch (c) {
      case 'n':
        into += '\n';
        return {};
      case 't':
        into += '\t';
        return {};
      case 'r':
        into += '\r';
        return {};
      case '"':
      case '\\':
        into += c;
        return {};
      default:
        break;
    }
    int value = 0;
    at_ = begin + 1;
    for (size_t i = 0; i < 3; ++i, ++at_) {
      if (peek() < '0' || peek() > '7')
        return fault(begin, "after \\ stands n, t, r, \", \\ or three octal "
                            "digits");
      value = value * 8 + (peek() - '0');
    }
    if (value > 255)
      return fault(begin, "a byte is at most \\377");
    into += static_cast<char>(value);
    return {};
  }

  error scan_text() {
    const auto begin = at_++;
    std::string text;
    while (peek() != '"') {
      if (at_ >= source_.size())
        return fault(begin, "the text has no closing \"");
      if (peek() == '\\') {
        if (auto bad = scan_escape(text))
          return bad;
      } else {
        text += peek();
        ++at_;
      }
    }
    ++at_;
    constant value;
    // One letter alone is a char; a blank is its null.
    value.type = text.size() == 1 ? column_type::char_ : column_type::string;
    if (text == " ")
      value.values.emplace_back(std::monostate{});
    else
      value.values.emplace_back(std::move(text));
    add(token_kind::constant, begin).value = std::move(value);
    return {};
  }

  std::string_view source_;
  size_t at_ = 0;
  std::vector<token> out_;
};

} // namespace

result<std::vector<token>> scan_tokens(std::string_view source) {
  return token_scanner{source}.run();
}

} // namespace millrace::query::qsql
