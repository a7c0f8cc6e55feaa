#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/base/name_table.hpp>

namespace millrace {

namespace {

constexpr name_table<errc, 34> names{{
  {errc::none, "none"},
  {errc::malformed_message, "malformed_message"},
  {errc::storage_failed, "storage_failed"},
  {errc::no_space, "no_space"},
  {errc::not_found, "not_found"},
  {errc::permission, "permission"},
  {errc::locked, "locked"},
  {errc::corrupt, "corrupt"},
  {errc::bad_position, "bad_position"},
  {errc::ahead, "ahead"},
  {errc::pruned, "pruned"},
  {errc::bad_id, "bad_id"},
  {errc::oversize, "oversize"},
  {errc::closed, "closed"},
  {errc::timeout, "timeout"},
  {errc::invalid_argument, "invalid_argument"},
  {errc::schema_mismatch, "schema_mismatch"},
  {errc::config, "config"},
  {errc::unavailable, "unavailable"},
  {errc::moved, "moved"},
  {errc::backend_lost, "backend_lost"},
  {errc::limit_exceeded, "limit_exceeded"},
  {errc::already_exists, "already_exists"},
  {errc::unsupported, "unsupported"},
  {errc::bad_data, "bad_data"},
  {errc::fenced, "fenced"},
  {errc::origin_unverified, "origin_unverified"},
  {errc::cancelled, "cancelled"},
  {errc::internal, "internal"},
  {errc::overflow, "overflow"},
  {errc::busy, "busy"},
  {errc::id_behind, "id_behind"},
  {errc::before_cutover, "before_cutover"},
  {errc::overloaded, "overloaded"},
}};

} // namespace

std::string_view to_string(errc code) noexcept { return names.name_of(code); }

std::string to_string(const error& err) {
  std::string text{to_string(err.code)};
  if (!err.context.empty()) {
    text += ": ";
    text += err.context;
  }
  return text;
}

} // namespace millrace
