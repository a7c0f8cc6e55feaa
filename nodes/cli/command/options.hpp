#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/messages/text/nearest_name.hpp>

#include <charconv>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace millrace::nodes {

/// An option or argument that was declared.
class option {
public:
  explicit option(CLI::Option* declared) noexcept : declared_{declared} {}
  option& required();
  /// The word that stands for its value in the help text; empty: none.
  option& shown_as(const std::string& word);
  /// What a shell completes its value with; other values are taken too.
  option& offers(const std::vector<std::string>& words);

private:
  CLI::Option* declared_;
};

/// What may follow the name of a command. `names` are "-n,--name" of an option
/// or "NAME" of an argument, `help` is its line of the help text. Values go
/// `into` variables, which must outlive the parsing; what is not given stays as
/// it is there. No other header knows CLI11, which compiles slowly.
class option_list {
public:
  explicit option_list(CLI::App* command) noexcept : command_{command} {}

  void flag(const std::string& names, bool& into, const std::string& help);
  option text(const std::string& names, std::string& into,
              const std::string& help);
  option texts(const std::string& names, std::vector<std::string>& into,
               const std::string& help);

  /// A text that `take` understands; its error says why it does not.
  option read(const std::string& names,
              std::function<error(const std::string&)> take,
              const std::string& help);

  /// A whole number that the type can hold. A minus is refused where it has no
  /// sign.
  template <class T>
  option number(const std::string& names, T& into, const std::string& help) {
    static_assert(std::is_integral_v<T>);
    return read_number<T>(names, into, help);
  }
  template <class T>
  option number(const std::string& names, std::optional<T>& into,
                const std::string& help) {
    static_assert(std::is_integral_v<T>);
    return read_number<T>(names, into, help);
  }

  /// A number from `least` to `most`.
  template <class T>
  option number(const std::string& names, T& into, T least, T most,
                const std::string& help) {
    return read(
             names,
             [=, &into](const std::string& text) {
               T value{};
               // Not a number of floating point is not in any range.
               if (!is_all_of(text, value)
                   || !(value >= least && value <= most))
                 return refusal(text, "a number from " + number_text(least)
                                        + " to " + number_text(most));
               into = value;
               return error{};
             },
             help)
      .shown_as(type_word<T>());
  }

  /// One of a few words.
  template <class T>
  option choice(const std::string& names, T& into,
                std::vector<std::pair<std::string, T>> words,
                const std::string& help) {
    std::vector<std::string> known;
    std::string all;
    for (const auto& each : words) {
      text::add_to_list(all, each.first);
      known.push_back(each.first);
    }
    return read(
             names,
             [=, words = std::move(words), &into](const std::string& text) {
               for (const auto& [word, value] : words)
                 if (word == text) {
                   into = value;
                   return error{};
                 }
               return refusal(text, "one of " + all, known);
             },
             help)
      .offers(known);
  }

private:
  template <class T, class Into>
  option read_number(const std::string& names, Into& into,
                     const std::string& help) {
    return read(
             names,
             [&into](const std::string& text) {
               T value{};
               if (!is_all_of(text, value))
                 return refusal(text, "a whole number");
               into = value;
               return error{};
             },
             help)
      .shown_as(type_word<T>());
  }
  template <class T>
  static bool is_all_of(const std::string& text, T& value) {
    const auto* end = text.data() + text.size();
    const auto [stop, fault] = std::from_chars(text.data(), end, value);
    return fault == std::errc{} && stop == end;
  }
  template <class T>
  static std::string number_text(T value) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
  }
  template <class T>
  static constexpr const char* type_word() {
    if constexpr (std::is_floating_point_v<T>)
      return "FLOAT";
    else
      return std::is_signed_v<T> ? "INT" : "UINT";
  }
  static error refusal(const std::string& text, const std::string& wanted,
                       const std::vector<std::string>& known = {}) {
    return {errc::invalid_argument,
            "'" + text + "' is not " + wanted + text::meant(text, known)};
  }

  CLI::App* command_;
};

} // namespace millrace::nodes
