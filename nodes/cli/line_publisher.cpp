#include <millrace/messages/text/csv_text.hpp>
#include <millrace/nodes/cli/line_publisher.hpp>
#include <millrace/nodes/lines/payload_text.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {
/// A batch leaves at this size, and when no more input is there.
constexpr size_t batch_bytes = 64 * 1024;
} // namespace

error line_publisher::open(const table_config* table) {
  if (table == nullptr)
    return {};
  if (!out_->is_local_journal() && table->stream != options_->stream)
    return {errc::invalid_argument, "table '" + options_->table
                                      + "' is of stream '" + table->stream
                                      + "'"};
  // The time of reading would make another row of each publisher's.
  rows_.emplace(table->schema, options_->format,
                table->stamp && options_->writer.empty());
  auto token
    = out_->publish(encode(table->schema), {}, payload_kind::table_schema);
  return token ? error{} : token.failure();
}

error line_publisher::add(std::string_view line) {
  const auto number = line_ + 1;
  line_
    += 1 + static_cast<uint64_t>(std::count(line.begin(), line.end(), '\n'));
  if (number == 1)
    line = text::without_byte_order_mark(line);
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  if (line.empty() && !options_->writer.empty())
    return {errc::bad_data,
            "standard input:" + std::to_string(number)
              + ": is empty: where several publish the same lines, who counts "
                "them must not wonder whether it counts"};
  if (line.empty())
    return {};
  auto fault
    = rows_ ? rows_->add(line, clock_->now_ns()) : publish_payload(line);
  if (fault && fault.code == errc::bad_data)
    fault.context
      = "standard input:" + std::to_string(number) + ": " + fault.context;
  // Where others publish the same, which rows go together must not depend on
  // when they came.
  const bool is_due
    = rows_
      && (rows_->byte_count() >= batch_bytes || !options_->writer.empty());
  if (!fault && is_due)
    return flush();
  return fault;
}

error line_publisher::flush() {
  if (!rows_ || rows_->row_count() == 0)
    return {};
  const auto count = rows_->row_count();
  return publish(rows_->take(), payload_kind::table_batch, count);
}

error line_publisher::publish_payload(std::string_view line) {
  std::string text;
  if (options_->format == line_format::csv) {
    auto fields = text::split_csv_line(line);
    if (!fields)
      return fields.failure();
    if (fields->size() != 1)
      return {errc::bad_data, "a payload is one field"};
    if (!header_seen_) {
      header_seen_ = true;
      if (fields->front() != "data")
        return {errc::bad_data, "the header of payloads is: data"};
      return {};
    }
    text = std::move(fields->front());
  } else {
    auto payload = payload_of(line);
    if (!payload)
      return payload.failure();
    text = *std::move(payload);
  }
  return publish(std::as_bytes(std::span{text.data(), text.size()}),
                 payload_kind::opaque, 1);
}

/// Whether nobody has published the lines before the first one yet. Of ids that
/// only rise nobody else can tell.
error line_publisher::check_first() {
  const auto told = options_->writer.empty() ? std::nullopt : out_->told();
  if (!told)
    return {};
  known_ = static_cast<uint64_t>(std::max<int64_t>(told->watermark, 0));
  const auto known
    = std::max(told->watermark, out_->last_id(out_->options().origin));
  if (static_cast<int64_t>(options_->first_id) <= known + 1)
    return {};
  return {errc::bad_id,
          "--first-id " + std::to_string(options_->first_id) + ": "
            + (known == 0 ? std::string{"nothing"}
                          : "no more than line " + std::to_string(known))
            + " of origin '" + out_->options().origin
            + "' was published yet: those before it would be dropped when "
              "others publish them; begin with line "
            + std::to_string(known + 1) + ", or an earlier one"};
}

error line_publisher::publish(std::span<const std::byte> bytes,
                              payload_kind kind, uint64_t count) {
  message_header header;
  if (auto fault = numbered_ == 0 ? check_first() : error{})
    return fault;
  if (!options_->writer.empty())
    header.id = static_cast<int64_t>(options_->first_id + numbered_);
  auto token = out_->publish(bytes, header, kind);
  if (!token)
    return token.failure();
  ++numbered_;
  recorded_.add(token->end, count);
  // Now and then: to ask costs a lock.
  constexpr uint64_t often = 1024;
  if (++since_asked_ % often == 0)
    (void)published();
  return {};
}

uint64_t line_publisher::published() {
  return recorded_.up_to(out_->reached(rt::ack_level::recorded));
}

} // namespace millrace::nodes
