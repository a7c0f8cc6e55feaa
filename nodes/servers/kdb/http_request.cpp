#include <millrace/messages/text/letter_case.hpp>
#include <millrace/nodes/servers/kdb/http_request.hpp>

#include <algorithm>
#include <array>

namespace millrace::nodes::kdb {

namespace {

constexpr std::array<std::string_view, 7> methods{
  "GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "PATCH "};
constexpr std::string_view versions = " HTTP/1.";

/// Nothing of it ends a line of a header.
bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string_view first_line(std::string_view request) {
  return request.substr(0, request.find("\r\n"));
}

/// What is asked for: "/", or what it is.
std::string_view target_of(std::string_view request) {
  const auto line = first_line(request);
  const auto begin = std::min(line.find(' ') + 1, line.size());
  const auto out = line.substr(begin, line.rfind(versions) - begin);
  return out.starts_with('/') && is_visible(out) ? out : "/";
}

/// The host by which the port was reached, without its port; empty: it is not
/// said, or not as hosts are written.
std::string host_of(std::string_view request) {
  constexpr std::string_view name = "\r\nhost:";
  const auto lower = text::lower_case(request);
  const auto at = lower.find(name);
  if (at == lower.npos)
    return {};
  auto out = request.substr(at + name.size());
  out = out.substr(0, out.find("\r\n"));
  const auto begin = std::min(out.find_first_not_of(" \t"), out.size());
  out = out.substr(begin, out.find_last_not_of(" \t") + 1 - begin);
  const auto end = out.starts_with('[') ? out.find(']') + 1 : out.find(':');
  out = out.substr(0, end);
  constexpr std::string_view letters
    = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
  return out.find_first_not_of(letters) == out.npos ? std::string{out}
                                                    : std::string{};
}

} // namespace

bool is_http(std::string_view bytes) {
  const auto line = first_line(bytes);
  const bool is_whole = line.size() < bytes.size();
  return std::any_of(methods.begin(), methods.end(), [&](auto method) {
    if (!line.starts_with(method))
      return false;
    // "GET :secret" is a login until a line says otherwise.
    return is_whole && line.find(versions, method.size()) != line.npos;
  });
}

std::string answer_to_http(std::string_view request, std::string_view place) {
  std::string where{place};
  if (const auto host = where.find("://:"); host != where.npos) {
    const auto reached_by = host_of(request);
    where.insert(host + 3, reached_by.empty() ? "localhost" : reached_by);
  }
  const bool is_known = !where.empty();
  const auto body
    = is_known ? "This port is for clients of kdb+. HTTP is at " + where + "\n"
               : std::string{"This port is for clients of kdb+, and no process "
                             "of type http is configured.\n"};
  std::string out = is_known
                      ? "HTTP/1.1 307 Temporary Redirect\r\nLocation: " + where
                          + std::string{target_of(request)} + "\r\n"
                      : "HTTP/1.1 404 Not Found\r\n";
  out += "Content-Type: text/plain; charset=utf-8\r\nContent-Length: "
         + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n";
  return request.starts_with("HEAD ") ? out : out + body;
}

} // namespace millrace::nodes::kdb
