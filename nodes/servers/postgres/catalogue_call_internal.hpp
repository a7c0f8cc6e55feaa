#pragma once

#include <cstdint>
#include <exception>
#include <span>
#include <sqlite3.h>
#include <string>
#include <string_view>

// What functions of the catalogue in SQLite are written with.

namespace millrace::nodes::postgres {

/// The call of a function of SQLite.
class catalogue_call {
public:
  catalogue_call(sqlite3_context* context, int count, sqlite3_value** arguments)
    : context_{context}, count_{count}, arguments_{arguments} {}

  [[nodiscard]] int count() const noexcept { return count_; }
  [[nodiscard]] bool is_null(int i) const {
    return i >= count_ || kind(i) == SQLITE_NULL;
  }
  /// SQLITE_INTEGER, SQLITE_FLOAT, SQLITE_TEXT, SQLITE_NULL.
  [[nodiscard]] int kind(int i) const {
    return sqlite3_value_type(arguments_[i]);
  }
  [[nodiscard]] std::string text(int i) const {
    if (is_null(i))
      return {};
    const auto* bytes
      = reinterpret_cast<const char*>(sqlite3_value_text(arguments_[i]));
    return {bytes, static_cast<size_t>(sqlite3_value_bytes(arguments_[i]))};
  }
  [[nodiscard]] int64_t number(int i) const {
    return i < count_ ? sqlite3_value_int64(arguments_[i]) : 0;
  }
  [[nodiscard]] double real(int i) const {
    return sqlite3_value_double(arguments_[i]);
  }
  [[nodiscard]] sqlite3_value* value(int i) const { return arguments_[i]; }
  /// What `sqlite3_create_function_v2` was given.
  [[nodiscard]] void* user_data() const { return sqlite3_user_data(context_); }

  void give(std::string_view text) {
    sqlite3_result_text64(context_, text.data(), text.size(), SQLITE_TRANSIENT,
                          SQLITE_UTF8);
  }
  void give(int64_t number) { sqlite3_result_int64(context_, number); }
  void give(double number) { sqlite3_result_double(context_, number); }
  void give(sqlite3_value* value) { sqlite3_result_value(context_, value); }
  void give_null() { sqlite3_result_null(context_); }
  void fail(const std::string& why) {
    sqlite3_result_error(context_, why.c_str(), static_cast<int>(why.size()));
  }
  /// A value is none of the type that is wanted: `invalid_argument`.
  void fail_value(const std::string& why) {
    fail(why);
    sqlite3_result_error_code(context_, SQLITE_MISMATCH);
  }
  /// A number does not fit its type: `overflow`.
  void fail_range(const std::string& why) {
    fail(why);
    sqlite3_result_error_code(context_, SQLITE_RANGE);
  }

private:
  sqlite3_context* context_;
  int count_;
  sqlite3_value** arguments_;
};

/// SQLite's calls come from C: nothing may be thrown through it.
template <void (*Function)(catalogue_call)>
void guarded(sqlite3_context* context, int count, sqlite3_value** arguments) {
  try {
    Function({context, count, arguments});
  } catch (const std::exception&) {
    sqlite3_result_error_nomem(context);
  }
}

struct added_function {
  const char* name;
  int arguments; ///< -1: any number.
  void (*run)(sqlite3_context*, int, sqlite3_value**);
};

/// @param flags of SQLite beside the encoding
/// @param facts what they are handed back as their user data
/// @returns SQLite's code of the first that failed
[[nodiscard]] inline int add_to(sqlite3* database,
                                std::span<const added_function> functions,
                                int flags, void* facts) {
  int status = SQLITE_OK;
  for (const auto& each : functions)
    if (status == SQLITE_OK)
      status = sqlite3_create_function_v2(database, each.name, each.arguments,
                                          SQLITE_UTF8 | flags, facts, each.run,
                                          nullptr, nullptr, nullptr);
  return status;
}

} // namespace millrace::nodes::postgres
