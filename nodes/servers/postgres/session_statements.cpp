#include <millrace/messages/text/letter_case.hpp>
#include <millrace/nodes/servers/postgres/copy.hpp>
#include <millrace/nodes/servers/postgres/session.hpp>
#include <millrace/query/front/sql/sql.hpp>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

// Implements session.hpp: statements, and the rows of cursors.

namespace millrace::nodes::postgres {

namespace {

/// The rows of a query that is done are kept by this name: no client has it.
constexpr const char* name_of_simple = "\x01";

told_error wrong_use(std::string_view state, std::string text) {
  return {"ERROR", state, std::move(text), 0};
}

/// The setting that SHOW names.
std::string shown_name(const statement& what) {
  const auto parts = parts_of(what.text);
  if (parts.size() == 4 && parts[1].is("transaction"))
    return "transaction_isolation";
  if (parts.size() == 3 && parts[1].is("time"))
    return "TimeZone";
  return parts.size() == 2 ? parts[1].text : std::string{};
}

/// What FETCH says.
struct fetch_text {
  std::string cursor;
  uint64_t rows_max = 1; ///< 0: all.
};
std::optional<fetch_text> read_fetch(const statement& what) {
  const auto parts = parts_of(what.text);
  fetch_text out;
  size_t at = 1;
  const auto is = [&](std::string_view word) {
    return at < parts.size() && parts[at].is(word);
  };
  if (is("next") || is("forward"))
    ++at;
  if (is("all")) {
    out.rows_max = 0;
    ++at;
  } else if (at + 1 < parts.size() && !parts[at].is_quoted) {
    const auto& text = parts[at].text;
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, out.rows_max);
    if (read.ec == std::errc{} && read.ptr == end) {
      if (out.rows_max == 0)
        return std::nullopt;
      ++at;
    }
  }
  if (is("from") || is("in"))
    ++at;
  if (at + 1 != parts.size())
    return std::nullopt;
  out.cursor = parts[at].text;
  return out;
}

} // namespace

void pg_session::run(const statement& what, bool is_simple) {
  if (state_ == 'E' && what.what != command::commit
      && what.what != command::rollback)
    return fail(wrong_use("25P02", "the transaction failed before; it ends "
                                   "with ROLLBACK"));
  switch (what.what) {
    case command::nothing:
      message{reply_, 'I'};
      return;
    case command::query:
    case command::show: {
      auto& made = portals_[name_of_simple];
      made = {};
      made.what = what;
      made.source = source_;
      return run_portal(
        {.portal = name_of_simple, .is_described = true, .is_simple = true});
    }
    case command::set:
    case command::reset:
      return set(what);
    case command::begin:
      return begin_transaction();
    case command::commit:
      return end_transaction(true);
    case command::rollback:
      return roll_back(what);
    case command::savepoint:
      return set_savepoint(what);
    case command::copy:
      return copy(what);
    case command::noted:
      return done(text::upper_case(what.word));
    case command::discard:
      return discard(what);
    case command::deallocate:
      return deallocate(what);
    case command::declare:
      return declare(what);
    case command::fetch:
      return fetch(what, is_simple);
    case command::close:
      return close_cursor(what);
    case command::refused:
      return fail(wrong_use("0A000", text::upper_case(what.word)
                                       + " cannot be done here: this port "
                                         "only reads"));
  }
}

void pg_session::begin_transaction() {
  if (state_ == 'T')
    reply_ += notice_message("a transaction has begun already");
  else
    settings_.begin();
  state_ = 'T';
  began_ns_ = limits_.served->now();
  done("BEGIN");
}

/// SAVEPOINT name, RELEASE [SAVEPOINT] name: there is nothing to change, but
/// one that is not there is none.
void pg_session::set_savepoint(const statement& what) {
  const auto parts = parts_of(what.text);
  const auto& name = parts.back().text;
  if (state_ == 'I')
    return fail(wrong_use("25P01", text::upper_case(what.word)
                                     + " is for a transaction"));
  if (what.word == "savepoint") {
    if (savepoints_.size() >= limits_.statements)
      return fail(wrong_use("53400", "there are "
                                       + std::to_string(limits_.statements)
                                       + " savepoints: release some"));
    savepoints_.push_back(name);
    return done("SAVEPOINT");
  }
  const auto found = std::find(savepoints_.rbegin(), savepoints_.rend(), name);
  if (found == savepoints_.rend())
    return fail(wrong_use("3B001", "there is no savepoint '" + name + "'"));
  savepoints_.erase(std::prev(found.base()), savepoints_.end());
  done("RELEASE");
}

void pg_session::roll_back(const statement& what) {
  const auto parts = parts_of(what.text);
  const auto is_to = std::any_of(
    parts.begin(), parts.end(), [](const part& each) { return each.is("to"); });
  if (!is_to)
    return end_transaction(false);
  const auto& name = parts.back().text;
  if (state_ == 'I')
    return fail(wrong_use("25P01", "ROLLBACK TO is for a transaction"));
  const auto found = std::find(savepoints_.rbegin(), savepoints_.rend(), name);
  if (found == savepoints_.rend())
    return fail(wrong_use("3B001", "there is no savepoint '" + name + "'"));
  savepoints_.erase(found.base(), savepoints_.end());
  state_ = 'T';
  done("ROLLBACK");
}

/// COPY (query) TO STDOUT
void pg_session::copy(const statement& what) {
  auto read = read_copy(what);
  if (!read)
    return fail(read.failure(), source_, what.begin);
  portals_.erase(name_of_simple);
  auto& made = portals_[name_of_simple];
  made.what = std::move(read->query);
  made.source = source_;
  made.copy = read->style;
  if (read->style.format == copy_format::binary)
    made.formats = {1};
  run_portal({.portal = name_of_simple,
              .is_described = true,
              .is_simple = true,
              .tag = "COPY"});
}

void pg_session::end_transaction(bool is_kept) {
  if (state_ == 'I')
    reply_ += notice_message("there is no transaction");
  const bool is_committed = is_kept && state_ != 'E';
  if (is_committed)
    settings_.commit();
  else if (state_ != 'I')
    settings_.roll_back();
  state_ = 'I';
  savepoints_.clear();
  end_portals(false);
  done(is_committed ? "COMMIT" : "ROLLBACK");
}

/// @param with_held those that outlast a transaction, too
void pg_session::end_portals(bool with_held) {
  std::erase_if(portals_, [&](const auto& each) {
    return with_held || !each.second.is_held;
  });
}

void pg_session::discard(const statement& what) {
  if (state_ != 'I')
    return fail(wrong_use("25001", "DISCARD ends no transaction"));
  const auto parts = parts_of(what.text);
  if (parts.size() == 2 && parts[1].is("all")) {
    prepared_.clear();
    end_portals(true);
    settings_.reset_all();
  }
  done("DISCARD " + (parts.size() == 2 ? text::upper_case(parts[1].text) : ""));
}

void pg_session::deallocate(const statement& what) {
  const auto parts = parts_of(what.text);
  const auto& name = parts.back();
  if (name.is("all")) {
    prepared_.clear();
    return done("DEALLOCATE ALL");
  }
  const auto found = prepared_.find(name.text);
  if (found == prepared_.end())
    return fail(
      wrong_use("26000", "there is no prepared statement '" + name.text + "'"));
  prepared_.erase(found);
  done("DEALLOCATE");
}

void pg_session::declare(const statement& what) {
  const auto parts = parts_of(what.text);
  portal made;
  size_t at = 2;
  bool is_cursor = false;
  for (; at < parts.size() && !parts[at].is("for"); ++at) {
    is_cursor = is_cursor || parts[at].is("cursor");
    if (parts[at].is("binary"))
      made.formats = {1};
    if (parts[at].is("hold"))
      made.is_held = parts[at - 1].is("with");
    if (parts[at].is("scroll") && !parts[at - 1].is("no"))
      return fail(wrong_use("0A000", "cursors go forward only"));
  }
  if (!is_cursor || at + 1 >= parts.size())
    return fail(wrong_use("42601", "DECLARE has a name, CURSOR FOR and a "
                                   "query"));
  if (!made.is_held && state_ != 'T')
    return fail(wrong_use("25P01", "a cursor WITHOUT HOLD is for a "
                                   "transaction"));
  const auto begin = parts[at].end;
  const auto inner = statements_in(std::string_view{what.text}.substr(begin));
  if (!inner || inner->size() != 1 || inner->front().what != command::query)
    return fail(wrong_use("42601", "a cursor is for a SELECT"));
  if (!may_hold_more())
    return;
  const auto& name = parts[1].text;
  if (portals_.contains(name))
    return fail(wrong_use("42P03", "there is a cursor '" + name + "' already"));
  made.what = inner->front();
  made.what.begin += what.begin + begin;
  made.source = source_;
  portals_[name] = std::move(made);
  done("DECLARE CURSOR");
}

void pg_session::fetch(const statement& what, bool is_described) {
  const auto read = read_fetch(what);
  if (!read)
    return fail(wrong_use("0A000", "of FETCH there are NEXT, FORWARD, ALL and "
                                   "a count above 0"));
  if (!portals_.contains(read->cursor))
    return fail(
      wrong_use("34000", "there is no cursor '" + read->cursor + "'"));
  run_portal({.portal = read->cursor,
              .rows_max = read->rows_max,
              .is_described = is_described,
              .tag = "FETCH"});
}

void pg_session::close_cursor(const statement& what) {
  const auto parts = parts_of(what.text);
  const auto& name = parts.back();
  if (name.is("all")) {
    std::erase_if(portals_,
                  [](const auto& each) { return !each.first.empty(); });
    return done("CLOSE CURSOR ALL");
  }
  if (portals_.erase(name.text) == 0)
    return fail(wrong_use("34000", "there is no cursor '" + name.text + "'"));
  done("CLOSE CURSOR");
}

void pg_session::set(const statement& what) {
  const auto parts = parts_of(what.text);
  const auto fault
    = what.what == command::set ? settings_.set(parts) : settings_.reset(parts);
  if (fault)
    return fail(wrong_use(fault.code == errc::not_found          ? "42704"
                          : fault.code == errc::invalid_argument ? "42601"
                                                                 : "22023",
                          fault.context));
  done(text::upper_case(what.word));
}

std::optional<result<query::table_data>>
pg_session::known_rows(const statement& what) const {
  if (what.what == command::show) {
    const auto name = shown_name(what);
    const auto value = settings_.find(name);
    if (!value)
      return error{errc::not_found, "there is no setting '" + name + "'"};
    return single_value(name, *value);
  }
  return catalogue_answer(
    what.text, {.tables = &limits_.served->tables,
                .settings = &settings_,
                .cluster = limits_.served->name,
                .user = user_,
                .pid = static_cast<int32_t>(number_),
                .now_ns = state_ == 'I' ? limits_.served->now() : began_ns_});
}

result<std::string>
pg_session::description_of(const statement& what,
                           const result_formats& formats) const {
  if (what.what == command::fetch) {
    const auto read = read_fetch(what);
    const auto found = read ? portals_.find(read->cursor) : portals_.end();
    if (found == portals_.end())
      return std::string{}; // FETCH itself is told what is wrong.
    return description_of(found->second.what, found->second.formats);
  }
  if (what.what != command::query && what.what != command::show)
    return std::string{};
  std::vector<column_schema> columns;
  if (const auto known = known_rows(what)) {
    if (!*known)
      return known->failure();
    for (const auto& column : (*known)->columns)
      columns.push_back({column.name, column.type});
    return description_message(columns, formats);
  }
  const query::schema_lookup find = [&](std::string_view name) {
    const auto found = limits_.served->tables.find(std::string{name});
    return found == limits_.served->tables.end() ? nullptr : &found->second;
  };
  const auto request = query::parse_sql(
    what.text, find, 0, query::lookup_in(*limits_.served->queries, find, 0));
  if (!request)
    return request.failure();
  columns = request->plan.columns;
  if (request->explain)
    columns = {{"QUERY PLAN", column_type::string}};
  return description_message(columns, formats);
}

void pg_session::run_portal(delivery then) {
  auto& of = portals_[then.portal];
  if (of.has_run)
    return deliver(then);
  if (const auto known = known_rows(of.what)) {
    auto rows = !*known   ? result<std::string>{known->failure()}
                : of.copy ? copy_messages(**known, *of.copy)
                          : row_messages(**known, of.formats);
    if (!rows)
      return fail(rows.failure(), of.source, of.what.begin);
    const auto size = message_bytes(*rows);
    of.description = rows->substr(0, size);
    of.at = size;
    of.rows = *std::move(rows);
    of.has_run = true;
    return deliver(then);
  }
  wish_for(query_wish{of.what.text, of.formats, of.copy, of.source,
                      of.what.begin, settings_.timeout_ns()});
  then_ = std::move(then);
}

void pg_session::deliver(const delivery& what) {
  auto& of = portals_[what.portal];
  if (what.is_described)
    reply_ += of.description;
  const std::string_view rows{of.rows};
  auto at = of.at;
  uint64_t count = 0;
  while (at < rows.size() && (what.rows_max == 0 || count < what.rows_max)) {
    const auto size = message_bytes(rows.substr(at));
    MILLRACE_ASSERT(size != 0);
    at += size;
    ++count;
  }
  const bool is_all = at == rows.size();
  if (of.copy)
    count -= extra_messages(*of.copy);
  if (is_all) {
    // Not twice in memory.
    of.rows.replace(0, of.at, reply_);
    reply_ = std::exchange(of.rows, {});
    of.at = 0;
  } else {
    reply_ += rows.substr(of.at, at - of.at);
    of.at = at;
  }
  if (what.tag == "COPY")
    message{reply_, 'c'};
  if (what.tag == "SELECT" && what.rows_max != 0 && count == what.rows_max)
    message{reply_, 's'};
  else
    done(std::string{what.tag} + " " + std::to_string(count));
  if (what.is_simple)
    portals_.erase(what.portal);
}

} // namespace millrace::nodes::postgres
