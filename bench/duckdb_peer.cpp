#include <millrace/bench/duckdb_peer.hpp>

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

namespace millrace::bench {

namespace {

constexpr int success = 0;

error refused(const char* text) {
  return {errc::unavailable,
          std::string{"duckdb: "} + (text ? text : "failed")};
}

} // namespace

struct duckdb_peer::functions {
  /// The interface's result; only its size matters here.
  struct query_result {
    uint64_t counts[3];
    void* columns;
    char* message;
    void* inside;
  };
  void* library = nullptr;
  int (*open)(const char*, void**) = nullptr;
  void (*close)(void**) = nullptr;
  int (*connect)(void*, void**) = nullptr;
  void (*disconnect)(void**) = nullptr;
  int (*query)(void*, const char*, query_result*) = nullptr;
  const char* (*result_error)(query_result*) = nullptr;
  void (*destroy_result)(query_result*) = nullptr;
  uint64_t (*column_count)(query_result*) = nullptr;
  void* (*column_logical_type)(query_result*, uint64_t) = nullptr;
  int (*get_type_id)(void*) = nullptr;
  int (*enum_internal_type)(void*) = nullptr;
  uint32_t (*enum_dictionary_size)(void*) = nullptr;
  char* (*enum_dictionary_value)(void*, uint64_t) = nullptr;
  void (*free)(void*) = nullptr;
  void* (*fetch_chunk)(query_result) = nullptr;
  uint64_t (*data_chunk_get_size)(void*) = nullptr;
  uint64_t* (*vector_get_validity)(void*) = nullptr;
  int (*appender_create)(void*, const char*, const char*, void**) = nullptr;
  int (*appender_flush)(void*) = nullptr;
  int (*appender_destroy)(void**) = nullptr;
  void* (*appender_column_type)(void*, uint64_t) = nullptr;
  int (*append_data_chunk)(void*, void*) = nullptr;
  void* (*create_data_chunk)(void**, uint64_t) = nullptr;
  void (*destroy_data_chunk)(void**) = nullptr;
  void (*destroy_logical_type)(void**) = nullptr;
  void (*data_chunk_reset)(void*) = nullptr;
  void (*data_chunk_set_size)(void*, uint64_t) = nullptr;
  void* (*data_chunk_get_vector)(void*, uint64_t) = nullptr;
  void* (*vector_get_data)(void*) = nullptr;

  template <class Function>
  bool find(Function& out, const char* name) {
    out = reinterpret_cast<Function>(::dlsym(library, name));
    return out != nullptr;
  }
  bool find_all() {
    return find(open, "duckdb_open") && find(close, "duckdb_close")
           && find(connect, "duckdb_connect")
           && find(disconnect, "duckdb_disconnect")
           && find(query, "duckdb_query")
           && find(result_error, "duckdb_result_error")
           && find(destroy_result, "duckdb_destroy_result")
           && find(column_count, "duckdb_column_count")
           && find(column_logical_type, "duckdb_column_logical_type")
           && find(get_type_id, "duckdb_get_type_id")
           && find(enum_internal_type, "duckdb_enum_internal_type")
           && find(enum_dictionary_size, "duckdb_enum_dictionary_size")
           && find(enum_dictionary_value, "duckdb_enum_dictionary_value")
           && find(free, "duckdb_free")
           && find(fetch_chunk, "duckdb_fetch_chunk")
           && find(data_chunk_get_size, "duckdb_data_chunk_get_size")
           && find(vector_get_validity, "duckdb_vector_get_validity")
           && find(appender_create, "duckdb_appender_create")
           && find(appender_flush, "duckdb_appender_flush")
           && find(appender_destroy, "duckdb_appender_destroy")
           && find(appender_column_type, "duckdb_appender_column_type")
           && find(append_data_chunk, "duckdb_append_data_chunk")
           && find(create_data_chunk, "duckdb_create_data_chunk")
           && find(destroy_data_chunk, "duckdb_destroy_data_chunk")
           && find(destroy_logical_type, "duckdb_destroy_logical_type")
           && find(data_chunk_reset, "duckdb_data_chunk_reset")
           && find(data_chunk_set_size, "duckdb_data_chunk_set_size")
           && find(data_chunk_get_vector, "duckdb_data_chunk_get_vector")
           && find(vector_get_data, "duckdb_vector_get_data");
  }
};

namespace {

/// Numbers of the interface's types.
enum duckdb_type : int {
  type_integer = 4,
  type_bigint = 5,
  type_utinyint = 6,
  type_usmallint = 7,
  type_uinteger = 8,
  type_double = 11,
  type_varchar = 17,
  type_timestamp_ns = 22,
  type_enum = 23,
};

/// A text as a vector holds it.
struct duckdb_text {
  uint32_t length;
  char inlined[4];
  union {
    char rest[8];
    const char* pointer;
  };
  [[nodiscard]] std::string_view view() const noexcept {
    return {length <= 12 ? inlined : pointer, length};
  }
};

template <class From>
void append_integers(const void* values, uint64_t rows, answer_column& into) {
  const auto* from = static_cast<const From*>(values);
  into.integers.insert(into.integers.end(), from, from + rows);
}

template <class Code>
void append_entries(const void* values, uint64_t rows,
                    const std::vector<std::string>& entries,
                    answer_column& into) {
  const auto* codes = static_cast<const Code*>(values);
  for (uint64_t row = 0; row < rows; ++row)
    into.texts.push_back(entries[codes[row]]);
}

} // namespace

/// Takes the columns of a result.
struct duckdb_peer::answer_reader {
  struct column_kind {
    int type = 0;
    int code_type = 0;                ///< Of an enum.
    std::vector<std::string> entries; ///< Of an enum.
  };

  const functions& calls;
  std::vector<column_kind> kinds{};
  answer out{};

  void find_kinds(functions::query_result& from) {
    kinds.resize(calls.column_count(&from));
    out.columns.resize(kinds.size());
    for (size_t i = 0; i < kinds.size(); ++i) {
      auto* type = calls.column_logical_type(&from, i);
      kinds[i].type = calls.get_type_id(type);
      if (kinds[i].type == type_enum) {
        kinds[i].code_type = calls.enum_internal_type(type);
        for (uint32_t k = 0; k < calls.enum_dictionary_size(type); ++k) {
          auto* text = calls.enum_dictionary_value(type, k);
          kinds[i].entries.emplace_back(text);
          calls.free(text);
        }
      }
      calls.destroy_logical_type(&type);
      const bool is_text
        = kinds[i].type == type_enum || kinds[i].type == type_varchar;
      out.columns[i].what = is_text ? answer_column::kind::texts
                            : kinds[i].type == type_double
                              ? answer_column::kind::floats
                              : answer_column::kind::integers;
    }
  }

  /// @returns false for a type that is not known here, or a null.
  bool take(const column_kind& kind, void* vector, uint64_t rows,
            answer_column& into) const {
    if (const auto* valid = calls.vector_get_validity(vector))
      for (uint64_t row = 0; row < rows; ++row)
        if (((valid[row / 64] >> (row % 64)) & 1) == 0)
          return false;
    const auto* values = calls.vector_get_data(vector);
    switch (kind.type) {
      case type_integer:
        append_integers<int32_t>(values, rows, into);
        return true;
      case type_bigint:
      case type_timestamp_ns:
        append_integers<int64_t>(values, rows, into);
        return true;
      case type_double: {
        const auto* from = static_cast<const double*>(values);
        into.floats.insert(into.floats.end(), from, from + rows);
        return true;
      }
      case type_varchar:
        for (uint64_t row = 0; row < rows; ++row)
          into.texts.emplace_back(
            static_cast<const duckdb_text*>(values)[row].view());
        return true;
      case type_enum:
        if (kind.code_type == type_utinyint)
          append_entries<uint8_t>(values, rows, kind.entries, into);
        else if (kind.code_type == type_usmallint)
          append_entries<uint16_t>(values, rows, kind.entries, into);
        else
          append_entries<uint32_t>(values, rows, kind.entries, into);
        return true;
      default:
        return false;
    }
  }
};

duckdb_peer::duckdb_peer(std::unique_ptr<functions> calls)
  : calls_{std::move(calls)} {}

duckdb_peer::~duckdb_peer() {
  if (connection_)
    calls_->disconnect(&connection_);
  if (database_)
    calls_->close(&database_);
  // The library stays: its threads may still be ending.
}

result<std::unique_ptr<duckdb_peer>> duckdb_peer::open() {
  const auto* chosen = std::getenv("MILLRACE_BENCH_DUCKDB");
  const auto* path = chosen ? chosen : "build/peers/libduckdb.so";
  auto calls = std::make_unique<functions>();
  calls->library = ::dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!calls->library || !calls->find_all())
    return error{errc::unavailable,
                 std::string{"duckdb: "} + ::dlerror()
                   + "; scripts/bench-peers installs it, or name it in "
                     "MILLRACE_BENCH_DUCKDB"};
  std::unique_ptr<duckdb_peer> out{new duckdb_peer{std::move(calls)}};
  if (out->calls_->open(nullptr, &out->database_) != success
      || out->calls_->connect(out->database_, &out->connection_) != success)
    return refused("does not open");
  if (auto fault = out->query("SET threads=2"))
    return fault;
  return out;
}

error duckdb_peer::query(const std::string& sql) {
  functions::query_result out{};
  error fault;
  if (calls_->query(connection_, sql.c_str(), &out) != success)
    fault = refused(calls_->result_error(&out));
  calls_->destroy_result(&out);
  return fault;
}

result<answer> duckdb_peer::rows(const std::string& sql) {
  functions::query_result from{};
  error fault;
  answer_reader reader{*calls_};
  if (calls_->query(connection_, sql.c_str(), &from) != success)
    fault = refused(calls_->result_error(&from));
  else
    reader.find_kinds(from);
  for (void* chunk = nullptr;
       !fault && (chunk = calls_->fetch_chunk(from)) != nullptr;
       calls_->destroy_data_chunk(&chunk)) {
    const auto rows = calls_->data_chunk_get_size(chunk);
    for (size_t i = 0; i < reader.kinds.size() && !fault; ++i)
      if (!reader.take(reader.kinds[i], calls_->data_chunk_get_vector(chunk, i),
                       rows, reader.out.columns[i]))
        fault = {errc::unsupported, "duckdb: column " + std::to_string(i)
                                      + " has a null, or a type that is not "
                                        "read: "
                                      + sql};
    reader.out.row_count += rows;
  }
  calls_->destroy_result(&from);
  if (fault)
    return fault;
  return std::move(reader.out);
}

error duckdb_peer::append(const std::string& table,
                          const std::vector<column>& columns, size_t rows,
                          size_t flush_rows) {
  void* appender = nullptr;
  if (calls_->appender_create(connection_, nullptr, table.c_str(), &appender)
      != success)
    return refused("no appender");
  std::vector<void*> types;
  for (size_t i = 0; i < columns.size(); ++i)
    types.push_back(calls_->appender_column_type(appender, i));
  void* chunk = calls_->create_data_chunk(types.data(), types.size());
  bool good = true;
  for (size_t at = 0; at < rows && good; at += flush_rows) {
    const auto part = std::min(flush_rows, rows - at);
    calls_->data_chunk_reset(chunk);
    for (size_t i = 0; i < columns.size(); ++i) {
      const auto& from = columns[i];
      std::memcpy(
        calls_->vector_get_data(calls_->data_chunk_get_vector(chunk, i)),
        from.values.data() + at * from.width, part * from.width);
    }
    calls_->data_chunk_set_size(chunk, part);
    good = calls_->append_data_chunk(appender, chunk) == success
           && calls_->appender_flush(appender) == success;
  }
  calls_->destroy_data_chunk(&chunk);
  for (auto& type : types)
    calls_->destroy_logical_type(&type);
  good = calls_->appender_destroy(&appender) == success && good;
  return good ? error{} : refused("append");
}

} // namespace millrace::bench
