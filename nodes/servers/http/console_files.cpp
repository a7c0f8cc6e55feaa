#include <millrace/nodes/servers/http/console_files.hpp>

#include <string>

namespace millrace::nodes::http {

namespace {

constexpr std::string_view packed = ".gz";
constexpr std::string_view page_name = "index.html";

const char* type_of_file(std::string_view name) {
  if (name.ends_with(".js"))
    return "text/javascript; charset=utf-8";
  if (name.ends_with(".css"))
    return "text/css; charset=utf-8";
  if (name.ends_with(".html"))
    return "text/html; charset=utf-8";
  return "text/plain; charset=utf-8";
}

/// Nothing comes from elsewhere, and nothing within the page is run.
constexpr std::string_view page_headers
  = "Content-Security-Policy: default-src 'none'; script-src 'self'; "
    "style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n";

known_response as_response(const console_file& file,
                           const http_request& asked) {
  const bool is_packed = file.name.ends_with(packed);
  const auto name
    = file.name.substr(0, file.name.size() - (is_packed ? packed.size() : 0));
  known_response out;
  out.type = type_of_file(name);
  out.headers = "ETag: " + std::string{file.tag} + "\r\n";
  // The names of scripts and styles change with their bytes.
  out.headers += name.ends_with(".js") || name.ends_with(".css")
                   ? "Cache-Control: public, max-age=31536000, immutable\r\n"
                   : "Cache-Control: no-cache\r\n";
  out.headers += page_headers;
  if (asked.if_none_match.find(file.tag) != std::string::npos) {
    out.status = 304;
    return out;
  }
  if (is_packed)
    out.headers += "Content-Encoding: gzip\r\n";
  out.body = file.bytes;
  return out;
}

} // namespace

std::optional<known_response> console_page(const http_request& what) {
  constexpr std::string_view below = "/console/";
  std::string_view path = what.path;
  std::string_view wanted;
  if (path.starts_with(below))
    wanted = path.substr(below.size());
  else if (path != "/" && path != "/console")
    return std::nullopt;
  if (wanted.find('.') == wanted.npos)
    wanted = page_name;
  for (const auto& file : console_files())
    if (file.name == wanted
        || (file.name.ends_with(packed)
            && file.name.substr(0, file.name.size() - packed.size()) == wanted))
      return as_response(file, what);
  return std::nullopt;
}

} // namespace millrace::nodes::http
