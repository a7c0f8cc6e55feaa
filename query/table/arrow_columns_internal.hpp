#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/query/table/arrow_messages_internal.hpp>

#include <cstddef>

namespace millrace::query::arrow {

/// Appends the buffers of a column with `rows` rows. Codes of symbols are
/// those that the reader knows. `overflow`: Arrow has no such time or day;
/// `limit_exceeded`: more than 2 GiB of text.
[[nodiscard]] error append_column(batch_body& to, const column_data& column,
                                  size_t rows);

/// Appends texts that end at `ends` in `bytes`; none is null. What is not
/// UTF-8 becomes U+FFFD. `limit_exceeded`: they are more than 2 GiB.
[[nodiscard]] error append_texts(batch_body& to, const uint32_t* ends,
                                 size_t count, std::string_view bytes);

} // namespace millrace::query::arrow
