#include <millrace/messages/text/listed.hpp>
#include <millrace/messages/text/toml_section.hpp>
#include <millrace/sim/script/fault_script.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <set>
#include <utility>

namespace millrace::sim {

namespace {

using std::chrono::nanoseconds;

/// What comes after the node.
enum class shape : uint8_t {
  nothing,
  comes_back,
  point,
  link, ///< `-> M` where `one_way` may be, `<-> M`.
  link_bytes,
  link_count,
  link_time,
  file, ///< And a number.
  file_alone,
  files, ///< Two of them.
  call,
  bytes,
  time,
  rate,
  anything, ///< heal: nothing at all, or a link.
};

struct verb {
  std::string_view text;
  fault::what kind;
  shape after;
};

constexpr std::array verbs{
  verb{"kill", fault::what::kill, shape::comes_back},
  verb{"power", fault::what::power, shape::comes_back},
  verb{"restart", fault::what::restart, shape::nothing},
  verb{"pause", fault::what::pause, shape::nothing},
  verb{"resume", fault::what::resume, shape::nothing},
  verb{"crash", fault::what::crash, shape::point},
  verb{"power-at", fault::what::power_at, shape::point},
  verb{"cut", fault::what::cut, shape::link},
  verb{"reset", fault::what::reset, shape::link_count},
  verb{"corrupt", fault::what::corrupt, shape::link_count},
  verb{"half-open", fault::what::half_open, shape::link},
  verb{"slow", fault::what::slow, shape::link_bytes},
  verb{"delay", fault::what::delay, shape::link_time},
  verb{"flip", fault::what::flip, shape::file},
  verb{"rot", fault::what::rot, shape::file},
  verb{"shorten", fault::what::shorten, shape::file},
  verb{"swap", fault::what::swap, shape::files},
  verb{"remove", fault::what::remove, shape::file_alone},
  verb{"fail", fault::what::fail, shape::call},
  verb{"full", fault::what::full, shape::bytes},
  verb{"lie", fault::what::lie, shape::nothing},
  verb{"read-only", fault::what::read_only, shape::nothing},
  verb{"slow-disk", fault::what::slow_disk, shape::time},
  verb{"clock", fault::what::clock, shape::time},
  verb{"freeze-clock", fault::what::freeze_clock, shape::nothing},
  verb{"drift", fault::what::drift, shape::rate},
  verb{"back-up", fault::what::back_up, shape::nothing},
  verb{"heal", fault::what::heal, shape::anything},
};

/// "a, b or c".
std::string all_disk_calls() {
  std::string out;
  for (size_t left = disk_call_names.size(); const auto name : disk_call_names)
    out += std::string{name} + (--left > 1 ? ", " : left == 1 ? " or " : "");
  return out;
}

struct word {
  std::string_view text;
  size_t column = 1;
};

std::vector<word> words_of(std::string_view text, size_t column) {
  std::vector<word> out;
  size_t at = 0;
  while ((at = text.find_first_not_of(" \t\r", at)) != std::string_view::npos) {
    const auto end = std::min(text.find_first_of(" \t\r", at), text.size());
    out.push_back({text.substr(at, end - at), column + at});
    at = end;
  }
  return out;
}

/// The words of one fault, taken one after the other. The first thing that is
/// wrong is kept.
class reading {
public:
  reading(std::vector<word> words, size_t end)
    : words_{std::move(words)}, end_{end} {}

  [[nodiscard]] bool more() const { return !failed() && next_ < words_.size(); }
  [[nodiscard]] bool failed() const { return !reason_.empty(); }
  [[nodiscard]] const std::string& reason() const { return reason_; }
  [[nodiscard]] size_t column() const { return column_; }

  [[nodiscard]] bool next_is(std::string_view text) const {
    return more() && words_[next_].text == text;
  }
  /// Past these words, if they are the next ones.
  bool skip(const std::vector<std::string_view>& words) {
    if (failed() || words_.size() - next_ < words.size())
      return false;
    for (size_t i = 0; i < words.size(); ++i)
      if (words_[next_ + i].text != words[i])
        return false;
    next_ += words.size();
    return true;
  }
  std::string_view take(std::string_view wanted) {
    if (failed())
      return {};
    if (next_ == words_.size()) {
      column_ = end_;
      reason_ = std::string{wanted} + " is missing";
      return {};
    }
    return words_[next_++].text;
  }
  /// Of the word that was taken last.
  void refuse(const std::string& why) {
    if (failed())
      return;
    column_ = words_[next_ - 1].column;
    reason_ = text::in_quotes(words_[next_ - 1].text) + " " + why;
  }

  uint64_t number(std::string_view wanted) {
    const auto text = take(wanted);
    uint64_t out = 0;
    const auto got
      = std::from_chars(text.data(), text.data() + text.size(), out);
    if (!failed() && (got.ec != std::errc{} || got.ptr != text.end()))
      refuse("is not a number");
    return out;
  }
  int64_t rate() {
    const auto text = take("a rate");
    int64_t out = 0;
    const auto got
      = std::from_chars(text.data(), text.data() + text.size(), out);
    if (!failed()
        && (got.ec != std::errc{} || got.ptr != text.end()
            || out < -drift_ppm_max || out > drift_ppm_max))
      refuse("is not a rate in ppm, from -999999 to 999999");
    return out;
  }
  uint64_t bytes() {
    const auto text = take("a number of bytes");
    const auto got = text::parse_bytes(text);
    if (!failed() && !got)
      refuse("is not a size, such as 512 or 64KiB");
    return got.value_or(0);
  }
  nanoseconds time(bool signed_too) {
    const auto got = text::parse_duration(take("a time"));
    if (!failed() && (!got || (*got < 0 && !signed_too)))
      refuse("is not a time, such as 3s or 1s500ms");
    return nanoseconds{got.value_or(0)};
  }

private:
  std::vector<word> words_;
  size_t next_ = 0;
  size_t end_;
  size_t column_ = 1;
  std::string reason_;
};

void read_comeback(reading& from, comeback& into) {
  if (!from.next_is("restart"))
    return;
  (void)from.take("restart");
  into.after = from.time(false);
  if (!from.more())
    return;
  const auto disk = from.take("a disk");
  if (disk == "empty")
    into.on = comeback::disk::empty;
  else if (disk == "older")
    into.on = comeback::disk::older;
  else
    from.refuse("is not a disk: empty or older");
}

void read_link(reading& from, fault& into) {
  const auto arrow = from.take("-> or <->");
  into.one_way = arrow == "->";
  if (arrow != "->" && arrow != "<->")
    from.refuse("is not -> or <->");
  else if (into.one_way && into.kind != fault::what::cut
           && into.kind != fault::what::corrupt)
    from.refuse("is for cut and corrupt only: <->");
  into.other = from.take("a node");
  if (into.other == into.node)
    from.refuse("has no link to itself");
}

/// @param missing what stands for none.
uint64_t read_count(reading& from, uint64_t missing) {
  if (!from.more() || from.next_is("restart"))
    return missing;
  const auto out = from.number("a count");
  if (out == 0)
    from.refuse("is not a count: they begin at 1");
  return out;
}

void read_rest(reading& from, shape what, fault& into) {
  switch (what) {
    case shape::nothing:
      return;
    case shape::comes_back:
      return read_comeback(from, into.back);
    case shape::point:
      into.name = from.take("a crash point");
      into.number = read_count(from, 1);
      return read_comeback(from, into.back);
    case shape::anything:
    case shape::link:
      return read_link(from, into);
    case shape::link_bytes:
      read_link(from, into);
      into.number = from.bytes();
      return;
    case shape::link_count:
      read_link(from, into);
      into.number = read_count(from, into.kind == fault::what::reset ? 0 : 1);
      return;
    case shape::link_time:
      read_link(from, into);
      into.time = from.time(false);
      return;
    case shape::file:
      into.name = from.take("a file");
      into.number = from.number(
        into.kind == fault::what::shorten ? "a number of bytes" : "a bit");
      return;
    case shape::file_alone:
      into.name = from.take("a file");
      return;
    case shape::files:
      into.name = from.take("a file");
      into.other_name = from.take("another file");
      if (into.other_name == into.name)
        from.refuse("changes places with itself");
      return;
    case shape::rate:
      into.rate_ppm = from.rate();
      return;
    case shape::call:
      into.name = from.take("a disk call");
      if (!from.failed()
          && std::find(disk_call_names.begin(), disk_call_names.end(),
                       into.name)
               == disk_call_names.end())
        from.refuse("is not a disk call: " + all_disk_calls());
      into.number = read_count(from, 1);
      return;
    case shape::bytes:
      into.number = from.bytes();
      return;
    case shape::time:
      into.time = from.time(into.kind == fault::what::clock);
      return;
  }
}

/// `N... / N...`: the cuts of all links between nodes of different groups.
std::vector<fault> read_partition(reading& from, bool may_miss) {
  std::vector<std::vector<std::string>> groups(1);
  std::set<std::string> known;
  while (!from.failed() && (from.more() || groups.back().empty())) {
    std::string name{from.take("a node")};
    if (name == "/" && groups.back().empty())
      from.refuse("stands where a node should");
    else if (name == "/")
      groups.emplace_back();
    else if (!from.failed() && !known.insert(name).second)
      from.refuse("is in two groups");
    else
      groups.back().push_back(std::move(name));
  }
  if (groups.size() < 2)
    (void)from.take("/ and another group");
  std::vector<fault> out;
  for (auto group = groups.begin(); group != groups.end(); ++group)
    for (auto rest = std::next(group); rest != groups.end(); ++rest)
      for (const auto& one : *group)
        for (const auto& other : *rest)
          out.push_back({.kind = fault::what::cut,
                         .node = one,
                         .other = other,
                         .may_miss = may_miss});
  return out;
}

fault read_fault(reading& from) {
  fault out;
  out.may_miss = from.next_is("try");
  if (out.may_miss)
    (void)from.take({});
  const auto name = from.take("a fault");
  const auto* const known
    = std::find_if(verbs.begin(), verbs.end(),
                   [&](const verb& each) { return each.text == name; });
  if (known == verbs.end()) {
    from.refuse("is not a fault");
    return out;
  }
  out.kind = known->kind;
  if (known->after == shape::anything && !from.more())
    return out;
  out.node = from.take("a node");
  read_rest(from, known->after, out);
  if (from.more()) {
    (void)from.take({});
    from.refuse("is one word too many");
  }
  return out;
}

/// One, or what a word is short for.
std::vector<fault> read_faults(reading& from) {
  for (const bool may_miss : {false, true})
    if (from.skip(may_miss ? std::vector<std::string_view>{"try", "partition"}
                           : std::vector<std::string_view>{"partition"}))
      return read_partition(from, may_miss);
  return {read_fault(from)};
}

/// All lines of a script.
class script_reader {
public:
  explicit script_reader(const std::string& file) : file_{file} {}

  void read(std::string_view text) {
    for (size_t at = 0; at <= text.size();) {
      const auto end = std::min(text.find('\n', at), text.size());
      ++line_;
      auto content = text.substr(at, end - at);
      read_line(content.substr(0, content.find('#')));
      at = end + 1;
    }
  }
  result<fault_script> finish() {
    if (!faults_.empty())
      return error{errc::invalid_argument, faults_};
    return std::move(out_);
  }

private:
  void refuse(size_t column, const std::string& why) {
    faults_ += (faults_.empty() ? "" : "\n") + file_ + ":"
               + std::to_string(line_) + ":" + std::to_string(column) + ": "
               + why;
  }

  void read_line(std::string_view content) {
    const auto begin = content.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos)
      return;
    const auto colon = content.find(':');
    reading head{words_of(content.substr(0, colon), 1),
                 std::min(colon, content.size()) + 1};
    if (head.take("at <time>:") != "at")
      head.refuse("is not the beginning of 'at <time>: <fault>'");
    const auto at = head.time(false);
    if (head.more()) {
      (void)head.take({});
      head.refuse("stands where ':' should");
    }
    if (head.failed())
      return refuse(head.column(), head.reason());
    if (colon == std::string_view::npos)
      return refuse(content.size() + 1, "':' is missing after the time");
    for (auto from = colon + 1; from <= content.size();) {
      const auto end = std::min(content.find('|', from), content.size());
      reading words{words_of(content.substr(from, end - from), from + 1),
                    end + 1};
      auto all = read_faults(words);
      if (words.failed())
        refuse(words.column(), words.reason());
      else
        for (auto& what : all)
          out_.push_back(
            {at, std::move(what), file_ + ":" + std::to_string(line_)});
      from = end + 1;
    }
  }

  const std::string& file_;
  size_t line_ = 0;
  std::string faults_;
  fault_script out_;
};

// -- writing ------------------------------------------------------------------

std::string time_text(nanoseconds time) {
  if (time.count() == 0)
    return "0";
  static constexpr std::array<std::pair<std::string_view, int64_t>, 4> units{
    {{"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1'000}, {"ns", 1}}};
  std::string out = time.count() < 0 ? "-" : "";
  auto left = time.count() < 0
                ? uint64_t{0} - static_cast<uint64_t>(time.count())
                : static_cast<uint64_t>(time.count());
  for (const auto& [name, size] : units) {
    const auto count = left / static_cast<uint64_t>(size);
    left %= static_cast<uint64_t>(size);
    if (count != 0)
      out += std::to_string(count) + std::string{name};
  }
  return out;
}

std::string comeback_text(const comeback& back) {
  if (!back.after)
    return {};
  return " restart " + time_text(*back.after)
         + (back.on == comeback::disk::empty   ? " empty"
            : back.on == comeback::disk::older ? " older"
                                               : "");
}

} // namespace

result<fault_script> parse_fault_script(std::string_view text,
                                        const std::string& file) {
  script_reader reader{file};
  reader.read(text);
  return reader.finish();
}

std::string to_text(const fault& what) {
  const auto* const known
    = std::find_if(verbs.begin(), verbs.end(),
                   [&](const verb& each) { return each.kind == what.kind; });
  MILLRACE_ASSERT(known != verbs.end());
  std::string out{what.may_miss ? "try " : ""};
  out += known->text;
  if (what.node.empty())
    return out;
  out += " " + what.node;
  if (!what.other.empty())
    out += (what.one_way ? " -> " : " <-> ") + what.other;
  if (!what.name.empty())
    out += " " + what.name;
  if (!what.other_name.empty())
    out += " " + what.other_name;
  switch (known->after) {
    case shape::point:
    case shape::link_bytes:
    case shape::file:
    case shape::call:
    case shape::bytes:
      out += " " + std::to_string(what.number);
      break;
    case shape::link_count:
      // A reset without a count is one at once; else it is the first message.
      if (what.number != 0 || what.kind == fault::what::corrupt)
        out += " " + std::to_string(what.number);
      break;
    case shape::rate:
      out += " " + std::to_string(what.rate_ppm);
      break;
    case shape::link_time:
    case shape::time:
      out += " " + time_text(what.time);
      break;
    default:
      break;
  }
  return out + comeback_text(what.back);
}

std::string flaw_of(const fault& what) {
  const auto text = to_text(what);
  reading from{words_of(text, 1), text.size()};
  (void)read_fault(from);
  return from.reason();
}

std::string to_text(const fault_script& script) {
  std::string out;
  for (size_t i = 0; i < script.size(); ++i) {
    if (i > 0 && script[i].at == script[i - 1].at)
      out += " | ";
    else
      out += (i > 0 ? "\nat " : "at ") + time_text(script[i].at) + ": ";
    out += to_text(script[i].what);
  }
  return script.empty() ? out : out + "\n";
}

} // namespace millrace::sim
