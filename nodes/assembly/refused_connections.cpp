#include <millrace/nodes/assembly/refused_connections.hpp>

namespace millrace::nodes {

void refused_connections::add(const std::string& id, const std::string& text,
                              int64_t now_ns) {
  {
    const std::scoped_lock lock{mutex_};
    ++count_;
    last_ = text;
  }
  warn(id, text, now_ns);
}

void refused_connections::warn(const std::string& id, const std::string& text,
                               int64_t now_ns) {
  std::optional<std::string> line;
  {
    const std::scoped_lock lock{mutex_};
    line = lines_.next(id, text, now_ns);
  }
  if (line && tell_)
    tell_(id, *line);
}

text::json_value refused_connections::facts() const {
  const std::scoped_lock lock{mutex_};
  if (count_ == 0)
    return {};
  return {{"refused_connections", count_}, {"last_refused", last_}};
}

} // namespace millrace::nodes
