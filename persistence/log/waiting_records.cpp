#include <millrace/persistence/log/waiting_records.hpp>

#include <utility>

namespace millrace::persistence {

error waiting_records::append(log_writer& to, const message_header& header,
                              std::vector<std::byte> payload) {
  records_.push_back({header, std::move(payload)});
  auto fault = pass_on(to);
  return fault.code == errc::no_space ? error{} : fault;
}

error waiting_records::pass_on(log_writer& to) {
  for (; !records_.empty(); records_.pop_front()) {
    const auto& [header, payload] = records_.front();
    auto end
      = to.append(record_kind::messages, payload_kind::opaque, header, payload);
    if (!end)
      return end.failure();
  }
  return {};
}

} // namespace millrace::persistence
