#pragma once

#include <millrace/messages/text/civil_time.hpp>

namespace millrace::nodes {

using text::parse_date;

} // namespace millrace::nodes
