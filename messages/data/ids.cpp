#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/text/civil_time.hpp>

namespace millrace {

std::string period_id::text_of(int64_t day) {
  return day == before_all().value ? "no period" : text::date_text(day);
}

} // namespace millrace
