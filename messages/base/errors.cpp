#include <millrace/messages/base/errors.hpp>

namespace millrace {

std::string_view to_string(errc code) noexcept {
  switch (code) {
    case errc::none:
      return "none";
    case errc::malformed_message:
      return "malformed_message";
    case errc::storage_failed:
      return "storage_failed";
    case errc::no_space:
      return "no_space";
    case errc::not_found:
      return "not_found";
    case errc::permission:
      return "permission";
    case errc::locked:
      return "locked";
    case errc::corrupt:
      return "corrupt";
    case errc::bad_position:
      return "bad_position";
    case errc::ahead:
      return "ahead";
    case errc::pruned:
      return "pruned";
    case errc::id_behind:
      return "id_behind";
    case errc::before_cutover:
      return "before_cutover";
    case errc::bad_id:
      return "bad_id";
    case errc::oversize:
      return "oversize";
    case errc::closed:
      return "closed";
    case errc::timeout:
      return "timeout";
    case errc::invalid_argument:
      return "invalid_argument";
    case errc::schema_mismatch:
      return "schema_mismatch";
    case errc::config:
      return "config";
    case errc::unavailable:
      return "unavailable";
    case errc::moved:
      return "moved";
    case errc::backend_lost:
      return "backend_lost";
    case errc::limit_exceeded:
      return "limit_exceeded";
    case errc::already_exists:
      return "already_exists";
    case errc::unsupported:
      return "unsupported";
    case errc::bad_data:
      return "bad_data";
    case errc::fenced:
      return "fenced";
    case errc::origin_unverified:
      return "origin_unverified";
    case errc::cancelled:
      return "cancelled";
    case errc::internal:
      return "internal";
    case errc::busy:
      return "busy";
    case errc::overflow:
      return "overflow";
  }
  return "unknown";
}

std::string to_string(const error& err) {
  std::string text{to_string(err.code)};
  if (!err.context.empty()) {
    text += ": ";
    text += err.context;
  }
  return text;
}

} // namespace millrace
