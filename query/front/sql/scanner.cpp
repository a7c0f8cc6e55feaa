#include <millrace/messages/text/letter_case.hpp>
#include <millrace/query/front/sql/scanner.hpp>
#include <millrace/query/front/sql/source.hpp>

#include <algorithm>
#include <array>
#include <string>

namespace millrace::query::sql {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'
         || (static_cast<unsigned char>(c) & 0x80) != 0;
}
bool in_name(char c) { return begins_name(c) || is_digit(c) || c == '$'; }
bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'
         || c == '\v';
}
bool in_operator(char c) {
  return std::string_view{"+-*/<>=~!@#%^&|`?"}.find(c)
         != std::string_view::npos;
}

/// Words that make a level of the tree each, however often they follow.
bool nests(std::string_view word) {
  constexpr std::array words{
    "and",     "at",        "between",  "case",   "collate", "except", "ilike",
    "in",      "intersect", "is",       "isnull", "join",    "like",   "not",
    "notnull", "or",        "overlaps", "select", "similar", "union"};
  const auto lower = text::lower_case(word);
  return std::find(words.begin(), words.end(), lower) != words.end();
}

class scanner {
public:
  explicit scanner(std::string_view text) : text_{text} {}

  result<std::vector<token>> run() {
    if (text_.size() > text_bytes_max)
      return error{errc::limit_exceeded, "the query has "
                                           + std::to_string(text_.size())
                                           + " bytes; there may be "
                                           + std::to_string(text_bytes_max)};
    for (;;) {
      if (auto fault = skip())
        return fault;
      if (at_ == text_.size())
        break;
      const auto begin = at_;
      const auto kind = next();
      if (!kind)
        return kind.failure();
      out_.push_back({*kind, place(begin), place(at_)});
      if (auto fault = count(out_.back()))
        return fault;
    }
    out_.push_back({token_kind::end, place(at_), place(at_)});
    return std::move(out_);
  }

private:
  static uint32_t place(size_t at) { return static_cast<uint32_t>(at); }
  [[nodiscard]] char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  [[nodiscard]] error wrong(size_t at, errc code, std::string_view what) const {
    return fault_at(text_, place(at), code, what);
  }

  error count(const token& each) {
    const auto size = each.end - each.begin;
    if (each.kind == token_kind::operation || each.kind == token_kind::open
        || each.kind == token_kind::other
        || (each.kind == token_kind::word
            && nests(text_.substr(each.begin, size))))
      ++nesting_;
    if (nesting_ > nesting_tokens_max)
      return wrong(each.begin, errc::limit_exceeded,
                   "the query has more than "
                     + std::to_string(nesting_tokens_max)
                     + " operators, brackets and words like AND");
    if (out_.size() > tokens_max)
      return wrong(each.begin, errc::limit_exceeded,
                   "the query has more than " + std::to_string(tokens_max)
                     + " words and signs");
    return {};
  }

  /// Blanks and comments; those between /* and */ nest.
  error skip() {
    for (;;) {
      while (at_ < text_.size() && is_blank(text_[at_]))
        ++at_;
      if (peek() == '-' && peek(1) == '-') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (peek() == '/' && peek(1) == '*') {
        const auto begin = at_;
        size_t depth = 0;
        do {
          if (at_ >= text_.size())
            return wrong(begin, errc::invalid_argument,
                         "the comment has no end");
          if (peek() == '/' && peek(1) == '*') {
            ++depth;
            at_ += 2;
          } else if (peek() == '*' && peek(1) == '/') {
            --depth;
            at_ += 2;
          } else {
            ++at_;
          }
        } while (depth > 0);
      } else {
        return {};
      }
    }
  }

  result<token_kind> next() {
    const auto c = text_[at_];
    if (c == '\0')
      return wrong(at_, errc::invalid_argument, "a NUL character");
    if ((c == 'E' || c == 'e') && peek(1) == '\'') {
      ++at_;
      return quoted(true);
    }
    if (c == '\'')
      return quoted(false);
    if (c == '"')
      return name_in_quotes();
    if (c == '$')
      return dollar();
    if (is_digit(c) || (c == '.' && is_digit(peek(1))))
      return number();
    if (begins_name(c)) {
      while (at_ < text_.size() && in_name(text_[at_]))
        ++at_;
      return token_kind::word;
    }
    if (in_operator(c))
      return operation();
    ++at_;
    switch (c) {
      case '(':
        return token_kind::open;
      case ')':
        return token_kind::close;
      case ',':
        return token_kind::comma;
      case ';':
        return token_kind::semicolon;
      default:
        return token_kind::other;
    }
  }

  result<token_kind> quoted(bool escapes) {
    const auto begin = at_++;
    while (at_ < text_.size()) {
      const auto c = text_[at_++];
      if (c == '\0')
        return wrong(at_ - 1, errc::invalid_argument, "a NUL character");
      if (c == '\\' && escapes)
        ++at_;
      else if (c == '\'' && peek() == '\'')
        ++at_;
      else if (c == '\'')
        return token_kind::text;
    }
    return wrong(begin, errc::invalid_argument, "the text has no end");
  }

  result<token_kind> name_in_quotes() {
    const auto begin = at_++;
    while (at_ < text_.size()) {
      const auto c = text_[at_++];
      if (c == '\0')
        return wrong(at_ - 1, errc::invalid_argument, "a NUL character");
      if (c == '"' && peek() == '"')
        ++at_;
      else if (c == '"')
        return token_kind::quoted_name;
    }
    return wrong(begin, errc::invalid_argument, "the name has no end");
  }

  /// $tag$...$tag$, or a parameter.
  result<token_kind> dollar() {
    const auto begin = at_++;
    if (is_digit(peek())) {
      while (is_digit(peek()))
        ++at_;
      return token_kind::other;
    }
    while (at_ < text_.size() && in_name(text_[at_]) && text_[at_] != '$')
      ++at_;
    if (peek() != '$')
      return token_kind::other;
    ++at_;
    const auto tag = text_.substr(begin, at_ - begin);
    const auto end = text_.find(tag, at_);
    if (end == std::string_view::npos)
      return wrong(begin, errc::invalid_argument,
                   "the text after " + std::string{tag} + " has no end");
    if (text_.substr(at_, end - at_).find('\0') != std::string_view::npos)
      return wrong(begin, errc::invalid_argument, "a NUL character");
    at_ = end + tag.size();
    return token_kind::text;
  }

  result<token_kind> number() {
    const auto digits = [&] {
      while (is_digit(peek()))
        ++at_;
    };
    digits();
    if (peek() == '.') {
      ++at_;
      digits();
    }
    const auto sign = peek(1) == '+' || peek(1) == '-' ? size_t{2} : size_t{1};
    if ((peek() == 'e' || peek() == 'E') && is_digit(peek(sign))) {
      at_ += sign;
      digits();
    }
    if (!begins_name(peek()))
      return token_kind::number;
    while (at_ < text_.size() && in_name(text_[at_]))
      ++at_;
    return token_kind::span;
  }

  token_kind operation() {
    while (at_ < text_.size() && in_operator(text_[at_])) {
      const bool comment = (peek() == '-' && peek(1) == '-')
                           || (peek() == '/' && peek(1) == '*');
      if (comment)
        break;
      ++at_;
    }
    return token_kind::operation;
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t nesting_ = 0;
  std::vector<token> out_;
};

} // namespace

result<std::vector<token>> scan_tokens(std::string_view text) {
  return scanner{text}.run();
}

} // namespace millrace::query::sql
