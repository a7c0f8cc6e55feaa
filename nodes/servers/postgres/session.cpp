#include <millrace/nodes/servers/postgres/session.hpp>

#include <algorithm>
#include <utility>

namespace millrace::nodes::postgres {

namespace {

constexpr uint32_t ssl_request = 80'877'103;
constexpr uint32_t gss_request = 80'877'104;
constexpr uint32_t cancel_request = 80'877'102;
constexpr uint32_t version_3_0 = 3u << 16;

size_t bytes_of(const statement& what) {
  return sizeof what + what.text.size() + what.word.size();
}

} // namespace

size_t byte_count(const pg_wish& of) noexcept {
  const auto* asked = std::get_if<query_wish>(&of);
  return sizeof of
         + (asked ? asked->text.size() + asked->source.size()
                      + 2 * asked->formats.size()
                  : 0);
}

size_t pg_session::held_bytes() const noexcept {
  auto out = unread_.size() + source_.size();
  for (const auto& each : script_)
    out += bytes_of(each);
  for (const auto& [name, each] : prepared_)
    out += name.size() + bytes_of(each.what) + 4 * each.types.size();
  for (const auto& [name, each] : portals_)
    out += name.size() + bytes_of(each.what) + each.source.size()
           + each.described.size() + each.description.size() + each.rows.size()
           + 2 * each.formats.size();
  return out;
}

pg_session::effects pg_session::received(std::string_view bytes) {
  effects out;
  if (ended_)
    return out;
  unread_ += bytes;
  go_on(out);
  return out;
}

void pg_session::go_on(effects& out) {
  while (!ended_ && !awaited_) {
    if (is_simple_ && script_.empty()) {
      is_simple_ = false;
      source_.clear();
      ready();
    } else if (is_simple_) {
      const auto next = std::move(script_.front());
      script_.pop_front();
      run(next, true);
    } else if (login_ == login_step::judged) {
      break;
    } else if (has_begun_                   ? !take_next()
               : login_ == login_step::none ? !begin()
                                            : !log_in()) {
      break;
    }
  }
  unread_.erase(0, std::exchange(read_, 0));
  if (!reply_.empty())
    out.emplace_back(send_bytes{std::exchange(reply_, {})});
  if (std::exchange(starts_tls_, false))
    out.emplace_back(start_tls{});
  if (attempt_)
    out.emplace_back(*std::exchange(attempt_, {}));
  if (told_)
    out.emplace_back(*std::exchange(told_, {}));
  if (wish_) {
    const bool is_answered = awaited_.has_value();
    out.emplace_back(handle_request<pg_wish>{next_id_++, is_answered,
                                             *std::exchange(wish_, {})});
  }
  if (ending_) {
    unread_.clear();
    portals_.clear();
    prepared_.clear();
    out.emplace_back(*std::exchange(ending_, {}));
  }
}

void pg_session::wish_for(pg_wish what) {
  wish_ = std::move(what);
  awaited_ = next_id_;
}

/// What comes before the session: no message of it has a type.
bool pg_session::begin() {
  const auto left = std::string_view{unread_}.substr(read_);
  if (left.size() < 8)
    return false;
  const auto size = number_at<uint32_t>(left);
  if (size < 8 || size > limits_.startup_bytes) {
    end(errc::malformed_message, "08P01",
        "what begins the connection is no message of PostgreSQL");
    return false;
  }
  if (left.size() < size)
    return false;
  read_ += size;
  const auto version = number_at<uint32_t>(left.substr(4));
  fields from{left.substr(8, size - 8)};
  if (version == ssl_request && limits_.tls_end_point) {
    begin_tls(left.size() - size);
  } else if (version == ssl_request || version == gss_request) {
    reply_ += 'N';
  } else if (version == cancel_request) {
    const auto number = from.number<uint32_t>();
    wish_ = cancel_wish{number, from.number<uint32_t>()};
    ended_ = true;
    ending_ = end_connection{};
  } else if (version >> 16 != 3) {
    end(errc::malformed_message, "0A000",
        "this is protocol 3.0, and not " + std::to_string(version >> 16) + "."
          + std::to_string(version & 0xffff));
  } else if (limits_.tls_end_point && !is_by_tls_) {
    end(errc::permission, "28000",
        "this port wants TLS: connect with sslmode=require, or verify-full");
  } else {
    begin_session(version, from);
  }
  return !ended_;
}

/// What came after the request came in the clear: somebody on the way may
/// have put it there, and it would be taken for what the client says by TLS.
/// @param more bytes of that
void pg_session::begin_tls(size_t more) {
  if (is_by_tls_ || more != 0)
    return end(errc::malformed_message, "08P01",
               is_by_tls_ ? "this is by TLS already"
                          : "there are bytes between the request for TLS and "
                            "its answer");
  reply_ += 'S';
  is_by_tls_ = starts_tls_ = true;
}

std::string pg_session::no_place(size_t connections_max) {
  return error_message({"FATAL", "53300",
                        std::to_string(connections_max)
                          + " connections are open, as many as there may be "
                            "(connections_max; idle_max ends idle ones)",
                        0});
}

std::string pg_session::idle_end() {
  return error_message({"FATAL", "57P05",
                        "the connection was idle for longer than it may be "
                        "(idle_max)",
                        0});
}

void pg_session::begin_session(uint32_t version, fields from) {
  std::map<std::string, std::string> said;
  std::vector<std::string> unknown;
  while (!from.is_short()) {
    const std::string name{from.text()};
    if (name.empty())
      break;
    said[name] = from.text();
    if (name.starts_with("_pq_."))
      unknown.push_back(name);
  }
  if (!from.is_exact())
    return end(errc::malformed_message, "08P01",
               "the first message of the session cannot be read");
  user_ = said["user"];
  settings_ = session_settings{user_};
  // What is said by itself goes before what stands in options.
  std::vector<std::pair<std::string, std::string>> settings{said.begin(),
                                                            said.end()};
  std::stable_partition(settings.begin(), settings.end(), [](const auto& each) {
    return each.first == "options";
  });
  for (const auto& [name, value] : settings)
    if (const auto fault = settings_.start_with(name, value))
      return end(errc::invalid_argument, "22023", fault.context);
  if (version != version_3_0 || !unknown.empty()) {
    message made{reply_, 'v'};
    made.number(uint32_t{0}).number(static_cast<int32_t>(unknown.size()));
    for (const auto& name : unknown)
      made.text(name);
  }
  if (!limits_.served_to)
    return wish_for(login_wish{user_});
  ask_login();
}

/// false: the next message is not there yet.
bool pg_session::take_next() {
  const auto left = std::string_view{unread_}.substr(read_);
  if (left.size() < 5)
    return false;
  const auto size = number_at<uint32_t>(left.substr(1));
  if (size < 4 || size > limits_.message_bytes) {
    end(errc::oversize, "08P01",
        "a message of " + std::to_string(size) + " bytes; there may be 4 to "
          + std::to_string(limits_.message_bytes));
    return false;
  }
  if (left.size() < size_t{1} + size)
    return false;
  read_ += size_t{1} + size;
  take(left[0], left.substr(5, size - 4));
  return true;
}

void pg_session::take(char type, std::string_view body) {
  if (type == 'X') {
    ended_ = true;
    ending_ = end_connection{};
    return;
  }
  if (is_skipping_ && type != 'S')
    return;
  switch (type) {
    case 'Q':
      return take_query(fields{body}.text());
    case 'P':
      return parse(fields{body});
    case 'B':
      return bind(fields{body});
    case 'D':
      return describe(fields{body});
    case 'E':
      return execute(fields{body});
    case 'C':
      return close(fields{body});
    case 'S':
      return synchronise();
    case 'H': // All is sent at once.
    case 'd': // What follows a COPY that was refused.
    case 'c':
    case 'f':
      return;
    case 'F':
      return fail({"ERROR", "0A000", "there are no calls of functions", 0});
    default:
      return end(errc::malformed_message, "08P01",
                 "there is no message of type "
                   + std::to_string(static_cast<unsigned char>(type)));
  }
}

void pg_session::take_query(std::string_view text) {
  is_simple_ = true;
  source_ = text;
  portals_.erase("");
  auto all = statements_in(text);
  if (!all)
    return fail(all.failure(), text);
  script_.assign(std::make_move_iterator(all->begin()),
                 std::make_move_iterator(all->end()));
}

bool pg_session::may_hold_more() {
  if (prepared_.size() + portals_.size() < limits_.statements)
    return true;
  fail({"ERROR", "53400",
        "there are " + std::to_string(limits_.statements)
          + " prepared statements and open cursors: close some",
        0});
  return false;
}

void pg_session::parse(fields from) {
  const std::string name{from.text()};
  const auto text = from.text();
  const auto count = from.number<uint16_t>();
  std::vector<uint32_t> types;
  for (uint16_t i = 0; i < count && !from.is_short(); ++i)
    types.push_back(from.number<uint32_t>());
  if (!from.is_exact())
    return end(errc::malformed_message, "08P01", "Parse cannot be read");
  if (name.empty())
    prepared_.erase(name);
  else if (prepared_.contains(name))
    return fail({"ERROR", "42P05",
                 "there is a prepared statement '" + name + "' already", 0});
  if (!may_hold_more())
    return;
  auto all = statements_in(text);
  if (!all)
    return fail(all.failure(), text);
  if (all->size() != 1)
    return fail({"ERROR", "42601",
                 "a prepared statement is one statement, and not "
                   + std::to_string(all->size()),
                 0});
  auto known
    = parameter_types(all->front().text, std::move(types),
                      limits_.served->tables, *limits_.served->queries);
  if (!known)
    return fail(known.failure());
  auto& made = prepared_[name];
  made.what = std::move(all->front());
  made.types = *std::move(known);
  message{reply_, '1'};
}

result<pg_session::portal> pg_session::bound(fields& from, const prepared& of) {
  const auto formats = [&] {
    result_formats out;
    const auto count = from.number<uint16_t>();
    for (uint16_t i = 0; i < count && !from.is_short(); ++i)
      out.push_back(from.number<int16_t>());
    return out;
  };
  const auto given = formats();
  const auto count = from.number<uint16_t>();
  if (count != of.types.size() || (given.size() > 1 && given.size() != count))
    return error{errc::malformed_message,
                 "Bind has " + std::to_string(count) + " values and "
                   + std::to_string(given.size()) + " formats for "
                   + std::to_string(of.types.size()) + " parameters"};
  std::vector<parameter_value> values;
  for (uint16_t i = 0; i < count; ++i) {
    const auto size = from.number<int32_t>();
    if (size < 0) {
      values.emplace_back();
      continue;
    }
    const auto bytes = from.bytes(static_cast<size_t>(size));
    const auto format = given.empty()       ? int16_t{0}
                        : given.size() == 1 ? given[0]
                                            : given[i];
    auto value = read_parameter(bytes, of.types[i], format != 0);
    if (!value)
      return value.failure();
    values.push_back(*std::move(value));
  }
  portal out;
  out.formats = formats();
  if (!from.is_exact())
    return error{errc::malformed_message, "Bind cannot be read"};
  out.what = of.what;
  if (of.types.empty()) {
    out.source = of.what.text;
    out.what.begin = 0;
    return out;
  }
  auto text = with_values(of.what.text, of.types, values);
  if (!text)
    return text.failure();
  out.what.text = *std::move(text);
  return out;
}

void pg_session::bind(fields from) {
  const std::string name{from.text()};
  const auto found = prepared_.find(from.text());
  if (found == prepared_.end())
    return fail({"ERROR", "26000", "there is no such prepared statement", 0});
  if (name.empty())
    portals_.erase(name);
  else if (portals_.contains(name))
    return fail(
      {"ERROR", "42P03", "there is a cursor '" + name + "' already", 0});
  if (!may_hold_more())
    return;
  auto made = bound(from, found->second);
  if (!made) {
    auto why = told(made.failure(), {}, 0);
    if (made.failure().code == errc::invalid_argument)
      why.state = "22P02";
    return fail(why);
  }
  portals_[name] = *std::move(made);
  message{reply_, '2'};
}

void pg_session::describe(fields from) {
  const auto kind = from.bytes(1);
  const auto name = from.text();
  result<std::string> made = std::string{};
  if (kind == "S") {
    const auto found = prepared_.find(name);
    if (found == prepared_.end())
      return fail({"ERROR", "26000", "there is no such prepared statement", 0});
    const auto& [what, types] = found->second;
    auto sample = what;
    // A text may be given where a time is wanted.
    auto wanted
      = parameter_types(what.text, std::vector<uint32_t>(types.size()),
                        limits_.served->tables, *limits_.served->queries);
    if (!wanted)
      return fail(wanted.failure());
    for (size_t i = 0; i < types.size(); ++i)
      if (!holds_text(types[i]))
        (*wanted)[i] = types[i];
    const auto text = with_values(what.text, types, sample_values(*wanted));
    if (!text)
      return fail(text.failure());
    sample.text = *text;
    made = description_of(sample, {});
    if (!made)
      return fail(made.failure(), types.empty() ? what.text : std::string{});
    message parameters{reply_, 't'};
    parameters.number(static_cast<uint16_t>(types.size()));
    for (const auto type : types)
      parameters.number(type);
  } else {
    const auto found = portals_.find(name);
    if (kind != "P" || found == portals_.end())
      return fail({"ERROR", "34000", "there is no such cursor", 0});
    auto& of = found->second;
    made = description_of(of.what, of.formats);
    if (!made)
      return fail(made.failure(), of.source);
    if (of.what.what == command::query)
      of.described = *made;
  }
  if (made->empty())
    message{reply_, 'n'};
  else
    reply_ += *made;
}

void pg_session::execute(fields from) {
  const std::string name{from.text()};
  const auto rows = from.number<int32_t>();
  const auto found = portals_.find(name);
  if (!from.is_exact() || found == portals_.end())
    return fail({"ERROR", "34000", "there is no such cursor", 0});
  const auto what = found->second.what;
  if (what.what == command::query || what.what == command::show) {
    if (state_ == 'E')
      return run(what, false); // It is told so.
    return run_portal(
      {.portal = name, .rows_max = static_cast<uint64_t>(std::max(rows, 0))});
  }
  run(what, false);
}

void pg_session::close(fields from) {
  const auto kind = from.bytes(1);
  const auto name = from.text();
  if (kind == "S") {
    if (const auto found = prepared_.find(name); found != prepared_.end())
      prepared_.erase(found);
  } else if (const auto found = portals_.find(name); found != portals_.end()) {
    portals_.erase(found);
  }
  message{reply_, '3'};
}

void pg_session::synchronise() {
  is_skipping_ = false;
  if (state_ == 'I')
    end_portals(false);
  ready();
}

pg_session::effects pg_session::answered(uint64_t id, std::string text) {
  effects out;
  if (ended_ || awaited_ != id)
    return out;
  awaited_.reset();
  if (!has_begun_) {
    begun(text);
    go_on(out);
    return out;
  }
  const auto next = *std::exchange(then_, {});
  auto& of = portals_[next.portal];
  if (text.starts_with('E')) {
    reply_ += text;
    portals_.erase(next.portal);
    after_failure();
    go_on(out);
    return out;
  }
  size_t at = 0;
  const auto first = [&] { return std::string_view{text}.substr(at); };
  while (first().starts_with('N')) {
    const auto size = message_bytes(first());
    reply_ += first().substr(0, size);
    at += size;
  }
  const auto size = message_bytes(first());
  of.description = first().substr(0, size);
  of.at = at + size;
  of.rows = std::move(text);
  of.has_run = true;
  if (!of.described.empty() && of.described != of.description) {
    portals_.erase(next.portal);
    fail({"ERROR", "0A000",
          "the columns of the query changed since it was described: prepare "
          "it again",
          0});
  } else {
    deliver(next);
  }
  go_on(out);
  return out;
}

void pg_session::done(std::string_view tag) { message{reply_, 'C'}.text(tag); }

void pg_session::ready() {
  auto now = settings_.reported();
  for (size_t i = 0; i < now.size(); ++i)
    if (now[i] != reported_[i])
      message{reply_, 'S'}.text(now[i].first).text(now[i].second);
  reported_ = std::move(now);
  message{reply_, 'Z'}.bytes({&state_, 1});
}

void pg_session::fail(const told_error& why) {
  reply_ += error_message(why);
  after_failure();
}

void pg_session::fail(const error& why, std::string_view source, size_t begin) {
  fail(told(why, source, begin));
}

void pg_session::after_failure() {
  script_.clear();
  if (state_ == 'T')
    state_ = 'E';
  is_skipping_ = !is_simple_;
}

void pg_session::end(errc why, std::string_view state, std::string text) {
  reply_ += error_message({"FATAL", state, text, 0});
  ended_ = true;
  ending_ = end_connection{why, std::move(text)};
}

} // namespace millrace::nodes::postgres
