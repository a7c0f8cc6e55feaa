#include <millrace/nodes/servers/postgres/copy.hpp>

#include <algorithm>
#include <utility>

namespace millrace::nodes::postgres {

namespace {

error not_taken(std::string text) {
  return {errc::unsupported, std::move(text)};
}

/// Reads a COPY from the left to the right.
class copy_reader {
public:
  explicit copy_reader(const statement& what)
    : what_{what}, parts_{parts_of(what.text)} {}

  result<copy_request> read() {
    if (auto fault = read_source())
      return fault;
    if (!takes("to") || !takes("stdout"))
      return not_taken("COPY cannot be done here: this port only reads, so "
                       "there is COPY (SELECT ...) TO STDOUT alone");
    (void)takes("with");
    if (auto fault = read_options())
      return fault;
    auto& style = out_.style;
    if (!delimiter_)
      style.delimiter = style.format == copy_format::csv ? ',' : '\t';
    if (!null_ && style.format == copy_format::csv)
      style.null.clear();
    return std::move(out_);
  }

private:
  [[nodiscard]] bool is(std::string_view word) const {
    return at_ < parts_.size() && parts_[at_].is(word);
  }
  bool takes(std::string_view word) {
    const bool is_there = is(word);
    at_ += is_there;
    return is_there;
  }

  /// (SELECT ...), or a table and some of its columns.
  error read_source() {
    at_ = 1;
    if (!is("("))
      return read_table();
    const auto begin = parts_[at_].end;
    size_t depth = 0;
    for (; at_ < parts_.size(); ++at_) {
      depth += is("(");
      if (is(")") && --depth == 0)
        break;
    }
    if (at_ == parts_.size())
      return {errc::invalid_argument, "COPY ( has no end"};
    const auto inner = statements_in(
      std::string_view{what_.text}.substr(begin, parts_[at_].begin - begin));
    if (!inner || inner->size() != 1 || inner->front().what != command::query)
      return not_taken("what COPY puts out is one SELECT");
    out_.query = inner->front();
    out_.query.begin += what_.begin + begin;
    ++at_;
    return {};
  }

  error read_table() {
    if (at_ >= parts_.size())
      return {errc::invalid_argument, "COPY has a query or a table"};
    const auto text = [&](size_t from, size_t to) {
      return what_.text.substr(parts_[from].begin,
                               parts_[to - 1].end - parts_[from].begin);
    };
    const auto from = at_;
    at_ += at_ + 2 < parts_.size() && parts_[at_ + 1].is(".") ? 3 : 1;
    const auto name = text(from, at_);
    std::string columns{"*"};
    if (takes("(")) {
      const auto first = at_;
      while (at_ < parts_.size() && !is(")"))
        ++at_;
      if (at_ >= parts_.size() || at_ == first)
        return {errc::invalid_argument, "COPY has no columns between ( and )"};
      columns = text(first, at_);
      ++at_;
    }
    out_.query.text = "select " + columns + " from " + name;
    out_.query.begin = what_.begin;
    out_.query.what = command::query;
    out_.query.word = "select";
    return {};
  }

  error read_options() {
    const bool is_list = takes("(");
    while (at_ < parts_.size() && !is(")")) {
      if (auto fault = read_option(is_list))
        return fault;
      if (is_list)
        (void)takes(",");
    }
    if (is_list && !takes(")"))
      return {errc::invalid_argument, "the options of COPY have no end"};
    return at_ == parts_.size()
             ? error{}
             : not_taken("COPY ends before '" + parts_[at_].text + "'");
  }

  /// @param is_list FORMAT csv, and not CSV alone, as of old
  error read_option(bool is_list) {
    const auto name = parts_[at_++].text;
    auto& style = out_.style;
    if (name == "format" && is_list && at_ < parts_.size())
      return set_format(parts_[at_++].text);
    if (!is_list && (name == "csv" || name == "binary"))
      return set_format(name);
    if (name == "header") {
      style.has_header = true;
      if (is_list && !is(",") && !is(")"))
        style.has_header = !(is("false") || is("off") || is("0"));
      at_ += is_list && !is(",") && !is(")");
      return {};
    }
    if (!is_list)
      (void)takes("as");
    const bool has_value = at_ < parts_.size() && parts_[at_].is_quoted;
    const auto value = has_value ? parts_[at_++].text : std::string{};
    if (name == "null" && has_value) {
      null_ = true;
      style.null = value;
      return {};
    }
    if ((name == "delimiter" || name == "delimiters") && value.size() == 1) {
      delimiter_ = true;
      style.delimiter = value[0];
      return {};
    }
    if (name == "quote" && value.size() == 1) {
      style.quote = value[0];
      return {};
    }
    if (name == "escape" && value.size() == 1 && value[0] == style.quote)
      return {};
    if (name == "encoding" && (value == "UTF8" || value == "utf8"))
      return {};
    return not_taken("COPY has no option '" + name
                     + "' of this kind here; there are FORMAT, HEADER, "
                       "DELIMITER, NULL and QUOTE");
  }

  error set_format(const std::string& name) {
    if (name == "text")
      out_.style.format = copy_format::text;
    else if (name == "csv")
      out_.style.format = copy_format::csv;
    else if (name == "binary")
      out_.style.format = copy_format::binary;
    else
      return not_taken("COPY has no format '" + name
                       + "'; there are text, csv and binary");
    return {};
  }

  const statement& what_;
  std::vector<part> parts_;
  size_t at_ = 0;
  bool delimiter_ = false;
  bool null_ = false;
  copy_request out_;
};

} // namespace

result<copy_request> read_copy(const statement& what) {
  return copy_reader{what}.read();
}

} // namespace millrace::nodes::postgres
