#include <millrace/actors/torq/gateway/question_times.hpp>

namespace millrace::torq {

std::string_view ending_of(errc how) noexcept {
  switch (how) {
    case errc::none:
      return "ok";
    case errc::timeout:
      return "timeout";
    case errc::limit_exceeded:
    case errc::busy:
    case errc::oversize:
    case errc::overloaded:
      return "limit";
    case errc::cancelled:
      return "cancelled";
    case errc::unavailable:
    case errc::backend_lost:
    case errc::moved:
      return "unavailable";
    default:
      return "error";
  }
}

void question_times::add(std::string_view language, errc how, int64_t took_ns) {
  ++(how == errc::none ? answered_ : refused_);
  times_[std::string{language.empty() ? "none" : language}]
        [std::string{ending_of(how)}]
          .add(took_ns);
}

text::json_value question_times::to_json() const {
  auto out = text::json_value::object();
  for (const auto& [language, endings] : times_) {
    auto& row = out.add(language, text::json_value::object());
    for (const auto& [ending, times] : endings)
      row.add(ending, times.to_json());
  }
  return out;
}

} // namespace millrace::torq
