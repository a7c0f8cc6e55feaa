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
