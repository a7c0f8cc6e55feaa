#pragma once

#include <string>

namespace CLI {
class App;
class ParseError;
} // namespace CLI

namespace millrace::nodes {

/// What is wrong with the words of a command line, for people: which word, of
/// which command, what was probably meant, where help is. One line.
/// @param why what CLI11 found, after `program` parsed the words
[[nodiscard]] std::string usage_fault(CLI::App& program,
                                      const CLI::ParseError& why);

/// The same of a word that has no meaning, once `program` parsed the words;
/// empty: all have one.
[[nodiscard]] std::string stray_word_fault(CLI::App& program);

} // namespace millrace::nodes
